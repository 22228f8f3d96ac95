"""When will a slot open? The engine's forecast on the data of now, level by level."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from django.db.models import Count, Q

from cohorts.engine.design import NOBODY, Tally
from cohorts.engine.forecast import Standing, Timing, forecast
from cohorts.engine.notation import Cohort as Letters
from cohorts.engine.notation import count
from cohorts.engine.rules import find_toxic, is_closed
from cohorts.models import Cohort, DoseLevel, ProtocolVersion, Slot, in_force
from cohorts.policies import active_protocol, current_level, document_of, holds_on, pooled_outcomes
from cohorts.protocol import ProtocolDocument
from cohorts.queries.viewers import Viewer
from cohorts.queries.words import HARM, PLAN, QUIET, Mark, name_dose, name_level
from cohorts.states import TAKEN_SLOTS, CohortState, OutcomeLetter, SlotState
from ntrust.models import Study

SCENARIOS: Final = (
    (0, "no further DLT"),
    (1, "one further DLT"),
    (2, "two or more further DLTs"),
)


@dataclass(frozen=True)
class ForecastCell:
    """One level under one scenario: open now, from a date on, or not. `at` None: never."""

    scenario: str
    mark: Mark
    at: datetime | None


@dataclass(frozen=True)
class ForecastRow:
    """One level. `is_held`: nothing opens there before the hold is lifted."""

    name: str
    dose: str
    is_held: bool
    cells: tuple[ForecastCell, ...]


@dataclass(frozen=True)
class Forecast:
    """The table, the highest level first, and the plan it rests on, in days."""

    scenarios: tuple[str, ...]
    rows: tuple[ForecastRow, ...]
    seat_to_infusion: int
    window: int
    stagger: int
    committee: int
    is_illustrative: bool


def read_forecast(viewer: Viewer, *, now: datetime) -> Forecast | None:
    """The forecast of a study; None while no protocol version is active.

    The numbers of the active version; nobody is named. A constant number of statements.
    """
    study = viewer.study
    version = active_protocol(study)
    if version is None:
        return None
    document = document_of(version)
    timing = plan_timing(document)
    standing = read_standing(study, version, timing, now=now)
    toxic = find_toxic(standing.tallies)
    by_scenario = [
        (words, forecast(document.design(), standing, timing, now=now, further_dlts=dlts))
        for dlts, words in SCENARIOS
    ]
    rows = tuple(
        ForecastRow(
            name=name_level(level.ordinal),
            dose=name_dose(level.dose, level.unit),
            is_held=bool(holds),
            cells=tuple(
                _cell(words, found.get(level.ordinal), is_closed(level.ordinal, toxic), now)
                for words, found in by_scenario
            ),
        )
        for level, holds in _levels(study)
    )
    return Forecast(
        scenarios=tuple(words for _, words in SCENARIOS),
        rows=rows,
        seat_to_infusion=timing.seat_to_infusion.days,
        window=timing.window.days,
        stagger=timing.stagger.days,
        committee=timing.committee.days,
        is_illustrative=document.slots.illustrative or document.window.illustrative,
    )


def plan_timing(document: ProtocolDocument) -> Timing:
    """The plan of a protocol version. A window ends at 24:00, so it takes a day more than named;
    with the last infusion as anchor it begins on that infusion's day."""
    lead = max(max(0, -min(regimen.days)) for regimen in document.lymphodepletion)
    anchor = document.infusions.days[-1] if document.window.anchor == "last_infusion" else 0
    return Timing(
        seat_to_infusion=timedelta(days=lead),
        window=timedelta(days=anchor + document.window.days + 1),
        stagger=timedelta(days=document.stagger.days),
        committee=timedelta(days=document.slots.committee_lead_days),
    )


def read_standing(
    study: Study, version: ProtocolVersion, timing: Timing, *, now: datetime
) -> Standing:
    """Where the trial stands, those with a reserved seat taken as seated. Four statements.

    A window whose close is not known yet ends at the earliest the plan allows.
    """
    outcomes = pooled_outcomes(study, version).select_related("level")
    tallies = dict(count(Letters(row.level.ordinal, row.letter) for row in outcomes))
    closes: defaultdict[int, list[datetime]] = defaultdict(list)
    last: dict[int, datetime] = {}
    waiting: Counter[int] = Counter()
    for row in outcomes:
        level = row.level.ordinal
        if row.first_infused_at is not None:
            last[level] = max(last.get(level, row.first_infused_at), row.first_infused_at)
        if row.letter != OutcomeLetter.PENDING:
            continue
        if row.first_infused_at is None:
            waiting[level] += 1
        else:
            closes[level].append(row.window_closes_at or row.first_infused_at + timing.window)
    for level, reserved in _reserved(study).items():
        n, x, pending = tallies.get(level, NOBODY)
        tallies[level] = Tally(n, x, pending + reserved)
        waiting[level] += reserved
    for level, people in waiting.items():
        for _ in range(people):
            infused = now + timing.seat_to_infusion
            if level in last:
                infused = max(infused, last[level] + timing.stagger)
            last[level] = infused
            closes[level].append(infused + timing.window)
    return Standing(tallies, current_level(study), closes, last, _free(study))


def _reserved(study: Study) -> dict[int, int]:
    rows = (
        Slot.objects.filter(participant__study=study, cohort__part=1, state=SlotState.RESERVED)
        .order_by()
        .values_list("cohort__level__ordinal")
        .annotate(Count("id"))
    )
    return dict(rows)


def _free(study: Study) -> dict[int, int]:
    """Seats nobody has taken in open cohorts whose decision stands."""
    cohorts = Cohort.objects.filter(
        in_force("decision__"), study=study, part=1, state=CohortState.OPEN
    ).annotate(taken=Count("slots", filter=Q(slots__state__in=TAKEN_SLOTS)))
    free: Counter[int] = Counter()
    for cohort in cohorts.select_related("level"):
        free[cohort.level.ordinal] += cohort.seats - cohort.taken
    return {level: seats for level, seats in free.items() if seats > 0}


def _levels(study: Study) -> list[tuple[DoseLevel, bool]]:
    """Every level, the highest first, and whether it is held."""
    levels = list(DoseLevel.objects.filter(study=study).order_by("-ordinal"))
    wide = holds_on(study, level=max((level.ordinal for level in levels), default=1))
    return [
        (
            level,
            any(hold.level is None or hold.level.ordinal <= level.ordinal for hold in wide),
        )
        for level in levels
    ]


def _cell(scenario: str, at: datetime | None, is_toxic: bool, now: datetime) -> ForecastCell:
    if is_toxic:
        return ForecastCell(scenario, Mark("closed by DLTs", HARM, "■"), None)
    if at is None:
        return ForecastCell(scenario, Mark("no further seat", QUIET, "○"), None)
    words = "open now" if at <= now else "not before"
    return ForecastCell(scenario, Mark(words, PLAN, "●" if at <= now else "◔"), at)
