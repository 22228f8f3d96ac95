"""The dosing calendar: who is in lymphodepletion, is dosed, or in the DLT window, day by day.

Days are those of each participant's site. For people bound to a site it holds their own site only.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from cohorts.models import Outcome, Participant, Screening
from cohorts.queries import Viewer
from cohorts.queries.words import PLAN, QUIET, SETTLED, WAITING, name_level
from cohorts.states import ParticipantState
from dosing.models import Course, DltWindow, Infusion, LdAdministration
from dosing.states import InfusionState, LdDoseState, WindowState
from ntrust.models import Site
from ntrust.states import Role, SiteState

READERS: Final = (
    Role.STUDY_MANAGER,
    Role.MEDICAL_MONITOR,
    Role.AUDITOR,
    Role.INVESTIGATOR,
    Role.PHARMACIST,
)
DAYS_SHOWN: Final = 14
_SHOWN: Final = (
    ParticipantState.SLOTTED,
    ParticipantState.CONDITIONING,
    ParticipantState.TREATED,
    ParticipantState.FOLLOW_UP,
)
_INSTANT: Final = timedelta(microseconds=1)
LYMPHODEPLETION, INFUSION, WINDOW, CLOSE = "LYMPHODEPLETION", "INFUSION", "WINDOW", "CLOSE"


@dataclass(frozen=True)
class Entry:
    """One thing on one day. `short` fits a narrow cell, `text` says it whole; `kind` is one of the
    constants above. `is_planned`: not done yet."""

    kind: str
    short: str
    text: str
    tone: str
    shape: str
    is_planned: bool


@dataclass(frozen=True)
class Cell:
    """A participant's day."""

    day: date
    is_today: bool
    entries: tuple[Entry, ...]

    @property
    def is_in_window(self) -> bool:
        """Whether the day is in the DLT window, its last day included."""
        return any(entry.kind in (WINDOW, CLOSE) for entry in self.entries)

    @property
    def is_window_only(self) -> bool:
        """Whether the day is in the DLT window and nothing else happens."""
        return bool(self.entries) and all(entry.kind == WINDOW for entry in self.entries)


@dataclass(frozen=True)
class CalendarRow:
    """A participant's days. `now` says where they are today."""

    name: str
    screening_number: str
    level: str
    now: str
    cells: tuple[Cell, ...]


@dataclass(frozen=True)
class SiteDays:
    """The participants of a site. Counts are of people, today at the site: in lymphodepletion
    (begun, infusion 1 not given), to be infused today, in the DLT window."""

    code: str
    name: str
    zone: str
    rows: tuple[CalendarRow, ...]
    in_lymphodepletion: int
    infusions_today: int
    in_window: int


@dataclass(frozen=True)
class Calendar:
    """Days from `start` on, site by site."""

    start: date
    days: tuple[date, ...]
    today: date
    as_of: datetime
    sites: tuple[SiteDays, ...]

    @property
    def earlier(self) -> date:
        """The start of the stretch before this one."""
        return self.start - timedelta(days=DAYS_SHOWN)

    @property
    def later(self) -> date:
        """The start of the stretch after this one."""
        return self.start + timedelta(days=DAYS_SHOWN)


def may_read_calendar(viewer: Viewer) -> bool:
    """Everybody who treats or oversees; the committee reads its packets."""
    return viewer.holds(READERS)


def read_calendar(viewer: Viewer, *, now: datetime, start: date | None = None) -> Calendar:
    """Two weeks of the sites this person may know, from Monday of this week or from `start`.

    Eight statements, however many participants. A site that is open has its place here with nobody
    on these days too; one that never was has it with its first participant.
    """
    today = now.date()
    start = start or today - timedelta(days=today.weekday())
    days = tuple(start + timedelta(days=ahead) for ahead in range(DAYS_SHOWN))
    facts = _read_facts(viewer)
    by_site: defaultdict[int, list[_Read]] = defaultdict(list)
    for person in facts.people:
        by_site[person.site_id].append(_read(person, facts, days=days, now=now))
    sites = Site.objects.filter(study=viewer.study).order_by("code")
    if not viewer.sees_every_site:
        sites = sites.filter(pk__in=viewer.site_ids)
    return Calendar(
        start=start,
        days=days,
        today=today,
        as_of=now,
        sites=tuple(
            _site(site, by_site[site.pk])
            for site in sites
            if site.pk in by_site or site.state != SiteState.PLANNED
        ),
    )


