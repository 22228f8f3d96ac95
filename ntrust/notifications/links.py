"""The link of a mail by which one person says that they know of one event, without a log-in.

It names one notification, does nothing but acknowledge it, ends after a time, and shows nothing
that needs a log-in. Who holds it may say "we know", and no more.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from django.conf import settings
from django.core.signing import BadSignature, Signer
from django.urls import reverse
from django.utils.http import base36_to_int, int_to_base36

from ntrust import clock
from ntrust.models import Notification

_SALT: Final = "ntrust.notifications.links.acknowledge"
_LONGEST: Final = 200


@dataclass(frozen=True)
class Link:
    """What a link says that was really made here: of which notification, and until when."""

    notification: int
    ends_at: datetime


def acknowledge_url(row: Notification) -> str:
    """The whole address behind the button of a mail; it begins to age when it is made."""
    path = reverse("acknowledge", args=[_make_token(row, now=clock.now())])
    return f"{settings.NTRUST_PUBLIC_URL}{path}"


def read_link(token: str) -> Link | None:
    """What the token of a link says; None for one that was not made here, or was altered."""
    if len(token) > _LONGEST:
        return None
    try:
        row, made = _signer().unsign(token).split("-")
        made_at = datetime.fromtimestamp(base36_to_int(made), tz=UTC)
    except (BadSignature, ValueError, OverflowError):
        return None
    lasts = timedelta(seconds=settings.ACKNOWLEDGE_LINK_SECONDS)
    return Link(notification=int(row), ends_at=made_at + lasts)


def _make_token(row: Notification, *, now: datetime) -> str:
    return _signer().sign(f"{row.pk}-{int_to_base36(int(now.timestamp()))}")


def _signer() -> Signer:
    return Signer(salt=_SALT, sep=".")
