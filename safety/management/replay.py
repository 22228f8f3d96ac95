"""A published trial, run again through the service's own actions in simulated time.

Nothing here writes a row or decides anything: each step is an action that a person would take, and
each recommendation is the one stored by the service. Where the publication did what the rules
forbid (an extra seat, a skipped level), the step goes through the signed override.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from cohorts.actions import (
    acknowledge_decision,
    activate_protocol,
    add_protocol_version,
    confirm_eligibility,
    confirm_slot,
    reserve_slot,
    screen_participant,
    sign_decision,
)
from cohorts.engine.advice import name_answer
from cohorts.engine.design import Answer, Verdict
from cohorts.engine.notation import Cohort as Written
from cohorts.engine.notation import DLT, format_history, parse
from cohorts.models import DoseLevel, Participant, Recommendation
from cohorts.policies import PLACING, current_level, free_seats, open_cohort
from dosing.actions import begin_lymphodepletion, complete_lymphodepletion, give_infusion
from ntrust.actions import activate_site, add_site, create_study, grant_role
from ntrust.models import Study, User
from ntrust.states import Role
from safety.actions import (
    adjudicate_dlt,
    conclude_review,
    convene_review,
    report_dlt,
    report_event,
    sign_window_statement,
)

REPLAYS = Path(__file__).parents[2] / "cohorts" / "replays" / "replays.json"
FIRST_DAY = datetime(2024, 1, 8, 9, tzinfo=UTC)
DISEASE = "as published"
MINUTE = timedelta(minutes=1)


def read_trials() -> dict[str, dict[str, Any]]:
    """The published trials by name."""
    data = json.loads(REPLAYS.read_text(encoding="utf-8"))
    return {trial["name"]: trial for trial in data["trials"]}


@dataclass(frozen=True)
class Step:
    """One thing that happened, and what the rules said after it."""

    at: datetime
    what: str
    who: str
    level: int | None
    counts: dict[str, Any]
    recommendation: str
    rule: str
    bounds: list[str]
    flags: list[str]
    published: str = ""
    agrees: bool | None = None
    why: str = ""


@dataclass(frozen=True)
class Expectation:
    """What the rules should say after a cohort, and what they said."""

    history: str
    expected: dict[str, Any]
    actual: dict[str, Any]

    @property
    def is_met(self) -> bool:
        return self.expected == self.actual


@dataclass
class Replay:
    """A published trial being run again. `steps()` does it; then `expectations` are filled."""

    trial: dict[str, Any]
    key: str
    now: datetime = FIRST_DAY
    expectations: list[Expectation] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.password = secrets.token_urlsafe(24)
        self.history = parse(self.trial["history"])
        self._seated = 0

    @property
    def participants(self) -> int:
        return sum(len(cohort.letters) for cohort in self.history)

    def steps(self) -> Iterator[Step]:
        """Run the whole trial, yielding each step as it has happened."""
        self._set_up()
        yield self._step("Protocol activated, site open", "manager", None)
        for index, cohort in enumerate(self.history):
            yield from self._run_cohort(index, cohort)

    def _set_up(self) -> None:
        self.study = create_study(
            self.key,
            title=f"Published trial replayed: {self.trial['name']}",
            protocol_number=self.trial["name"],
            now=self.now,
            is_replay=True,
            source=self.trial["source"],
        )
        self.manager = self._person("replay-manager", Role.STUDY_MANAGER)
        self.monitor = self._person("replay-monitor", Role.MEDICAL_MONITOR)
        site = add_site(
            self.study, code="R1", name="As published", by=self.manager, now=self.now
        )
        self.site = activate_site(site, by=self.manager, now=self.now)
        self.investigator = self._person("replay-investigator", Role.INVESTIGATOR)
        self.pharmacist = self._person("replay-pharmacist", Role.PHARMACIST)
        version = add_protocol_version(
            self.study, document=protocol_of(self.trial), by=self.manager, now=self.now
        )
        activate_protocol(version, by=self.manager, now=self.now)

    def _person(self, username: str, role: Role) -> User:
        """An account of the replay. Its password is new at each run and known to nobody."""
        user, _ = User.objects.get_or_create(
            username=username, defaults={"printed_name": username.replace("-", " ").capitalize()}
        )
        user.set_password(self.password)
        user.save(update_fields=["password"])
        is_bound = role in (Role.INVESTIGATOR, Role.PHARMACIST)
        grant_role(
            user,
            study=self.study,
            role=role,
            by=None,
            site=self.site if is_bound else None,
            now=self.now,
        )
        return user

    def _run_cohort(self, index: int, cohort: Written) -> Iterator[Step]:
        level = DoseLevel.objects.get(study=self.study, ordinal=cohort.level)
        people: list[Participant] = []
        while len(people) < len(cohort.letters):
            open_now = open_cohort(self.study, level)
            seats = len(free_seats(open_now)) if open_now else 0
            if not seats or not self._may_seat(level):
                yield self._decide(level, wanted=len(cohort.letters) - len(people))
                continue
            person = self._seat(level)
            people.append(person)
            yield self._step(f"{person} seated", "manager", cohort.level)
        yield self._treat(people, cohort.level)
        yield from self._outcomes(people, cohort)
        self._expect(index)
        self.now += timedelta(days=3)

    def _may_seat(self, level: DoseLevel) -> bool:
        advice = self._advice()
        cohort = open_cohort(self.study, level)
        is_sent_here = advice.verdict in PLACING and advice.level == level.ordinal
        return is_sent_here or (cohort is not None and cohort.decision.is_override)

    def _decide(self, level: DoseLevel, *, wanted: int) -> Step:
        """A review, a decision with two signatures, and its circulation."""
        advice = self._advice()
        follows = advice.verdict in PLACING and advice.level == level.ordinal
        if follows:
            verdict, seats, reason = Verdict(advice.verdict), None, ""
        else:
            verdict = self._published_verdict(level)
            seats = min(3, wanted)
            reason = self._why_differently(level, wanted)
        review = convene_review(self.study, by=self.manager, now=self._tick())
        decision = conclude_review(
            review,
            verdict=verdict,
            level=level,
            seats=seats,
            attendees=3,
            committee_verdict=f"As published: {self.trial['source']}",
            minutes_reference=f"replay {review.number}",
            reason=reason,
            by=self.manager,
            now=self._tick(),
        )
        for signer in (self.manager, self.monitor):
            decision = sign_decision(decision, by=signer, password=self.password, now=self._tick())
        for reader in (self.investigator, self.pharmacist):
            decision = acknowledge_decision(decision, site=self.site, by=reader, now=self._tick())
        words = name_answer(Answer(verdict, level.ordinal))
        how = "as recommended" if follows else "override"
        return self._step(
            f"Decision #{decision.number} signed and circulated: {words} ({how})",
            "manager, monitor",
            level.ordinal,
            published=words,
            agrees=follows,
            why="" if follows else f"The rules say {_in_words(advice)}. {reason}",
        )

    def _why_differently(self, level: DoseLevel, wanted: int) -> str:
        note = self.trial.get("note")
        if note and level.ordinal > current_level(self.study) + 1:
            return str(note).capitalize() + "."
        return f"The publication treated {wanted} more at level {level.ordinal}; the replay follows it."

    def _published_verdict(self, level: DoseLevel) -> Verdict:
        now_at = current_level(self.study)
        if level.ordinal == now_at:
            return Verdict.ENROL
        return Verdict.ESCALATE if level.ordinal > now_at else Verdict.DE_ESCALATE

    def _seat(self, level: DoseLevel) -> Participant:
        self._seated += 1
        person = screen_participant(
            self.site,
            screening_number=f"S-{self._seated:03d}",
            disease=DISEASE,
            consented_at=self.now,
            by=self.investigator,
            now=self._tick(),
        )
        person = confirm_eligibility(person, by=self.manager, now=self._tick())
        slot = reserve_slot(person, level=level, by=self.manager, now=self._tick())
        confirm_slot(slot, by=self.manager, now=self._tick())
        return person

    def _treat(self, people: list[Participant], level: int) -> Step:
        """Lymphodepletion, then every infusion of the schedule, everybody on the same days."""
        self.now += timedelta(days=2)
        day_0 = self.now + timedelta(days=5)
        courses = []
        for person in people:
            course = begin_lymphodepletion(
                person,
                regimen="as_published",
                started_at=self.now,
                first_infusion_on=day_0,
                by=self.investigator,
                now=self._tick(),
            )
            courses.append(course)
        self.now += timedelta(days=2)
        for course in courses:
            complete_lymphodepletion(
                course, ended_at=self.now, by=self.investigator, now=self._tick()
            )
        for number in (1, 2, 3):
            self.now = day_0 + timedelta(days=7 * (number - 1))
            for course in courses:
                given = course.infusions.get(number=number)
                give_infusion(
                    given,
                    given_at=self.now,
                    given_cells=given.assigned_cells,
                    by=self.investigator,
                    now=self._tick(),
                )
        self._day_0 = day_0
        names = ", ".join(map(str, people))
        return self._step(f"{names} conditioned and infused", "investigator", level)

    def _outcomes(self, people: list[Participant], cohort: Written) -> Iterator[Step]:
        """DLTs on Day 20, adjudicated on Day 22; the others sign at the window's end."""
        for person, letter in zip(people, cohort.letters, strict=True):
            if letter == DLT:
                self.now = max(self.now, self._day_0 + timedelta(days=20)) + MINUTE
                yield self._dose_limiting(person, cohort.level)
        self.now = max(self.now, self._day_0 + timedelta(days=30))
        for person, letter in zip(people, cohort.letters, strict=True):
            if letter != DLT:
                sign_window_statement(
                    person,
                    has_dlt=False,
                    by=self.investigator,
                    password=self.password,
                    now=self._tick(),
                )
                yield self._step(f"{person}: no DLT, signed", "investigator", cohort.level)

    def _dose_limiting(self, person: Participant, level: int) -> Step:
        event = report_event(
            person,
            term="DLT as published",
            onset_at=self.now,
            grade=4,
            grading_system="as published",
            causality="POSSIBLE",
            is_serious=True,
            aware_at=self.now,
            by=self.investigator,
            now=self._tick(),
        )
        report = report_dlt(event, criterion="R1", by=self.investigator, now=self._tick())
        adjudicate_dlt(
            report,
            is_confirmed=True,
            reason="as published",
            by=self.monitor,
            password=self.password,
            now=self._tick(),
        )
        return self._step(f"{person}: DLT, confirmed", "investigator, monitor", level)

    def _expect(self, index: int) -> None:
        advice = self._advice()
        self.expectations.append(
            Expectation(
                history=format_history(self.history[: index + 1]),
                expected={
                    **self.trial["expected"][index],
                    "flags": sorted(self.trial["expected"][index]["flags"]),
                },
                actual={
                    "verdict": advice.verdict,
                    "level": advice.level,
                    "outcome": advice.outcome or None,
                    "mtd": advice.mtd,
                    "flags": sorted(advice.flags),
                },
            )
        )

    def _tick(self) -> datetime:
        """A minute later: no two actions at the same moment."""
        self.now += MINUTE
        return self.now

    def _advice(self) -> Recommendation:
        return Recommendation.objects.filter(study=self.study).latest("id")

    def _step(self, what: str, who: str, level: int | None, **published: Any) -> Step:
        advice = self._advice()
        return Step(
            at=self.now,
            what=what,
            who=who,
            level=level,
            counts=advice.counts,
            recommendation=_in_words(advice),
            rule=advice.rule,
            bounds=[name_answer(_answer(bound)) for bound in advice.bounds],
            flags=list(advice.flags),
            **published,
        )


