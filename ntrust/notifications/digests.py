"""The digest: what can wait is sent once a day, at each person's own hour.

A digest is of the last time that this hour struck where the person is, and holds what was planned
by then; so a beat that comes late makes the one that was missed, and two beats make one. Nobody is
sent an empty one.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, date, datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from django.db import transaction
from django.db.models import Exists, OuterRef, QuerySet

from ntrust.models import Delivery, Digest, Membership, Notification, Preference, User
from ntrust.notifications.nudging import nudge
from ntrust.states import Channel

DIGEST_HOUR: Final = 7
"""When nobody has said another one."""


def make_digests(*, now: datetime) -> int:
    """Make every digest whose hour has struck; how many. One person's is one transaction."""
    waiting = _waiting(now).values_list("recipient_id", flat=True).order_by("recipient_id")
    people = User.objects.filter(pk__in=waiting.distinct(), is_active=True)
    hours = hours_of(people)
    return sum(_make(person, *hours[person.pk], now=now) for person in people.order_by("pk"))


def hours_of(people: Iterable[User], *, own: bool = True) -> dict[int, tuple[int, str]]:
    """The hour of each person's digest, and the zone it is told in: their own choice, or that of
    their oldest role at a site, or UTC. Without `own`: had they chosen nothing."""
    ids = [person.pk for person in people]
    mine = Preference.objects.filter(user__in=ids) if own else ()
    chosen = {row.user_id: row for row in mine}
    rows = Membership.objects.filter(user__in=ids, site__isnull=False, revoked_at__isnull=True)
    homes = dict(rows.order_by("-id").values_list("user_id", "site__timezone"))
    found = {}
    for pk in ids:
        row = chosen.get(pk)
        zone = (row.timezone if row else "") or homes.get(pk, "UTC")
        found[pk] = (row.digest_hour if row else DIGEST_HOUR, zone)
    return found


def last_struck(hour: int, zone: str, *, now: datetime) -> tuple[date, datetime]:
    """The last day on which this hour has struck in this zone, and when that was.

    An hour that the clocks leave out strikes when they have moved on; one that comes twice, the
    first time.
    """
    there = ZoneInfo(zone)
    day = now.astimezone(there).date()
    while (struck := datetime.combine(day, time(hour), tzinfo=there).astimezone(UTC)) > now:
        day -= timedelta(days=1)
    return day, struck


def _waiting(by: datetime) -> QuerySet[Notification]:
    """What waits for a digest and was planned by then, for people who are still in the study."""
    still = Membership.objects.filter(
        user=OuterRef("recipient"), study=OuterRef("event__study"), revoked_at__isnull=True
    )
    return Notification.objects.filter(
        Exists(still), waits_for_digest=True, digest__isnull=True, planned_at__lte=by
    )


def _make(person: User, hour: int, zone: str, *, now: datetime) -> int:
    """One person's digest, unless there is nothing for it, or it was made: 1 or 0."""
    day, struck = last_struck(hour, zone, now=now)
    with transaction.atomic():
        User.objects.select_for_update(no_key=True).get(pk=person.pk)
        if Digest.objects.filter(user=person, day=day).exists():
            return 0
        rows = list(_waiting(struck).filter(recipient=person).values_list("pk", flat=True))
        if not rows:
            return 0
        digest = Digest.objects.create(user=person, day=day, made_at=now)
        Notification.objects.filter(pk__in=rows).update(digest=digest)
        Delivery.objects.create(
            digest=digest, channel=Channel.MAIL, planned_at=now, next_try_at=now
        )
        transaction.on_commit(nudge, robust=True)
    return 1
