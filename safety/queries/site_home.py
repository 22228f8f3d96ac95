"""A site's own participants as cards: where each is, what is next, what is owed; urgent first."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final

from cohorts.models import Hold, Outcome, Participant
from cohorts.policies import day_at
from cohorts.queries import Viewer
from cohorts.queries.forecast import Forecast, read_forecast
from cohorts.queries.queue import Queue, read_queue
from cohorts.queries.words import name_level
from cohorts.states import HoldScope, HoldState, ParticipantState
from dosing.models import DltWindow, Infusion
from dosing.states import InfusionState, WindowState
from ntrust.states import Role
from safety.queries.ledger import INFUSION, LYMPHODEPLETION, SEAT, STATEMENT, Step, bare_steps
from safety.queries.site_owed import (
    QUERY,
    Owing,
    ToRead,
    decisions_to_read,
    owed_at_sites,
)

READERS: Final = (Role.INVESTIGATOR, Role.PHARMACIST)
_P = ParticipantState
_OVER: Final = (_P.SCREEN_FAILED, _P.OFF_STUDY, _P.WITHDRAWN, _P.LOST, _P.DIED)
_STAGES: Final = (_P.CONDITIONING, _P.TREATED, _P.SLOTTED, _P.ELIGIBLE, _P.SCREENING, _P.FOLLOW_UP)
"""Where nothing is owed, in this order: lymphodepletion is the point of no return."""
_DOSED: Final = frozenset({LYMPHODEPLETION, INFUSION})
_OPEN: Final = (InfusionState.PLANNED, InfusionState.HELD)


@dataclass(frozen=True)
class WindowDay:
    """A day of the DLT window, infusion 1 on day 0. `length` None: its close is not known yet."""

    number: int
    length: int | None

    @property
    def is_over(self) -> bool:
        """Whether the window has closed."""
        return self.length is not None and self.number > self.length

    @property
    def words(self) -> str:
        """day 12 of 28."""
        if self.length is None:
            return f"day {self.number}, its close not known yet"
        return "window over" if self.is_over else f"day {self.number} of {self.length}"


@dataclass(frozen=True)
class NextWords:
    """What is next for one participant: `address` and `about` name the page, empty where nobody of
    the site acts. `on`: the planned day. `has_gates`: the ledger knows its gates."""

    words: str
    on: date | None = None
    is_put_off: bool = False
    has_gates: bool = False
    is_dose: bool = False
    address: str = ""
    about: tuple[str | int, ...] = ()


@dataclass(frozen=True)
class SiteCard:
    """One participant of the site. `infusions` in words; `held`: holds that reach the next dose."""

    number: str
    name: str
    site: str
    zone: str
    disease: str
    state: str
    level: str
    infusions: str
    lots: tuple[str, ...]
    day: WindowDay | None
    next: NextWords | None
    held: bool
    owed: tuple[Owing, ...]
    can_report: bool
    order: tuple[float, ...]

    @property
    def is_urgent(self) -> bool:
        """Whether what is owed stops or counts somebody, or is late."""
        return any(one.is_overdue or one.rank < QUERY for one in self.owed)


@dataclass(frozen=True)
class SiteHome:
    """What an investigator or pharmacist opens first. `over`: those who have left, nothing owed."""

    cards: tuple[SiteCard, ...]
    over: tuple[SiteCard, ...]
    to_read: tuple[ToRead, ...]
    queue: Queue | None
    forecast: Forecast | None
    sites: tuple[str, ...]
    can_report: bool

    @property
    def owed(self) -> int:
        """How many things are owed in all."""
        return sum(len(card.owed) for card in self.cards) + len(self.to_read)

    @property
    def overdue(self) -> int:
        """How many of them are late."""
        return sum(one.is_overdue for card in self.cards for one in card.owed)


def may_open_site(viewer: Viewer) -> bool:
    """Investigators and pharmacists, of their own sites."""
    return viewer.holds(READERS) and bool(viewer.site_ids)


def own_people(viewer: Viewer) -> list[Participant]:
    """Participants of this person's sites, and no others, whatever else they may read."""
    rows = Participant.objects.filter(study=viewer.study, site_id__in=viewer.site_ids)
    return list(rows.select_related("site", "study", "protocol_version").order_by("id"))


def read_site_home(viewer: Viewer, *, now: datetime) -> SiteHome:
    """The cards of this person's sites. The same statements for one participant and for 300: gates
    are left to each card (see `bare_steps`)."""
    people = own_people(viewer)
    queue = read_queue(viewer)
    cards = sorted(_cards(people, viewer, queue, now), key=lambda card: card.order)
    sites = sorted({person.site.code for person in people})
    return SiteHome(
        cards=tuple(card for card in cards if card.order[0] < len(_STAGES) + QUERY + 1),
        over=tuple(card for card in cards if card.order[0] >= len(_STAGES) + QUERY + 1),
        to_read=decisions_to_read(viewer),
        queue=queue,
        forecast=read_forecast(viewer, now=now),
        sites=tuple(sites),
        can_report=bool(viewer.investigates),
    )


def read_cards(viewer: Viewer, *, now: datetime) -> tuple[SiteCard, ...]:
    """Every card, in order of numbers: to choose one from."""
    return tuple(_cards(own_people(viewer), viewer, None, now))


def read_card(participant: Participant, *, viewer: Viewer, now: datetime) -> SiteCard:
    """The card of one."""
    return next(iter(_cards([participant], viewer, None, now)))


