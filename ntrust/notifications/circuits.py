"""Whoever fails too often is left alone for a while: webhooks and chats alike."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from django.db import transaction

from ntrust.models import Chat, Endpoint

OPENS_AFTER: Final = 5
"""So many failures in a row open a circuit."""
OPEN_FOR: Final = timedelta(minutes=10)


class CircuitOpen(Exception):  # noqa: N818 - nothing was tried
    """It has failed too often; `until` nothing is tried."""

    def __init__(self, until: datetime) -> None:
        super().__init__(f"too many failures in a row; nothing is tried before {until:%H:%M} UTC")
        self.until = until


def check_circuit(thing: Endpoint | Chat, *, now: datetime) -> None:
    """Refuses (CircuitOpen) to try what has failed too often of late."""
    if thing.opened_at is not None and now < thing.opened_at + OPEN_FOR:
        raise CircuitOpen(thing.opened_at + OPEN_FOR)


def count_try(thing: Endpoint | Chat, *, has_failed: bool, now: datetime) -> None:
    """Keep how it fares. The circuit opens after so many failures, and again after each try."""
    if not has_failed and not thing.failures:
        return
    with transaction.atomic():
        row = type(thing).objects.select_for_update(no_key=True).get(pk=thing.pk)
        row.failures = row.failures + 1 if has_failed else 0
        row.opened_at = now if row.failures >= OPENS_AFTER else None
        row.save(update_fields=["failures", "opened_at"])