@dataclass(frozen=True)
class _Facts:
    """What the calendar reads, by participant."""

    people: list[Participant]
    levels: dict[int, int]
    screenings: dict[int, Screening]
    courses: dict[int, list[Course]]
    doses: dict[int, list[LdAdministration]]
    infusions: dict[int, list[Infusion]]
    windows: dict[int, DltWindow]


@dataclass(frozen=True)
class _Read:
    """A participant's row, and what their site counts of it."""

    row: CalendarRow
    is_conditioned: bool
    is_infused_today: bool
    is_in_window: bool


def _read_facts(viewer: Viewer) -> _Facts:
    people = Participant.objects.filter(study=viewer.study, state__in=_SHOWN)
    if not viewer.sees_every_site:
        people = people.filter(site_id__in=viewer.site_ids)
    rows = list(people.select_related("site").order_by("id"))
    ids = [row.pk for row in rows]
    courses: defaultdict[int, list[Course]] = defaultdict(list)
    for course in Course.objects.filter(participant__in=ids):
        courses[course.participant_id].append(course)
    doses: defaultdict[int, list[LdAdministration]] = defaultdict(list)
    given = LdAdministration.objects.filter(course__participant__in=ids)
    for dose in given.exclude(state=LdDoseState.OMITTED).select_related("course"):
        doses[dose.course.participant_id].append(dose)
    infusions: defaultdict[int, list[Infusion]] = defaultdict(list)
    planned = Infusion.objects.filter(course__participant__in=ids)
    for infusion in planned.exclude(state=InfusionState.MISSED).select_related("course"):
        infusions[infusion.course.participant_id].append(infusion)
    levels = Outcome.objects.filter(participant__in=ids)
    return _Facts(
        people=rows,
        levels=dict(levels.values_list("participant_id", "level__ordinal")),
        screenings={
            one.participant_id: one for one in Screening.objects.filter(participant__in=ids)
        },
        courses=courses,
        doses=doses,
        infusions=infusions,
        windows={one.participant_id: one for one in DltWindow.objects.filter(participant__in=ids)},
    )


def _read(person: Participant, facts: _Facts, *, days: tuple[date, ...], now: datetime) -> _Read:
    zone = ZoneInfo(person.site.timezone)
    today = now.astimezone(zone).date()
    found: defaultdict[date, list[Entry]] = defaultdict(list)
    for day, entry in _entries(person, facts, zone):
        found[day].append(entry)
    window = facts.windows.get(person.pk)
    first, last = _span(window, zone)
    is_in_window = first is not None and first <= today and (last is None or today <= last)
    cells = []
    for day in days:
        here = sorted(found[day], key=lambda entry: _ORDER.index(entry.kind))
        in_window = first is not None and first <= day and last is not None and day <= last
        if in_window and first is not None and not any(e.kind == CLOSE for e in here):
            here.append(_window_day((day - first).days))
        cells.append(Cell(day, day == today, tuple(here)))
    is_conditioned = person.state == ParticipantState.CONDITIONING
    row = CalendarRow(
        name=str(person),
        screening_number=person.screening_number,
        level=name_level(facts.levels.get(person.pk)),
        now=_where(person, window, first, last, today),
        cells=tuple(cells),
    )
    is_infused = any(entry.kind == INFUSION for entry in found[today])
    return _Read(row, is_conditioned, is_infused, is_in_window)


_ORDER: Final = (LYMPHODEPLETION, INFUSION, CLOSE, WINDOW)


