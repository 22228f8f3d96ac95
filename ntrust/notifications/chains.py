"""Who waits for one word: a group, and whoever was told in its place.

People told of an event in one role at one site are a group: a word from one of them is the word of
all. Those who are told because nobody of a group answered are of its chain, and answer for it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from django.db.models import Exists, OuterRef, Q, QuerySet

from ntrust.models import Delivery, Event, Notification
from ntrust.states import Channel, DeliveryState

UNHEARD: Final = Q(channel=Channel.CHAT) & ~Q(state=DeliveryState.SENT)
"""A chat that is still tried keeps nobody waiting whose mail has failed for good."""


@dataclass(frozen=True)
class Chain:
    """A group of an event with everyone who was told in its place, in the order they were told."""

    role: str
    site_id: int | None
    rows: tuple[Notification, ...]

    @property
    def answer(self) -> Notification | None:
        """The first word from anybody of it."""
        said = [row for row in self.rows if row.acknowledged_at is not None]
        return min(said, key=lambda row: (row.acknowledged_at, row.pk), default=None)

    @property
    def last(self) -> tuple[Notification, ...]:
        """Those who were told last, whose word is awaited now."""
        step = max(row.step for row in self.rows)
        return tuple(row for row in self.rows if row.step == step)


def chains_of(rows: Iterable[Notification]) -> list[Chain]:
    """The chains among notifications, all of one event's or of several events'. No statement."""
    by_pk = {row.pk: row for row in sorted(rows, key=lambda row: row.pk)}
    found: dict[tuple[int, str, int | None], list[Notification]] = {}
    for row in by_pk.values():
        first = row
        while first.in_place_of_id is not None:
            first = by_pk[first.in_place_of_id]
        found.setdefault((first.event_id, first.role, first.site_id), []).append(row)
    return [Chain(role, site, tuple(them)) for (_, role, site), them in found.items()]


def chain_of(row: Notification) -> Chain:
    """The chain of one notification, with who is in it. One statement."""
    rows = Notification.objects.filter(event_id=row.event_id).select_related("recipient", "site")
    return next(chain for chain in chains_of(rows) if row.pk in {one.pk for one in chain.rows})


def lock_rows_of(events: Iterable[Event | int]) -> None:
    """Take the notifications of events, always in one order, before any of them is answered or
    passed on."""
    keys = [event.pk if isinstance(event, Event) else event for event in events]
    rows = Notification.objects.filter(event_id__in=keys).order_by("id")
    list(rows.select_for_update(no_key=True).values_list("pk"))


def due_alerts(*, now: datetime) -> QuerySet[Notification]:
    """Notifications whose silence has to be seen to: the time for a word has passed, or an urgent
    or awaited one can definitely not be delivered."""
    failed = Delivery.objects.filter(state=DeliveryState.FAILED, notification__isnull=False)
    others = Delivery.objects.filter(notification=OuterRef("pk")).exclude(
        UNHEARD | Q(state=DeliveryState.FAILED)
    )
    is_late = Q(acknowledge_by__lte=now)
    is_lost = Q(pk__in=failed.values("notification")) & ~Exists(others)
    matters = Q(is_urgent=True) | Q(acknowledge_by__isnull=False)
    return Notification.objects.filter(is_late | is_lost & matters, seen_to_at__isnull=True)


def detail_of(event: Event) -> str:
    """What a person typed or what clinically happened, as it stands in the event's sentence."""
    detail = str(event.data.get("detail", ""))
    return detail if detail in event.sentence else ""


def without_detail(event: Event) -> str:
    """The sentence of an event as it may be told outside: without its `detail`, which is what a
    person typed or what clinically happened, wherever in the sentence it stands."""
    sentence, detail = event.sentence, detail_of(event)
    if not detail:
        return sentence
    before, _, after = sentence.rpartition(detail)
    return f"{before.rstrip(' :;,.(')}. {after.lstrip(' .;:)')}".strip()


def brief(event: Event) -> str:
    """What happened, to be quoted in another sentence."""
    return without_detail(event).rstrip(".")
