"""After an event was sent: who is told, in numbers and roles, and what comes next."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from cohorts.queries import Viewer
from cohorts.queries.words import Mark
from ntrust.models import Event, Membership, Notification
from ntrust.states import Role
from safety.models import AdverseEvent, DltReport
from safety.policies import due_at, read_event
from safety.queries.events import ReadingRow, find_event, read_rows, todo_of
from safety.queries.reports import MARKS, owed_of


@dataclass(frozen=True)
class Coming:
    """Something that comes next: when, and the page on which the site does it."""

    what: str
    at: datetime | None
    address: str = ""
    about: tuple[str | int, ...] = ()


@dataclass(frozen=True)
class Sent:
    """An event as it was received. `told`: so many of each role, at so many sites."""

    event: AdverseEvent
    name: str
    number: str
    report: Mark | None
    readings: tuple[ReadingRow, ...]
    told: tuple[str, ...]
    coming: tuple[Coming, ...]


def find_sent(viewer: Viewer, number: int) -> AdverseEvent | None:
    """The event, for an investigator of its participant's site."""
    found = find_event(viewer, number)
    if found is None or not viewer.is_investigator_at(found.participant.site_id):
        return None
    return found


def read_sent(event: AdverseEvent, *, viewer: Viewer, now: datetime) -> Sent:
    """Everything the confirmation says. People of other sites are counted, not named."""
    person = event.participant
    report = DltReport.objects.filter(event=event, superseded_by__isnull=True).last()
    return Sent(
        event=event,
        name=str(person),
        number=person.screening_number,
        report=MARKS[report.state] if report is not None else None,
        readings=tuple(
            row for row in read_rows(event, read_event(event, now=now)) if row.mark.shape in "▲◔"
        ),
        told=tuple(_told(event)),
        coming=tuple(_coming(event, viewer, now)),
    )


def _told(event: AdverseEvent) -> Iterator[str]:
    """2 investigators at 3 sites, when one of them is at two; the medical monitor is 1 medical
    monitor."""
    study = event.participant.study
    sent = Event.objects.filter(study=study, kind="EVENT_REPORTED", at=event.entered_at).last()
    if sent is None:
        return
    mails = Notification.objects.filter(event__study=study, event__revision=sent.revision)
    people = set(mails.values_list("recipient_id", flat=True))
    rows = Membership.objects.filter(study=study, user__in=people, revoked_at__isnull=True)
    held = set(rows.values_list("role", "user_id", "site_id"))
    many = Counter(role for role, _ in {(role, user) for role, user, _ in held})
    for role in Role:
        if not many[role]:
            continue
        sites = {site for of, _, site in held if of == role and site is not None}
        words = f"{many[role]} {role.label}{'s' if many[role] > 1 else ''}"
        yield f"{words} at {len(sites)} site{'s' if len(sites) > 1 else ''}" if sites else words


def _coming(event: AdverseEvent, viewer: Viewer, now: datetime) -> Iterator[Coming]:
    """The clock, the word on the candidate, the rest of the event, the monitor's ruling."""
    for one in owed_of([event.participant], now=now).get(event.participant_id, ()):
        if one.is_clock and DltReport.objects.filter(pk=one.number, event=event).exists():
            what = "It counts as a DLT when its clock ends, unless you sign that it resolved"
            yield Coming(what, one.due_at, "safety:clear", (one.number,))
    todo = todo_of(event, now=now)
    if todo is not None and todo.has_question:
        yield Coming(
            "Say whether it is dose-limiting", todo.due_at, "safety:one_event", (event.pk,)
        )
    words = todo.words[1:] if todo is not None and todo.has_question else todo and todo.words
    if words:
        what = f"Enter the rest: {'; '.join(words)}"
        yield Coming(what, due_at(event), "safety:complete_event", (event.pk,))
    report = DltReport.objects.filter(event=event, superseded_by__isnull=True).last()
    if report is not None and report.state == "REPORTED":
        yield Coming("The medical monitor rules on the DLT; until then it counts", None)
