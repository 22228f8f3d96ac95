"""A person's own chat or telephone: told as well as by mail, never instead."""

from __future__ import annotations

from django.db import models
from django.db.models import CheckConstraint, Q

from ntrust.history import tracked
from ntrust.models.studies import User


@tracked(exclude=["target"])
class Chat(models.Model):
    """Where one person is told of what is urgent, as well as by mail.

    `target` leads there and is sealed (ntrust/notifications/chats.py): it stands in no history and
    on no page. Both it and `service` are blank once it is taken away. `failures` in a row open its
    circuit at `opened_at`, as a webhook's.
    """

    user = models.OneToOneField(User, on_delete=models.PROTECT, related_name="chat")
    service = models.CharField(max_length=20, blank=True)
    target = models.TextField(blank=True)
    failures = models.PositiveIntegerField(default=0)
    opened_at = models.DateTimeField(null=True)
    changed_at = models.DateTimeField()

    class Meta:
        constraints = [
            CheckConstraint(
                condition=Q(service="", target="") | ~Q(service="") & ~Q(target=""),
                name="chat_has_its_service",
            ),
        ]
