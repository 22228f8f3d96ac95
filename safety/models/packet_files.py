"""The files of a packet: what is drawn and written from it in the background."""

from __future__ import annotations

import pgtrigger
from django.db import models
from django.db.models import CheckConstraint, Q, UniqueConstraint

from safety.models.reviews import Packet
from safety.states import PACKET_FILE, PacketFileState, PacketForm


class PacketFile(models.Model):
    """One form of a packet in one edition; an edition is another one as soon as somebody signs.

    Made from the packet by the worker, which says how far it is (`percent`). A file that is ready
    stays as it is, byte by byte.
    """

    packet = models.ForeignKey(Packet, on_delete=models.PROTECT, related_name="files")
    edition = models.CharField(max_length=64)
    form = models.CharField(max_length=8, choices=PacketForm.choices)
    state = models.CharField(
        max_length=10, choices=PacketFileState.choices, default=PacketFileState.PREPARING
    )
    percent = models.PositiveSmallIntegerField(default=0)
    content = models.BinaryField(null=True)
    content_hash = models.CharField(max_length=64, blank=True)
    started_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)
    tries = models.PositiveSmallIntegerField(default=1)
    failed_because = models.TextField(blank=True)

    class Meta:
        ordering = ["id"]
        constraints = [
            UniqueConstraint(
                fields=["packet", "edition", "form"], name="one_file_an_edition_and_form"
            ),
            CheckConstraint(condition=Q(percent__lte=100), name="at_most_a_hundred_percent"),
            CheckConstraint(
                condition=~Q(state=PacketFileState.READY)
                | Q(content__isnull=False, percent=100) & ~Q(content_hash=""),
                name="ready_with_its_bytes",
            ),
        ]
        triggers = [
            PACKET_FILE.guard(),
            pgtrigger.Protect(
                name="ready_files_stay",
                operation=pgtrigger.Update | pgtrigger.Delete,
                condition=pgtrigger.Q(old__state=PacketFileState.READY.value),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.form} of packet {self.packet_id}"