def _entries(person: Participant, facts: _Facts, zone: ZoneInfo) -> Iterator[tuple[date, Entry]]:
    courses = facts.courses.get(person.pk, [])
    if not courses:
        yield from _planned(facts.screenings.get(person.pk))
    doses = facts.doses.get(person.pk, [])
    with_doses = {dose.course_id for dose in doses}
    yield from _lymphodepletion(doses, zone)
    for course in courses:
        if course.pk not in with_doses:
            begun = course.started_at.astimezone(zone).date()
            yield begun, _entry(LYMPHODEPLETION, "LD", "Lymphodepletion begun", is_done=True)
    for infusion in facts.infusions.get(person.pk, ()):
        yield _infusion(infusion, zone)
    _, last = _span(facts.windows.get(person.pk), zone)
    if last is not None:
        closed = facts.windows[person.pk].state == WindowState.CLOSED
        text = "DLT window ends at 24:00" + (", statement signed" if closed else "")
        tone, shape = (SETTLED, "●") if closed else (WAITING, "◔")
        yield last, Entry(CLOSE, "end", text, tone, shape, is_planned=not closed)


def _planned(screening: Screening | None) -> Iterator[tuple[date, Entry]]:
    """The dates planned at screening, before anything has begun."""
    if screening is None:
        return
    if screening.lymphodepletion_date:
        text = "Lymphodepletion planned to begin"
        yield screening.lymphodepletion_date, _entry(LYMPHODEPLETION, "LD", text)
    if screening.first_infusion_date:
        yield screening.first_infusion_date, _entry(INFUSION, "I1", "Infusion 1 planned")


def _lymphodepletion(
    doses: Iterable[LdAdministration], zone: ZoneInfo
) -> Iterator[tuple[date, Entry]]:
    """One entry a day, all drugs together."""
    by_day: defaultdict[date, list[LdAdministration]] = defaultdict(list)
    for dose in doses:
        at = dose.started_at
        by_day[at.astimezone(zone).date() if at else dose.planned_date].append(dose)
    for day, given in by_day.items():
        is_done = all(dose.state == LdDoseState.GIVEN for dose in given)
        drugs = " + ".join(dict.fromkeys(dose.drug for dose in given))
        text = f"Lymphodepletion {'given' if is_done else 'planned'}: {drugs}"
        yield day, _entry(LYMPHODEPLETION, "LD", text, is_done=is_done)


def _infusion(infusion: Infusion, zone: ZoneInfo) -> tuple[date, Entry]:
    short, name = f"I{infusion.number}", f"Infusion {infusion.number}"
    if infusion.given_at is not None:
        day = infusion.given_at.astimezone(zone)
        return day.date(), _entry(INFUSION, short, f"{name} given {day:%H:%M}", is_done=True)
    if infusion.state == InfusionState.HELD:
        held = Entry(INFUSION, short, f"{name} put off", WAITING, "▲", is_planned=True)
        return infusion.planned_date, held
    return infusion.planned_date, _entry(INFUSION, short, f"{name} planned")


def _entry(kind: str, short: str, text: str, *, is_done: bool = False) -> Entry:
    tone, shape = (SETTLED, "●") if is_done else (PLAN, "○")
    return Entry(kind, short, text, tone, shape, is_planned=not is_done)


def _window_day(number: int) -> Entry:
    return Entry(WINDOW, str(number), f"Day {number} of the DLT window", QUIET, "·", False)


def _span(window: DltWindow | None, zone: ZoneInfo) -> tuple[date | None, date | None]:
    """First and last day of a window at the site; the last is None while it is not known."""
    if window is None or window.opened_at is None:
        return None, None
    first = window.opened_at.astimezone(zone).date()
    if window.closes_at is None:
        return first, None
    return first, (window.closes_at - _INSTANT).astimezone(zone).date()


def _where(
    person: Participant,
    window: DltWindow | None,
    first: date | None,
    last: date | None,
    today: date,
) -> str:
    """Where a participant is today, in words."""
    if window is not None and window.state == WindowState.AWAITING_STATEMENT:
        return "window over, statement owed"
    if first is not None and window is not None and window.state == WindowState.OPEN:
        day = (today - first).days
        length = "" if last is None else f" of {(last - first).days}"
        return f"in the DLT window, day {day}{length}"
    return ParticipantState(person.state).label


def _site(site: Site, read: list[_Read]) -> SiteDays:
    return SiteDays(
        code=site.code,
        name=site.place or site.name,
        zone=site.timezone,
        rows=tuple(one.row for one in read if any(cell.entries for cell in one.row.cells)),
        in_lymphodepletion=sum(one.is_conditioned for one in read),
        infusions_today=sum(one.is_infused_today for one in read),
        in_window=sum(one.is_in_window for one in read),
    )
