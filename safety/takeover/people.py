"""One participant of a take-over: what was given, when, and what they count as."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from itertools import pairwise
from zoneinfo import ZoneInfo

from cohorts.engine.evaluability import (
    DltState,
    Evaluability,
    Facts,
    InfusionState,
    judge,
)
from cohorts.engine.evaluability import Infusion as Dose
from cohorts.protocol import ProtocolDocument
from dosing import models, states
from dosing.windows import window_close
from safety.takeover.cells import Fault, Row

_DLT = (
    "dlt_term",
    "dlt_grade",
    "dlt_grading_system",
    "dlt_causality",
    "dlt_serious",
    "dlt_onset",
    "dlt_aware",
    "dlt_criterion",
)
_CELL_PLACES = 10_000
"""Doses are kept to four decimals; the engine counts in whole ten-thousandths."""


@dataclass(frozen=True)
class Person:
    """The rows of one participant, and the protocol they were enrolled under."""

    row: Row
    infusions: Mapping[int, Row]
    outcome: Row | None
    document: ProtocolDocument
    zone: str

    @property
    def subject(self) -> str:
        return str(self.row["subject_number"])

    def moment(self, naive: datetime | None) -> datetime | None:
        """The site's own time as a moment."""
        return None if naive is None else naive.replace(tzinfo=ZoneInfo(self.zone)).astimezone(UTC)

    def day(self, moment: datetime) -> date:
        """The site's day of a moment."""
        return moment.astimezone(ZoneInfo(self.zone)).date()

    @property
    def given(self) -> dict[int, datetime]:
        """When each infusion that was given was given."""
        moments = {n: self.moment(row["given_at"]) for n, row in sorted(self.infusions.items())}
        return {
            n: at
            for n, at in moments.items()
            if at is not None and self.infusions[n]["state"] == "GIVEN"
        }

    @property
    def opened_at(self) -> datetime | None:
        """The first infusion given opens the window."""
        return min(self.given.values(), default=None)

    @property
    def closes_at(self) -> datetime | None:
        """By the protocol's anchor, from actual times."""
        planned = []
        for number in range(1, len(self.document.infusions.days) + 1):
            row = self.infusions.get(number)
            state = states.InfusionState.PLANNED
            if row is not None:
                is_given = row["state"] == "GIVEN"
                state = states.InfusionState.GIVEN if is_given else states.InfusionState.MISSED
            planned.append(models.Infusion(state=state, given_at=self.given.get(number)))
        return window_close(planned, self.document.window, zone=self.zone)

    @property
    def letter(self) -> str:
        """What the paper says; empty while it says nothing."""
        return str(self.outcome["outcome"] or "") if self.outcome else ""

    @property
    def stated_at(self) -> datetime | None:
        """The statement's day, from its first moment at the site."""
        day = self.outcome["stated_on"] if self.outcome else None
        return self.start_of(day) if day else None

    @property
    def states_no_dlt(self) -> bool:
        """Whether "no DLT in the window" was signed."""
        return self.letter in ("N", "X") and self.stated_at is not None

    @property
    def is_ruled_to_count(self) -> bool:
        """N of one who missed an infusion for toxicity is the paper's ruling that they count."""
        states = {row["state"] for row in self.infusions.values()}
        return self.letter == "N" and "MISSED_FOR_TOXICITY" in states

    def start_of(self, day: date) -> datetime:
        """The first moment of a day at the site."""
        return datetime.combine(day, time(), tzinfo=ZoneInfo(self.zone)).astimezone(UTC)


def judge_person(person: Person, *, dose: int, now: datetime) -> Evaluability:
    """What the participant counts as, by the judge everybody's facts go to.

    `dose`: the assigned viable cells in ten-thousandths. The paper's statement, DLT and ruling are
    taken as signed.
    """
    closes_at, outcome, letter = person.closes_at, person.outcome, person.letter
    facts = Facts(
        is_lymphodepletion_given=person.row["ld_ended_on"] is not None,
        infusions={
            number: _dose(person.infusions.get(number), dose)
            for number in range(1, len(person.document.infusions.days) + 1)
        },
        is_window_over=closes_at is not None and closes_at <= now,
        is_statement_signed=person.states_no_dlt,
        dlt=DltState.COUNTED if letter == "T" else DltState.NONE,
        is_toxicity_adjudicated=person.is_ruled_to_count,
        ruled_reason=(outcome["reason"] if outcome and letter == "X" else None) or None,
    )
    return judge(facts, person.document.exposure_rules())


def _dose(row: Row | None, assigned: int) -> Dose:
    if row is None:
        return Dose(InfusionState.AWAITED, assigned)
    if row["state"] == "GIVEN":
        return Dose(InfusionState.GIVEN, assigned, int((row["viable_cells"] or 0) * _CELL_PLACES))
    return Dose(InfusionState(row["state"]), assigned)


