"""What could not be sent, what is out of order, and what became of one message."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from django.db.models import Q, QuerySet
from django.utils.text import Truncator

from cohorts.queries import Viewer
from cohorts.queries.words import HARM, PLAN, QUIET, SETTLED, WAITING, Mark
from ntrust.models import Delivery, Endpoint, Outage, Study
from ntrust.notifications import OPEN_FOR
from ntrust.queries import deliveries_of
from ntrust.states import Channel, DeliveryState, EndpointState, Role

_LONGEST_FAILURE: Final = 120
_READERS: Final = (Role.STUDY_MANAGER, Role.MEDICAL_MONITOR, Role.AUDITOR)
_MARKS: Final = {
    DeliveryState.PLANNED: ("planned", PLAN, "○"),
    DeliveryState.SENDING: ("tried", WAITING, "◔"),
    DeliveryState.SENT: ("sent", SETTLED, "●"),
    DeliveryState.FAILED: ("failed", HARM, "▲"),
}


@dataclass(frozen=True)
class Unsent:
    """A message that will not be tried any more."""

    number: int
    whom: str
    what: str
    channel: str
    is_urgent: bool
    attempts: int
    tried_at: datetime | None
    failure: str


@dataclass(frozen=True)
class Undelivered:
    """The list of what could not be sent; `outages`: sentences about channels out of order."""

    rows: tuple[Unsent, ...]
    outages: tuple[str, ...]
    can_act: bool


@dataclass(frozen=True)
class Step:
    """Something that happened to a message. `by`: who did it, with their reason."""

    at: datetime
    mark: Mark
    said: str
    by: str = ""


@dataclass(frozen=True)
class Course:
    """One message from its plan to the word that it was read."""

    message: Unsent
    key: str
    target: str
    steps: tuple[Step, ...]
    can_send_again: bool


@dataclass(frozen=True)
class Webhook:
    """A webhook as it stands; its secret is nowhere."""

    number: int
    name: str
    url: str
    kinds: str
    state: Mark
    is_active: bool
    sent: int
    failed: int


def may_read_undelivered(viewer: Viewer) -> bool:
    """Central people; who has a site reads their own inbox."""
    return viewer.holds(_READERS)


def read_undelivered(viewer: Viewer) -> Undelivered:
    """What has failed, urgent first. Three statements, however much it is."""
    rows = with_all(deliveries_of(viewer.study).filter(state=DeliveryState.FAILED))
    return Undelivered(
        rows=tuple(describe(row) for row in rows.order_by("-is_urgent", "id")),
        outages=tuple(said for _, said in read_outages(viewer.study)),
        can_act=viewer.holds([Role.STUDY_MANAGER]),
    )


def read_outages(study: Study) -> Iterator[tuple[str, str]]:
    """Each way of sending that fails now, mail and the study's own webhooks: name and sentence."""
    open_now = Outage.objects.filter(
        Q(endpoint__isnull=True) | Q(endpoint__study=study), ended_at=None, failures__gte=2
    )
    for outage in open_now.select_related("endpoint").order_by("id"):
        name = Channel(outage.channel).label.capitalize()
        if outage.endpoint:
            name = f"{name} {outage.endpoint}"
        last = Truncator(outage.failure).chars(_LONGEST_FAILURE)
        yield (
            name,
            f"{name} cannot be sent since {outage.began_at:%d-%b-%Y %H:%M} UTC: "
            f"{outage.failures} failures, the last: {last}",
        )


def read_course(viewer: Viewer, number: int) -> Course | None:
    """One message of the study with its history; None when there is no such one."""
    row = with_all(deliveries_of(viewer.study).filter(pk=number)).first()
    if row is None:
        return None
    steps = [_step(version) for version in row.row_history.order_by("pgh_id")]  # type: ignore[attr-defined]
    return Course(
        message=describe(row),
        key=str(row.key),
        target=row.target,
        steps=(*steps, *_answers(row)),
        can_send_again=row.state == DeliveryState.FAILED and viewer.holds([Role.STUDY_MANAGER]),
    )


