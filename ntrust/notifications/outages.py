"""When a channel cannot send: noted once, from its first failure in a row to its next success."""

from __future__ import annotations

from datetime import datetime
from smtplib import SMTPException

from django.db.models import F

from ntrust.models import Delivery, Outage
from ntrust.states import Channel

_Way = tuple[str, int | None]


class Outages:
    """What one run of the sender has seen of its channels; a success is noted once a run."""

    def __init__(self) -> None:
        self._works: set[_Way] = set()

    def note(self, row: Delivery, error: Exception, *, now: datetime) -> None:
        """A message could not be sent. What is wrong with the message itself is no outage, and
        neither is one person's own chat: they are mailed as well, and told on their own page."""
        if row.channel == Channel.CHAT:
            return
        way = (row.channel, row.endpoint_id)
        self._works.discard(way)
        if not isinstance(error, OSError | SMTPException):
            return
        failure = f"{type(error).__name__}: {error}"[:500]
        outage, is_new = Outage.objects.get_or_create(
            channel=row.channel,
            endpoint=row.endpoint,
            ended_at=None,
            defaults={"began_at": now, "failure": failure},
        )
        if not is_new:
            Outage.objects.filter(pk=outage.pk).update(failures=F("failures") + 1, failure=failure)

    def end(self, row: Delivery, *, now: datetime) -> None:
        """A message was sent."""
        way = (row.channel, row.endpoint_id)
        if way not in self._works:
            self._works.add(way)
            Outage.objects.filter(
                channel=row.channel, endpoint=row.endpoint, ended_at=None, began_at__lte=now
            ).update(ended_at=now)
