"""Every participant's course in days: lymphodepletion, infusions, DLT window, events, departure.

Days are the site's own, counted from infusion 1 (Day 0); from its planned day before it was given.
Plain data, so that a packet can keep it as it was at the cut.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from django.db.models import Prefetch, Q

from cohorts.models import Outcome, Participant
from cohorts.policies import document_of
from cohorts.queries import Viewer
from cohorts.queries.covers import IN_SCREENING
from cohorts.states import DEPARTURES
from dosing.models import Course, DltWindow, Infusion, LdAdministration
from dosing.states import LdDoseState
from ntrust.models import Event, Study
from safety.models import AdverseEvent, DltReport
from safety.policies import is_fatal
from safety.states import DltReportState

GIVEN, PLANNED, NO_DAY = "given", "planned", ""
"""What Day 0 rests on."""
_MOMENT: Final = timedelta(microseconds=1)
_NOT_DLT: Final = (DltReportState.REFUTED, DltReportState.CLEARED)
_LEFT: Final = {f"PARTICIPANT_{state}": str(state.label) for state in DEPARTURES}


@dataclass(frozen=True)
class LdBar:
    """A course's lymphodepletion; `last` is None while it goes on. `agents`: what was given, or
    what the regimen has where doses were not entered one by one."""

    cycle: int
    regimen: str
    agents: tuple[str, ...]
    first: int
    last: int | None


@dataclass(frozen=True)
class LaneInfusion:
    """An infusion that was given."""

    cycle: int
    number: int
    day: int


@dataclass(frozen=True)
class LaneEvent:
    """An adverse event. `dlt` is the state of a report in force, empty without one; `first` is
    None where Day 0 is not known yet."""

    id: int
    term: str
    grade: int
    first: int | None
    last: int | None
    is_ongoing: bool
    is_serious: bool | None
    dlt: str

    @property
    def is_dlt(self) -> bool:
        """Whether it is, or may still become, a DLT."""
        return bool(self.dlt) and self.dlt not in _NOT_DLT


@dataclass(frozen=True)
class Lane:
    """One participant. `today` is the day of the data cut; `window` opens and closes, the close
    None while it is not known."""

    subject: str
    level: int | None
    part: int
    letter: str
    day_0: str
    today: int | None
    courses: tuple[LdBar, ...]
    infusions: tuple[LaneInfusion, ...]
    window: tuple[int, int | None] | None
    events: tuple[LaneEvent, ...]
    left: tuple[str, int | None] | None


def read_lanes(
    study: Study,
    *,
    now: datetime,
    viewer: Viewer | None = None,
    cover: Callable[[str], str] = str,
) -> tuple[Lane, ...]:
    """Lanes by part, level and first infusion; of those the viewer may know, or of everybody.

    Everybody in treatment, and everybody with an event. `cover` goes over the terms. Eight
    statements, whatever the number of participants.
    """
    people = _people(study, viewer)
    reports: dict[int, str] = {}
    in_force = DltReport.objects.filter(event__participant__study=study, superseded_by__isnull=True)
    for event, state in in_force.order_by("id").values_list("event_id", "state"):
        if event not in reports or reports[event] in _NOT_DLT:
            reports[event] = state
    left = {
        row.subject: row for row in Event.objects.filter(study=study, kind__in=_LEFT).order_by("id")
    }
    lanes = [
        (_place(person), _lane(person, reports, left.get(str(person)), now, cover, viewer))
        for person in people
    ]
    return tuple(lane for _, lane in sorted(lanes, key=lambda one: one[0]))


def lanes_of(rows: Sequence[Mapping[str, Any]]) -> tuple[Lane, ...]:
    """Lanes from what a packet kept."""
    return tuple(
        Lane(
            **{
                **row,
                "courses": tuple(
                    LdBar(**{**bar, "agents": tuple(bar["agents"])}) for bar in row["courses"]
                ),
                "infusions": tuple(LaneInfusion(**one) for one in row["infusions"]),
                "events": tuple(LaneEvent(**one) for one in row["events"]),
                "window": tuple(row["window"]) if row["window"] else None,
                "left": tuple(row["left"]) if row["left"] else None,
            }
        )
        for row in rows
    )


def _people(study: Study, viewer: Viewer | None) -> Sequence[Participant]:
    doses = LdAdministration.objects.filter(state=LdDoseState.GIVEN)
    rows = (
        Participant.objects.filter(study=study)
        .filter(Q(courses__isnull=False) | Q(adverse_events__isnull=False))
        .select_related("site", "protocol_version", "outcome__level", "window")
        .prefetch_related(
            Prefetch("courses", Course.objects.order_by("cycle")),
            Prefetch("courses__infusions", Infusion.objects.order_by("number")),
            Prefetch("courses__administrations", doses.order_by("started_at"), to_attr="doses"),
            Prefetch("adverse_events", AdverseEvent.objects.order_by("onset_at", "id")),
        )
        .order_by("id")
        .distinct()
    )
    if viewer is not None and not viewer.sees_every_site:
        rows = rows.filter(site_id__in=viewer.site_ids)
    return list(rows)


def _outcome(person: Participant) -> Outcome | None:
    return getattr(person, "outcome", None)


def _place(person: Participant) -> tuple[Any, ...]:
    """Part 1 first, the lowest level first, then by first infusion; those without a level last."""
    outcome = _outcome(person)
    if outcome is None:
        return (9, 0, True, 0.0, person.pk)
    at = outcome.first_infused_at
    return (outcome.part, outcome.level.ordinal, at is None, at.timestamp() if at else 0, person.pk)


def _lane(  # noqa: PLR0913 - what a lane is put together from
    person: Participant,
    reports: Mapping[int, str],
    left: Event | None,
    now: datetime,
    cover: Callable[[str], str],
    viewer: Viewer | None,
) -> Lane:
    outcome = _outcome(person)
    courses = list(person.courses.all())
    zero, rests_on = _day_0(person, outcome, courses)

    def day(at: datetime | date | None) -> int | None:
        return None if at is None or zero is None else (_local(person, at) - zero).days

    return Lane(
        subject=person.subject_number or (IN_SCREENING if viewer is None else str(person)),
        level=outcome.level.ordinal if outcome else None,
        part=outcome.part if outcome else 1,
        letter=outcome.letter if outcome else "",
        day_0=rests_on,
        today=day(now),
        courses=tuple(bar for one in courses if (bar := _bar(person, one, day)) is not None),
        infusions=tuple(
            LaneInfusion(course.cycle, infusion.number, at)
            for course in courses
            for infusion in course.infusions.all()
            if (at := day(infusion.given_at)) is not None
        ),
        window=_window(person, day),
        events=tuple(
            LaneEvent(
                id=event.pk,
                term=cover(event.term),
                grade=event.grade,
                first=day(event.onset_at),
                last=day(event.ended_at),
                is_ongoing=event.ended_at is None and not is_fatal(event),
                is_serious=event.is_serious,
                dlt=reports.get(event.pk, ""),
            )
            for event in person.adverse_events.all()
        ),
        left=(_LEFT[left.kind], day(left.at)) if left and person.state in DEPARTURES else None,
    )


def _local(person: Participant, at: datetime | date) -> date:
    return at.astimezone(ZoneInfo(person.site.timezone)).date() if isinstance(at, datetime) else at


def _day_0(
    person: Participant, outcome: Outcome | None, courses: Sequence[Course]
) -> tuple[date | None, str]:
    if outcome is not None and outcome.first_infused_at is not None:
        return _local(person, outcome.first_infused_at), GIVEN
    for course in courses[:1]:
        if course.planned_infusion_at is not None:
            return _local(person, course.planned_infusion_at), PLANNED
        for infusion in course.infusions.all()[:1]:
            return infusion.planned_date, PLANNED
    return None, NO_DAY


def _bar(
    person: Participant, course: Course, day: Callable[[datetime | None], int | None]
) -> LdBar | None:
    first = day(course.started_at)
    if first is None:
        return None
    regimen = document_of(person.protocol_version).regimen(course.regimen)
    doses = course.doses  # type: ignore[attr-defined] # prefetched
    agents = [dose.drug for dose in doses] or [dose.drug for dose in regimen.drugs]
    return LdBar(
        cycle=course.cycle,
        regimen=regimen.name,
        agents=tuple(dict.fromkeys(agents)),
        first=first,
        last=day(course.ended_at),
    )


def _window(
    person: Participant, day: Callable[[datetime | None], int | None]
) -> tuple[int, int | None] | None:
    window: DltWindow | None = getattr(person, "window", None)
    opened = day(window.opened_at) if window is not None else None
    if window is None or opened is None:
        return None
    # It closes at 24:00, which is the next day's 0:00.
    return opened, day(window.closes_at - _MOMENT) if window.closes_at else None