def check_times(person: Person, *, now: datetime) -> Iterator[Fault]:
    """Nothing in the future, and everything in the order in which it can happen."""
    row = person.row
    steps = [(row, name, row[name]) for name in ("consented_on", "ld_started_on", "ld_ended_on")]
    for number, at in person.given.items():
        steps.append((person.infusions[number], "given_at", person.day(at)))
        if at > now:
            yield person.infusions[number].fault("given_at", "This lies in the future.")
    last: date | None = None
    for place, column, day in steps:
        if day is None:
            continue
        if column != "given_at" and day > person.day(now):
            yield place.fault(column, "This lies in the future.")
        if last is not None and day < last:
            yield place.fault(column, f"This lies before what comes before it ({last}).")
        last = day
    times = list(person.given.items())
    for (_, earlier), (number, later) in pairwise(times):
        if later <= earlier:
            sentence = "This infusion was not given after the one before it."
            yield person.infusions[number].fault("given_at", sentence)
    if person.given and row["ld_ended_on"] is None:
        yield row.fault("ld_ended_on", "Infused, so the lymphodepletion has ended: say when.")


def check_infusions(person: Person) -> Iterator[Fault]:
    """Only planned ones, in order, each with what its state needs."""
    planned = len(person.document.infusions.days)
    for number, row in sorted(person.infusions.items()):
        if not 1 <= number <= planned:
            yield row.fault("number", f"The protocol plans infusions 1 to {planned}.")
        if number > 1 and number - 1 not in person.infusions:
            yield row.fault("number", f"Infusion {number - 1} before it has no row.")
        if row["state"] == "GIVEN":
            if row["given_at"] is None:
                yield row.fault("given_at", "Given, so say when.")
            if row["viable_cells"] is None or row["viable_cells"] <= 0:
                yield row.fault("viable_cells", "Given, so say how many viable cells.")
        elif row["state"] is not None:
            if row["given_at"] is not None or row["viable_cells"] is not None:
                yield row.fault("given_at", "Missed, so nothing was given.")
            if row["reason"] is None:
                yield row.fault("reason", "Say why it was missed.")


def check_outcome(person: Person, *, now: datetime) -> Iterator[Fault]:
    """What an outcome on paper rests on: a window, a statement, an event, a ruling."""
    row, closes_at = person.outcome, person.closes_at
    if row is None:
        yield person.row.fault("subject_number", "This participant has no row in outcomes.")
        return
    if row["outcome"] == "T":
        yield from _check_dlt(person, row, now=now)
    elif any(row[name] for name in _DLT):
        yield row.fault("outcome", "A DLT is described, but the outcome is not T.")
    if row["outcome"] == "X" and row["reason"] is None:
        yield row.fault("reason", "Say why the participant is not evaluable.")
    stated = row["stated_on"]
    if stated is None:
        if row["outcome"] == "N":
            yield row.fault("stated_on", "No DLT is a statement: say when it was signed.")
        return
    if row["outcome"] == "P":
        yield row.fault("stated_on", "The statement is signed, so say N, T or X.")
    if stated > person.day(now):
        yield row.fault("stated_on", "This lies in the future.")
    elif closes_at is not None and stated < person.day(closes_at):
        last = person.day(closes_at)
        yield row.fault("stated_on", f"The DLT window was not over before {last}.")
    elif closes_at is None:
        yield row.fault("stated_on", "The end of the DLT window is not known yet.")


def _check_dlt(person: Person, row: Row, *, now: datetime) -> Iterator[Fault]:
    if not person.given:
        yield row.fault("outcome", "A DLT, but nothing was infused.")
    for name in _DLT:
        if row[name] is None:
            yield row.fault(name, "A DLT needs this.")
    if row["dlt_grade"] is not None and not 1 <= row["dlt_grade"] <= 5:
        yield row.fault("dlt_grade", "A grade is 1 to 5.")
    known = {criterion.id for criterion in person.document.dlt_criteria}
    if row["dlt_criterion"] is not None and row["dlt_criterion"] not in known:
        yield row.fault("dlt_criterion", "The protocol has no such criterion.")
    onset, opened_at, closes_at = (
        person.moment(row["dlt_onset"]),
        person.opened_at,
        person.closes_at,
    )
    if onset is None:
        return
    aware = person.moment(row["dlt_aware"])
    if aware is not None and aware > now:
        yield row.fault("dlt_aware", "This lies in the future.")
    elif aware is not None and aware < onset:
        yield row.fault("dlt_aware", "This lies before the event began.")
    if onset > now:
        yield row.fault("dlt_onset", "This lies in the future.")
    elif opened_at is not None and onset < opened_at:
        yield row.fault("dlt_onset", "It began before infusion 1, so before the DLT window.")
    elif closes_at is not None and onset >= closes_at:
        yield row.fault("dlt_onset", "It began after the DLT window.")