def read_webhooks(viewer: Viewer) -> tuple[Webhook, ...]:
    """The study's webhooks, with how they fare. Three statements."""
    rows = list(Endpoint.objects.filter(study=viewer.study))
    counts: dict[tuple[int | None, str], int] = {}
    ended = Delivery.objects.filter(
        endpoint__in=rows, state__in=[DeliveryState.SENT, DeliveryState.FAILED]
    )
    for endpoint, state in ended.values_list("endpoint_id", "state"):
        counts[endpoint, state] = counts.get((endpoint, state), 0) + 1
    return tuple(
        Webhook(
            number=row.pk,
            name=row.name,
            url=row.url,
            kinds=", ".join(row.kinds) or "every kind",
            state=_state(row),
            is_active=row.state == EndpointState.ACTIVE,
            sent=counts.get((row.pk, DeliveryState.SENT), 0),
            failed=counts.get((row.pk, DeliveryState.FAILED), 0),
        )
        for row in rows
    )


def _state(row: Endpoint) -> Mark:
    if row.state == EndpointState.PAUSED:
        return Mark("paused", QUIET, "○")
    if row.opened_at is not None:
        until = row.opened_at + OPEN_FOR
        return Mark(
            f"{_failures(row)} in a row: tried again from {until:%d-%b %H:%M} UTC", HARM, "▲"
        )
    if row.failures:
        return Mark(f"active, {_failures(row)} in a row", WAITING, "◔")
    return Mark("active", SETTLED, "●")


def _failures(row: Endpoint) -> str:
    return "1 failure" if row.failures == 1 else f"{row.failures} failures"


def with_all(rows: QuerySet[Delivery]) -> QuerySet[Delivery]:
    """With what `describe` reads."""
    return rows.select_related(
        "notification__recipient", "notification__event", "digest__user", "endpoint", "event"
    )


def describe(row: Delivery) -> Unsent:
    """A message: to whom, and of what."""
    if row.notification is not None:
        whom, what = str(row.notification.recipient), row.notification.event.sentence
    elif row.digest is not None:
        whom, what = str(row.digest.user), f"Digest of {row.digest.day:%d-%b-%Y}"
    elif row.chat is not None:
        whom, what = str(row.chat.user), "Test message"
    else:
        whom = str(row.endpoint)
        what = row.event.sentence if row.event else "Test message"
    return Unsent(
        number=row.pk,
        whom=whom,
        what=what,
        channel=row.get_channel_display(),
        is_urgent=row.is_urgent,
        attempts=row.attempts,
        tried_at=row.claimed_at,
        failure=row.failure,
    )


def _step(version: Any) -> Step:
    """One version of a message's row, in words; the time is the database's."""
    words, tone, shape = _MARKS[DeliveryState(version.state)]
    context = version.pgh_context or {}
    by, said = "", ""
    if version.state == DeliveryState.SENDING:
        said = f"attempt {version.attempts}"
    elif version.state == DeliveryState.FAILED:
        said = version.failure
    elif version.state == DeliveryState.PLANNED and version.attempts:
        words, said = "not sent", f"{version.failure}; again {version.next_try_at:%H:%M:%S} UTC"
    elif version.state == DeliveryState.PLANNED and version.failure and context.get("reason"):
        words, by = "sent again", f"{context.get('username')}: {context['reason']}"
    return Step(version.pgh_created_at, Mark(words, tone, shape), said, by)


def _answers(row: Delivery) -> Iterator[Step]:
    told = row.notification
    if told is not None and told.read_at:
        yield Step(told.read_at, Mark("read", SETTLED, "●"), "in the inbox")
    if told is not None and told.acknowledged_at:
        how = told.get_acknowledged_where_display()
        yield Step(told.acknowledged_at, Mark("acknowledged", SETTLED, "●"), how)
