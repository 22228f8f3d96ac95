"""A published trial, run again through the service's own actions in simulated time.

Each step is an action that a person would take, and each recommendation is the one stored by the
service. Where the publication did what the rules forbid (an extra seat, a skipped level), the step
goes through the signed override.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from cohorts.actions import add_protocol_version, approve_protocol
from cohorts.engine.advice import name_answer
from cohorts.engine.design import Answer, StopOutcome, Verdict
from cohorts.engine.notation import DLT, format_history, parse
from cohorts.engine.notation import Cohort as Written
from cohorts.models import DoseLevel, Participant, Recommendation
from cohorts.policies import PLACING, current_level, free_seats, open_cohort
from ntrust.actions import activate_site, add_site, create_study
from ntrust.models import Study
from ntrust.states import Role
from safety.management.conduct import MINUTE, Conduct, Crew, enlist

REPLAYS = Path(__file__).parents[2] / "cohorts" / "replays" / "replays.json"
FIRST_DAY = datetime(2024, 1, 8, 9, tzinfo=UTC)
DISEASE = "as published"
INFUSION_DAYS = (0, 7, 14)


def read_trials() -> dict[str, dict[str, Any]]:
    """The published trials by name."""
    data = json.loads(REPLAYS.read_text(encoding="utf-8"))
    return {trial["name"]: trial for trial in data["trials"]}


@dataclass(frozen=True)
class Step:
    """One thing that happened, and what the rules said after it.

    `published`, `agrees` and `why` are set at decisions: what the publication did, whether the
    rules say the same, and why it was done all the same.
    """

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
    expectations: list[Expectation] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.history = parse(self.trial["history"])

    @property
    def least_steps(self) -> int:
        """Steps when every cohort needs one decision; overrides add to it."""
        participants = sum(len(cohort.letters) for cohort in self.history)
        return 1 + 2 * len(self.history) + 2 * participants

    def steps(self) -> Iterator[Step]:
        """Run the whole trial, yielding each step as it has happened."""
        self.conduct = self._set_up()
        yield self._step("Protocol activated, site open", "manager", None)
        for index, cohort in enumerate(self.history):
            yield from self._run_cohort(cohort)
            self._expect(index)
            self.conduct.now += timedelta(days=3)
        self.conduct.finish("The replay is complete.")

    def _set_up(self) -> Conduct:
        now, password = FIRST_DAY, secrets.token_urlsafe(24)
        study = create_study(
            self.key,
            title=f"Published trial replayed: {self.trial['name']}",
            protocol_number=self.trial["name"],
            now=now,
            is_replay=True,
            source=self.trial["source"],
        )
        common: dict[str, Any] = {"study": study, "password": password, "now": now}
        manager = enlist("replay-manager", role=Role.STUDY_MANAGER, **common)
        monitor = enlist("replay-monitor", role=Role.MEDICAL_MONITOR, **common)
        site = add_site(study, code="R1", name="As published", by=manager, now=now)
        site = activate_site(site, by=manager, now=now)
        crew = Crew(
            site=site,
            investigator=enlist("replay-investigator", role=Role.INVESTIGATOR, site=site, **common),
            pharmacist=enlist("replay-pharmacist", role=Role.PHARMACIST, site=site, **common),
        )
        version = add_protocol_version(study, document=protocol_of(self.trial), by=manager, now=now)
        approve_protocol(
            version,
            seen_hash=version.document_hash,
            reason="as published",
            password=password,
            by=manager,
            now=now,
        )
        return Conduct(study, manager, monitor, password, "as_published", now, [crew])

    def _run_cohort(self, cohort: Written) -> Iterator[Step]:
        level = self.conduct.level(cohort.level)
        people: list[Participant] = []
        while len(people) < len(cohort.letters):
            if not self._may_seat(level):
                yield self._decide(level, wanted=len(cohort.letters) - len(people))
            else:
                people.append(self.conduct.seat(cohort.level, disease=DISEASE))
                yield self._step(f"{people[-1]} seated", "manager", cohort.level)
        yield from self._treat(people, cohort)

    def _may_seat(self, level: DoseLevel) -> bool:
        advice, cohort = self.conduct.advice(), open_cohort(level.study, level)
        if cohort is None or not free_seats(cohort):
            return False
        return self._sends_to(advice, level) or cohort.decision.is_override

    @staticmethod
    def _sends_to(advice: Recommendation, level: DoseLevel) -> bool:
        return advice.verdict in PLACING and advice.level == level.ordinal

    def _decide(self, level: DoseLevel, *, wanted: int) -> Step:
        """What the publication did next: as recommended, or by override with its reason."""
        advice = self.conduct.advice()
        follows = self._sends_to(advice, level)
        says = in_words(advice)
        verdict = Verdict(advice.verdict) if follows else self._published_verdict(level)
        reason = "" if follows else self._why_differently(level, wanted)
        decision = self.conduct.decide(
            verdict,
            level.ordinal,
            seats=None if follows else min(3, wanted),
            committee_verdict=f"As published: {self.trial['source']}",
            reason=reason,
        )
        words = name_answer(Answer(verdict, level.ordinal))
        how = "as recommended" if follows else "override"
        return self._step(
            f"Decision #{decision.number} signed and circulated: {words} ({how})",
            "manager, monitor",
            level.ordinal,
            published=words,
            agrees=follows,
            why="" if follows else f"The rules said: {says}. {reason}",
        )

    def _published_verdict(self, level: DoseLevel) -> Verdict:
        now_at = current_level(level.study)
        if level.ordinal == now_at:
            return Verdict.ENROL
        return Verdict.ESCALATE if level.ordinal > now_at else Verdict.DE_ESCALATE

    def _why_differently(self, level: DoseLevel, wanted: int) -> str:
        """The publication's own reason where a level was skipped, else what it did."""
        note = str(self.trial.get("note", ""))
        if note and level.ordinal > current_level(level.study) + 1:
            return f"{note[0].upper()}{note[1:]}."
        return f"The publication treated {wanted} more at level {level.ordinal}, and so does this."

    def _treat(self, people: list[Participant], cohort: Written) -> Iterator[Step]:
        """Everybody on the same days; DLTs from Day 20; the others sign at the window's end."""
        conduct = self.conduct
        conduct.now += timedelta(days=2)
        day_0 = conduct.now + timedelta(days=5)
        conduct.condition(people, day_0=day_0)
        conduct.infuse(people, day_0=day_0, days=INFUSION_DAYS)
        names = ", ".join(map(str, people))
        yield self._step(f"{names} conditioned and infused", "investigator", cohort.level)
        letters = list(zip(people, cohort.letters, strict=True))
        for person in (person for person, letter in letters if letter == DLT):
            conduct.now = max(conduct.now, day_0 + timedelta(days=20)) + MINUTE
            report = conduct.report(person, criterion="R1", term="DLT as published", grade=4)
            conduct.adjudicate(report, reason="as published")
            yield self._step(f"{person}: DLT, confirmed", "investigator, monitor", cohort.level)
        conduct.now = max(conduct.now, day_0 + timedelta(days=30))
        for person in (person for person, letter in letters if letter != DLT):
            conduct.sign_no_dlt(person)
            yield self._step(f"{person}: no DLT, signed", "investigator", cohort.level)

    def _expect(self, index: int) -> None:
        advice, expected = self.conduct.advice(), self.trial["expected"][index]
        self.expectations.append(
            Expectation(
                history=format_history(self.history[: index + 1]),
                expected={**expected, "flags": sorted(expected["flags"])},
                actual={
                    "verdict": advice.verdict,
                    "level": advice.level,
                    "outcome": advice.outcome or None,
                    "mtd": advice.mtd,
                    "flags": sorted(advice.flags),
                },
            )
        )

    def _step(self, what: str, who: str, level: int | None, **published: Any) -> Step:
        advice = self.conduct.advice()
        return Step(
            at=self.conduct.now,
            what=what,
            who=who,
            level=level,
            counts=advice.counts,
            recommendation=in_words(advice),
            rule=advice.rule,
            bounds=[name_answer(read_answer(bound)) for bound in advice.bounds],
            flags=list(advice.flags),
            **published,
        )


def read_answer(data: dict[str, Any]) -> Answer:
    outcome = StopOutcome(data["outcome"]) if data["outcome"] else None
    return Answer(Verdict(data["verdict"]), data["level"], outcome, data["mtd"])


def in_words(advice: Recommendation) -> str:
    """A stored recommendation in words."""
    outcome = StopOutcome(advice.outcome) if advice.outcome else None
    return name_answer(Answer(Verdict(advice.verdict), advice.level, outcome, advice.mtd))


def free_key(wanted: str) -> str:
    """The key, numbered when there is one already: data are never overwritten."""
    key, number = wanted, 2
    while Study.objects.filter(key=key).exists():
        key, number = f"{wanted}-{number}", number + 1
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
