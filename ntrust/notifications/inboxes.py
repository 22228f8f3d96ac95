"""What a person has been told of, in the studies in which they hold a role."""

from __future__ import annotations

from typing import Final

from django.db.models import Exists, F, OuterRef, Q, QuerySet

from ntrust.models import Membership, Notification, User

SHOWN: Final = 100
AWAITED: Final = Q(acknowledge_by__isnull=False, answer__isnull=True)
"""A word is awaited that nobody of the group has given."""
_OPEN: Final = AWAITED | Q(is_urgent=True, read_at__isnull=True)


def inbox_of(user: User) -> QuerySet[Notification]:
    """Everything a person was told of, of studies in which they still hold a role."""
    held = Membership.objects.filter(
        user=user, study=OuterRef("event__study"), revoked_at__isnull=True
    )
    return Notification.objects.filter(Exists(held), recipient=user)


def in_order(rows: QuerySet[Notification]) -> QuerySet[Notification]:
    """What awaits a word first, the first to fall due before the others; then what is unread, the
    urgent first; then the rest, newest first."""
    return rows.annotate(
        is_awaited=AWAITED,
        is_unread=Q(read_at__isnull=True),
    ).order_by(
        F("is_awaited").desc(),
        F("is_unread").desc(),
        "-is_urgent",
        F("acknowledge_by").asc(nulls_last=True),
        "-id",
    )


def count_open(user: object) -> int:
    """How much waits in a person's inbox: for a word, or urgent and not read. One statement."""
    return inbox_of(user).filter(_OPEN).count() if isinstance(user, User) else 0