def _answer(data: dict[str, Any]) -> Answer:
    return Answer(Verdict(data["verdict"]), data["level"], data["outcome"], data["mtd"])


def _in_words(advice: Recommendation) -> str:
    return name_answer(
        _answer(
            {
                "verdict": advice.verdict,
                "level": advice.level,
                "outcome": advice.outcome,
                "mtd": advice.mtd,
            }
        )
    )


def free_key(name: str) -> str:
    """`replay-NAME`, numbered when there is one already: data are never overwritten."""
    key, number = f"replay-{name}", 2
    while Study.objects.filter(key=key).exists():
        key, number = f"replay-{name}-{number}", number + 1
    return key


def protocol_of(trial: dict[str, Any]) -> dict[str, Any]:
    """A protocol document for a published trial: its ladder and design; the rest is simulated."""
    design = trial["design"]
    return {
        "version": "published",
        "title": trial["name"],
        "protocol_number": trial["name"],
        "registry_number": "",
        "product": "as published",
        "diseases": [DISEASE],
        "ladder": {
            "unit": trial["unit"],
            "levels": [
                {"ordinal": ordinal, "dose": str(dose)}
                for ordinal, dose in enumerate(trial["ladder"], start=1)
            ],
        },
        "options": {
            **design,
            "expand_on_first_dlt": design.get("expand_on_first_dlt", "at_three"),
            "escalate_with_pending": design.get("escalate_with_pending", False),
        },
        "window": {"days": 28, "anchor": "first_infusion", "illustrative": True},
        "evaluability": {
            "minimum_infusions": 2,
            "required": [1],
            "minimum_fraction": "0.8",
            "upper_fraction": "1.2",
            "illustrative": True,
        },
        "lymphodepletion": [
            {"key": "as_published", "name": "simulated", "days": [-5], "illustrative": True}
        ],
        "infusions": {"days": [0, 7, 14], "illustrative": True},
        "dlt_criteria": [{"id": "R1", "text": "Dose-limiting as published"}],
        "review": {"quorum": 3, "illustrative": True},
    }
