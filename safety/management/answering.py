"""A trial whose people answer what they are told, a few minutes later."""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime, timedelta
from typing import Final

from ntrust.actions import acknowledge
from ntrust.errors import Refused
from ntrust.models import Notification
from ntrust.notifications.inboxes import AWAITED
from ntrust.states import AcknowledgedWhere
from safety.management.conduct import Conduct

AFTER: Final = timedelta(minutes=7)


class Answering(Conduct):
    """Before time moves on, one of each group has said that they know of each alert."""

    def tick(self) -> datetime:
        """A minute later, with the answers that were given until then."""
        now = super().tick()
        rows = Notification.objects.filter(
            AWAITED, event__study=self.study, planned_at__lte=now - AFTER
        )
        for row in rows.select_related("event", "recipient").order_by("id"):
            with suppress(Refused):  # somebody of the group has, or reads a decision first
                at = row.planned_at + AFTER
                acknowledge(row, by=row.recipient, where=AcknowledgedWhere.INBOX, now=at)
        return now
