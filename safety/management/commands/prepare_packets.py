"""`manage.py prepare_packets [--study KEY]`: the files of packets, made here and now."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from ntrust import clock
from safety.actions.packet_files import prepare_packet
from safety.models import PacketFile, Review
from safety.reports import MAKERS
from safety.states import PacketFileState


class Command(BaseCommand):
    """For when no worker runs. Status 1 when a file could not be made."""

    help = "Prepare every packet's PDF, workbook and JSON that is owed, without the worker."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--study", metavar="KEY", help="only this study")

    def handle(self, *args: Any, **options: Any) -> None:
        reviews = Review.objects.order_by("study__key", "number")
        if options["study"]:
            reviews = reviews.filter(study__key=options["study"])
            if not reviews:
                raise CommandError(f"There is no packet of a study {options['study']}.")
        made = sum(
            prepare_packet(key, number, MAKERS, now=clock.now())
            for key, number in reviews.values_list("study__key", "number")
        )
        failed = PacketFile.objects.filter(
            packet__review__in=reviews, state=PacketFileState.FAILED
        ).count()
        if failed:
            raise CommandError(f"{failed} files could not be made; the log says why.")
        self.stdout.write(f"{made} packets prepared.")
