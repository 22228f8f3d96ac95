"""A trial that people run at random, rightly and wrongly, in simulated time."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from django.db import models

from cohorts.actions import (
    Conclusion,
    confirm_not_evaluable,
    confirm_slot,
    leave_study,
    place_hold,
    release_slot,
    reserve_slot,
)
from cohorts.engine.design import Verdict
from cohorts.models import Cohort, Decision, DoseLevel, Hold, Participant, Slot
from cohorts.policies import PLACING
from dosing.actions import (
    begin_lymphodepletion,
    complete_lymphodepletion,
    correct_infusion,
    give_infusion,
    mark_not_given,
    miss_infusion,
)
from dosing.models import Course, Infusion
from safety.actions import (
    adjudicate_dlt,
    clear_dlt,
    pass_time_everywhere,
    report_dlt,
    report_event,
    sign_window_statement,
)
from safety.management.conduct import Conduct
from safety.models import DltReport
from tests.factories import DISEASE
from tests.lifting import lift_hold

REASON = "The committee asked for this against the recommendation."


class NothingToDo(Exception):  # noqa: N818 - not an error
    """There is no row for this move."""


@dataclass
class Walk:
    """`step()` does one move; `log` tells what was tried, for when something is wrong."""

    trial: Conduct
    dice: random.Random
    overrides: bool
    log: list[str] = field(default_factory=list)

    def step(self) -> str:
        """Choose a move; raises what it raises."""
        names = [name for name, weight in self.weights().items() for _ in range(weight)]
        sensible = self.sensible()
        name = self.dice.choice(sensible if sensible and self.dice.random() < 0.7 else names)
        self.log.append(f"{self.trial.now:%d-%b %H:%M} {name}")
        move: Callable[[], Any] = getattr(self, name)
        move()
        return name

    def sensible(self) -> list[str]:
        """What people who follow the protocol would do next."""
        study, people = self.trial.study, self.people
        advice = self.trial.advice()
        is_free = Cohort.objects.filter(
            study=study,
            state="OPEN",
            level__ordinal=advice.level,
            decision__state="CIRCULATED",
        )
        places = advice.verdict in PLACING and not advice.suspended_by
        fitting = {
            "confirm": Slot.objects.filter(cohort__study=study, state="RESERVED").exists(),
            "begin": people.filter(state="SLOTTED").exists(),
            "complete": people.filter(courses__ended_at=None, state="CONDITIONING").exists(),
            "infuse": people.filter(
                courses__infusions__state="PLANNED", courses__ended_at__isnull=False
            ).exists(),
            "state": people.filter(window__state="AWAITING_STATEMENT").exists(),
            "wait": people.filter(window__state="OPEN").exists(),
            "reserve": places and is_free.exists(),
            "decide": places and not is_free.exists(),
            "release": self.stranded().exists(),
            "lift": bool(advice.suspended_by),
        }
        return [name for name, fits in fitting.items() if fits] or ["wait"]

    def weights(self) -> dict[str, int]:
        return {
            "wait": 12,
            "screen": 1,
            "reserve": 2,
            "confirm": 2,
            "release": 1,
            "begin": 2,
            "complete": 2,
            "infuse": 2,
            "miss": 1,
            "correct": 2,
            "not_given": 1,
            "report": 5,
            "clear": 2,
            "adjudicate": 2,
            "state": 2,
            "rule_out": 1,
            "leave": 1,
            "decide": 2,
            "propose_only": 1,
            "sign_old": 1,
            "override": 2 if self.overrides else 0,
            "hold": 1,
            "lift": 3,
        }

    # --- choosing ----------------------------------------------------------------------------

    def any_of(self, rows: models.QuerySet[Any]) -> Any:
        found = list(rows.order_by("pk"))
        if not found:
            raise NothingToDo
        return self.dice.choice(found)

    def likely(self, rows: models.QuerySet[Any], **wanted: Any) -> Any:
        """Mostly one for which the move makes sense, sometimes any."""
        fitting = rows.filter(**wanted)
        return self.any_of(fitting if self.dice.random() < 0.85 and fitting.exists() else rows)

    @property
    def people(self) -> models.QuerySet[Participant]:
        return Participant.objects.filter(study=self.trial.study)

    def of_study(self, model: type[models.Model], path: str) -> models.QuerySet[Any]:
        return model._default_manager.filter(**{path: self.trial.study})

    def stranded(self) -> models.QuerySet[Slot]:
        """Seats not yet used whose decision no longer stands."""
        return Slot.objects.filter(
            cohort__study=self.trial.study,
            cohort__decision__state="BASIS_CHANGED",
            state__in=["RESERVED", "CONFIRMED"],
            participant__state__in=["ELIGIBLE", "SLOTTED"],
        )

    def level(self) -> DoseLevel:
        advised = self.trial.advice().level
        if advised is not None and self.dice.random() < 0.8:
            return self.trial.level(advised)
        return self.any_of(DoseLevel.objects.filter(study=self.trial.study))

    # --- moves -------------------------------------------------------------------------------

    def wait(self) -> None:
        hours = self.dice.choice([1, 6, 24, 72, 24 * 7, 24 * 30])
        self.trial.now += timedelta(hours=hours)
        if self.dice.random() < 0.5:
            pass_time_everywhere(now=self.trial.now)

    def screen(self) -> None:
        self.trial.screen(disease=DISEASE, crew=self.dice.randrange(len(self.trial.crews)))

    def reserve(self) -> None:
        if not self.people.filter(state="ELIGIBLE", slots=None).exists():
            self.screen()
        person = self.likely(self.people, state="ELIGIBLE")
        reserve_slot(person, level=self.level(), by=self.trial.manager, now=self.trial.tick())

    def confirm(self) -> None:
        slot = self.likely(self.of_study(Slot, "cohort__study"), state="RESERVED")
        confirm_slot(slot, by=self.trial.manager, now=self.trial.tick())

    def release(self) -> None:
        stranded = self.stranded()
        slot = self.any_of(stranded if stranded else self.of_study(Slot, "cohort__study"))
        release_slot(slot, by=self.trial.manager, reason="ill", now=self.trial.tick())

    def begin(self) -> None:
        person = self.likely(self.people, state="SLOTTED")
        begin_lymphodepletion(
            person,
            regimen="flu_cy",
            started_at=self.trial.now,
            first_infusion_on=self.trial.now,
            by=self.trial.investigator_of(person),
            now=self.trial.tick(),
        )

    def complete(self) -> None:
        course = self.likely(self.of_study(Course, "participant__study"), ended_at=None)
        complete_lymphodepletion(
            course,
            ended_at=self.trial.now,
            by=self.trial.investigator_of(course.participant),
            now=self.trial.tick(),
        )

    def _infusion(self) -> Infusion:
        rows = self.of_study(Infusion, "course__participant__study")
        return self.likely(rows, state="PLANNED", course__ended_at__isnull=False)

    def infuse(self) -> None:
        infusion = self._infusion()
        give_infusion(
            infusion,
            given_at=self.trial.now,
            given_cells=infusion.assigned_cells,
            by=self.trial.investigator_of(infusion.course.participant),
            now=self.trial.tick(),
        )

    def miss(self) -> None:
        infusion = self._infusion()
        miss_infusion(
            infusion,
            reason="fever",
            is_for_toxicity=self.dice.random() < 0.3,
            by=self.trial.investigator_of(infusion.course.participant),
            now=self.trial.tick(),
        )

    def correct(self) -> None:
        infusion = self.any_of(self._given())
        correct_infusion(
            infusion,
            given_at=infusion.given_at + timedelta(days=self.dice.choice([-3, -1, 1, 3, 10])),
            reason="read off the wrong sheet",
            by=self.trial.investigator_of(infusion.course.participant),
            now=self.trial.tick(),
        )

    def not_given(self) -> None:
        infusion = self.any_of(self._given())
        mark_not_given(
            infusion,
            to=self.dice.choice(["PLANNED", "MISSED"]),
            reason="another participant's",
            by=self.trial.investigator_of(infusion.course.participant),
            now=self.trial.tick(),
        )

    def _given(self) -> models.QuerySet[Infusion]:
        return self.of_study(Infusion, "course__participant__study").filter(state="GIVEN")

    def report(self) -> None:
        person = self.likely(self.people, state="TREATED")
        by = self.trial.investigator_of(person)
        ago = timedelta(hours=self.dice.choice([0, 1, 24, 24 * 10, 24 * 40]))
        event = report_event(
            person,
            term="Fever",
            onset_at=self.trial.now - ago,
            grade=3,
            grading_system="CTCAE v5.0",
            causality="POSSIBLE",
            is_serious=False,
            aware_at=self.trial.now,
            by=by,
            now=self.trial.tick(),
        )
        if self.dice.random() < 0.8:
            criterion = self.dice.choice(["", "NOW", "IN72H"])
            report_dlt(event, criterion=criterion, by=by, now=self.trial.tick())

    def _report(self, state: str) -> DltReport:
        return self.likely(self.of_study(DltReport, "event__participant__study"), state=state)

    def clear(self) -> None:
        report = self._report("PROVISIONAL")
        clear_dlt(
            report,
            resolved_at=self.trial.now,
            by=self.trial.investigator_of(report.event.participant),
            password=self.trial.password,
            now=self.trial.tick(),
        )

    def adjudicate(self) -> None:
        adjudicate_dlt(
            self._report("REPORTED"),
            is_confirmed=self.dice.random() < 0.5,
            reason="reviewed",
            by=self.trial.monitor,
            password=self.trial.password,
            now=self.trial.tick(),
        )

    def state(self) -> None:
        person = self.likely(self.people, window__state="AWAITING_STATEMENT")
        outcome = getattr(person, "outcome", None)
        has_dlt = outcome is not None and outcome.dlt == "COUNTED"
        sign_window_statement(
            person,
            has_dlt=has_dlt if self.dice.random() < 0.9 else not has_dlt,
            by=self.trial.investigator_of(person),
            password=self.trial.password if self.dice.random() < 0.95 else "wrong",
            now=self.trial.tick(),
        )

    def rule_out(self) -> None:
        person = self.likely(self.people, outcome__letter="P")
        if not hasattr(person, "outcome"):
            raise NothingToDo
        confirm_not_evaluable(
            person, reason="under-dosed", by=self.trial.monitor, now=self.trial.tick()
        )

    def leave(self) -> None:
        person = self.any_of(self.people)
        leave_study(
            person,
            to=self.dice.choice(["WITHDRAWN", "LOST", "DIED"]),
            reason="moved away",
            by=self.trial.investigator_of(person),
            now=self.trial.tick(),
        )

    def decide(self) -> None:
        advice = self.trial.advice()
        if advice.verdict not in PLACING and self.dice.random() < 0.7:
            raise NothingToDo
        self.trial.decide(Verdict(advice.verdict), advice.level)

    def propose_only(self) -> None:
        advice = self.trial.advice()
        level = None if advice.level is None else self.trial.level(advice.level)
        decision = self.trial.propose(Conclusion(Verdict(advice.verdict), level, "agrees"))
        if self.dice.random() < 0.5:
            self.trial.sign(decision)

    def override(self) -> None:
        verdict = self.dice.choice([Verdict.ENROL, Verdict.ESCALATE, Verdict.DE_ESCALATE])
        level = self.any_of(DoseLevel.objects.filter(study=self.trial.study)).ordinal
        seats = self.dice.randint(1, 3)
        self.trial.decide(verdict, level, seats=seats, reason=REASON)

    def hold(self) -> None:
        place_hold(
            self.trial.study,
            scope="LEVEL",
            level=self.level(),
            reason="a signal",
            by=self.trial.monitor,
            now=self.trial.tick(),
        )

    def lift(self) -> None:
        lift_hold(
            self.likely(self.of_study(Hold, "study"), state="PLACED"),
            reason="reviewed",
            by=self.trial.monitor,
            password=self.trial.password,
            now=self.trial.tick(),
        )

    def sign_old(self) -> None:
        decision = self.any_of(Decision.objects.filter(study=self.trial.study))
        self.trial.sign(decision)