def _cards(
    people: Sequence[Participant], viewer: Viewer, queue: Queue | None, now: datetime
) -> Iterable[SiteCard]:
    steps = bare_steps(viewer.study, viewer=viewer, now=now)
    owed = owed_at_sites(people, viewer=viewer, now=now)
    windows = {row.participant_id: row for row in DltWindow.objects.filter(participant__in=people)}
    outcomes = Outcome.objects.filter(participant__in=people).select_related("level")
    levels = {row.participant_id: (row.level.ordinal, row.part) for row in outcomes}
    infusions = _infusions(people)
    holds = list(
        Hold.objects.filter(study=viewer.study, state=HoldState.PLACED).select_related("level")
    )
    places = {row.screening_number: row.position for row in queue.rows} if queue else {}
    for person in people:
        step, given = steps.get(person.pk), infusions.get(person.pk, [])
        level, part = levels.get(person.pk, (step.level if step else None, 1))
        place = places.get(person.screening_number)
        upcoming = _next(person, step, given, viewer, (place, queue.length if queue else 0))
        owing = owed.get(person.pk, ())
        is_dosed = step is not None and step.kind in _DOSED
        yield SiteCard(
            number=person.screening_number,
            name=str(person),
            site=person.site.code,
            zone=person.site.timezone,
            disease=person.disease,
            state=_P(person.state).label,
            level=name_level(level) if level is not None else "",
            infusions=_given_in_words(given, person),
            lots=tuple(dict.fromkeys(one.lot.code for one in given if one.lot is not None)),
            day=_day(person, windows.get(person.pk), now),
            next=upcoming,
            held=is_dosed and any(_reaches(hold, person, level, part) for hold in holds),
            owed=owing,
            can_report=viewer.is_investigator_at(person.site_id),
            order=_order(person, owing, upcoming),
        )


def _infusions(people: Iterable[Participant]) -> dict[int, list[Infusion]]:
    """The infusions of each, the newest cycle last, those of a course in their order."""
    rows = Infusion.objects.filter(course__participant__in=list(people))
    found: dict[int, list[Infusion]] = {}
    for row in rows.select_related("course", "lot").order_by("course__cycle", "number"):
        found.setdefault(row.course.participant_id, []).append(row)
    return found


def _given_in_words(infusions: Sequence[Infusion], person: Participant) -> str:
    """Infusions 11-Nov, 18-Nov; empty when none was given."""
    days = [day_at(person.site, one.given_at) for one in infusions if one.given_at is not None]
    if not days:
        return ""
    many = "s" if len(days) > 1 else ""
    return f"Infusion{many} {', '.join(f'{day:%d-%b}' for day in days)}"


def _day(person: Participant, window: DltWindow | None, now: datetime) -> WindowDay | None:
    if window is None or window.opened_at is None or window.state == WindowState.CLOSED:
        return None
    first = day_at(person.site, window.opened_at)
    length = None
    if window.closes_at is not None:
        last = day_at(person.site, window.closes_at - timedelta(seconds=1))
        length = (last - first).days
    return WindowDay((day_at(person.site, now) - first).days, length)


def _reaches(hold: Hold, person: Participant, level: int | None, part: int) -> bool:
    """Whether a hold stops this participant's next dose; as `holds_on` says, without asking."""
    if hold.scope == HoldScope.PART_2:
        return part == 2 and hold.disease in ("", person.disease)
    if hold.level is not None:
        return level is not None and hold.level.ordinal <= level
    return hold.site_id in (None, person.site_id)


def _next(
    person: Participant,
    step: Step | None,
    infusions: Sequence[Infusion],
    viewer: Viewer,
    place: tuple[int | None, int],
) -> NextWords | None:
    """What is next in a few words, and the page on which the site does it."""
    is_site = viewer.is_investigator_at(person.site_id)
    number = person.screening_number
    if step is None:
        pages = {
            _P.SCREENING: ("Screening: enter results, sign", "cohorts:results"),
            _P.ELIGIBLE: ("Request a seat", "cohorts:request_slot"),
        }
        words, address = pages.get(_P(person.state), ("", ""))
        about = (number,) if is_site else ()
        return NextWords(words, address=address if is_site else "", about=about) if words else None
    what = step.question.removeprefix(f"{person}: ")
    words = f"{what[:1].upper()}{what[1:]}"
    if step.kind == SEAT and place[0] is not None:
        words = f"{words}: place {place[0]} of {place[1]} in the queue"
    planned = [one for one in infusions if step.kind == INFUSION and one.state in _OPEN]
    due = planned[0] if planned else None
    return NextWords(
        words,
        on=due.planned_date if due else None,
        is_put_off=due is not None and due.state == InfusionState.HELD,
        has_gates=True,
        is_dose=step.kind in _DOSED,
        address=_page_of(step, is_site=is_site),
        about=(number,),
    )


def _page_of(step: Step, *, is_site: bool) -> str:
    if step.kind in _DOSED:
        return "safety:site_today"
    return "safety:statement" if step.kind == STATEMENT and is_site else "safety:participant"


def _order(
    person: Participant, owed: Sequence[Owing], upcoming: NextWords | None
) -> tuple[float, ...]:
    """What is owed first, by harm; then where they are, and the planned day; then the number."""
    after = len(_STAGES) + QUERY + 1
    if owed:
        rank, *rest = owed[0].order
        return (rank, *map(float, rest), person.pk)
    if person.state in _OVER:
        return (after, person.pk)
    stage = QUERY + 1 + _STAGES.index(_P(person.state))
    on = upcoming.on.toordinal() if upcoming is not None and upcoming.on else 0
    return (stage, int(not on), on, person.pk)
