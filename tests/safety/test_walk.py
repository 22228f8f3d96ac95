"""At random, rightly and wrongly: nobody is ever seated or dosed where the rules do not send them.

NTRUST_WALKS=200 walks longer than the run's few.
"""

import os
import random
from dataclasses import dataclass, field

import pytest
from django.db import transaction

from cohorts.engine.basis import read_tallies
from cohorts.engine.rules import find_toxic, is_closed
from cohorts.models import Cohort, Decision, Outcome, Slot
from cohorts.policies import PLACING, current_basis, holds_on, recommend_now, require_protocol
from dosing.models import Course, Infusion
from ntrust.errors import Refused
from ntrust.signing import content_hash
from safety.models import DltReport, WindowStatement
from safety.policies import dlt_status
from tests.factories import answer_of, fingerprint, make_trial, open_level, run_cohort
from tests.safety.walk import NothingToDo, Walk

pytestmark = pytest.mark.django_db

WALKS = int(os.environ.get("NTRUST_WALKS", "4"))
STEPS = 70
DESIGNS = (
    {},
    {"expand_on_first_dlt": "at_once", "level_minus_one": True},
    {"escalate_with_pending": True, "min_n_at_mtd": 3},
    {"second_dlt": "complete_cohort", "confirm_top_dose": False},
)
# Moves that act more than once: each action stands by itself.
SEVERAL = frozenset(
    {"screen", "reserve", "decide", "override", "propose_only", "report", "sign_old"}
)


@dataclass
class Before:
    """What was allowed before the step."""

    walk: Walk
    advice: object = None
    closed_from: int | None = None
    held: set[int] = field(default_factory=set)
    confirmed: set[int] = field(default_factory=set)
    begun: set[int] = field(default_factory=set)
    given: set[int] = field(default_factory=set)
    fallen: set[int] = field(default_factory=set)

    def __post_init__(self) -> None:
        study = self.walk.trial.study
        self.advice = recommend_now(study)
        basis = current_basis(study, require_protocol(study))
        self.closed_from = find_toxic(read_tallies(basis))
        levels = study.levels.values_list("ordinal", flat=True)
        self.held = {level for level in levels if holds_on(study, level=level)}
        self.confirmed = keys(Slot.objects.filter(cohort__study=study, state="CONFIRMED"))
        self.begun = keys(Course.objects.filter(participant__study=study))
        self.given = keys(given_in(self.walk))
        self.fallen = keys(Decision.objects.filter(study=study, state="BASIS_CHANGED"))


def keys(rows: object) -> set[int]:
    return set(rows.values_list("pk", flat=True))  # type: ignore[attr-defined]


def given_in(walk: Walk) -> object:
    return Infusion.objects.filter(course__participant__study=walk.trial.study, state="GIVEN")


def check_nobody_wrongly(before: Before, name: str) -> None:
    """Seats, conditioning and infusions that are new were allowed a moment ago."""
    walk, study, advice = before.walk, before.walk.trial.study, before.advice
    for slot in Slot.objects.filter(cohort__study=study, state="CONFIRMED"):
        if slot.pk in before.confirmed or name != "confirm":
            continue
        level = slot.cohort.level.ordinal
        is_sent = advice.verdict in PLACING and advice.level == level  # type: ignore[attr-defined]
        assert is_sent or slot.cohort.decision.is_override
        assert level not in before.held
        assert not is_closed(level, before.closed_from)
        assert slot.cohort.decision.circulated_at is not None
        assert slot.cohort.decision_id not in before.fallen
    for course in Course.objects.filter(participant__study=study).exclude(pk__in=before.begun):
        level = course.level.ordinal
        assert level not in before.held
        completes = "complete_cohort" in str(recommend_design(walk))
        assert completes or not is_closed(level, before.closed_from)
    for infusion in given_in(walk).exclude(pk__in=before.given):  # type: ignore[attr-defined]
        assert infusion.course.level.ordinal not in before.held
        assert infusion.course.ended_at is not None


def recommend_design(walk: Walk) -> object:
    return require_protocol(walk.trial.study).document["options"]["second_dlt"]


def check_state(walk: Walk) -> None:
    """What holds at every moment."""
    study = walk.trial.study
    answer_of(walk.trial)
    basis = current_basis(study, require_protocol(study))
    assert walk.trial.advice().basis_hash == content_hash(basis)
    for outcome in Outcome.objects.filter(study=study).select_related("participant"):
        person = outcome.participant
        assert outcome.dlt == dlt_status(person), person
        signed = WindowStatement.objects.filter(
            participant=person, withdrawn_at=None, has_dlt=False
        ).exists()
        assert (outcome.letter != "N") or signed
        assert signed == outcome.has_signed_statement
        reports = DltReport.objects.filter(event__participant=person)
        assert (outcome.letter != "T") or reports.filter(
            state__in=["REPORTED", "CONFIRMED"]
        ).exists()
    for cohort in Cohort.objects.filter(study=study):
        taken = cohort.slots.filter(state__in=["RESERVED", "CONFIRMED"]).count()
        assert taken <= cohort.seats
        assert cohort.decision.signed_at is not None
    has_override = Decision.objects.filter(study=study, is_override=True).exists()
    if not has_override:
        flags = set(walk.trial.advice().flags) - {"OVER_ENROLLED", "DOSED_ABOVE_TOXIC"}
        late = Decision.objects.filter(study=study, basis_changed_at__isnull=False).exists()
        assert not flags or late, flags


@pytest.mark.parametrize("seed", range(WALKS))
def test_nobody_is_ever_seated_or_dosed_wrongly(seed: int) -> None:
    trial = make_trial(key=f"walk-{seed}", sites=2, **DESIGNS[seed % len(DESIGNS)])
    if seed % 4:
        run_cohort(open_level(trial), 1, "NNN")
    walk = Walk(trial, random.Random(seed), overrides=seed % 2 == 1)
    done = 0

    for _ in range(STEPS):
        before, rows = Before(walk), fingerprint()
        point = transaction.savepoint()
        try:
            name = walk.step()
        except NothingToDo:
            transaction.savepoint_rollback(point)
        except Refused as refusal:
            walk.log[-1] += f": refused, {refusal.code}"
            if walk.log[-1].split()[2].rstrip(":") not in SEVERAL:
                assert fingerprint() == rows, "\n".join(walk.log)
        else:
            done += 1
            try:
                check_nobody_wrongly(before, name)
            except AssertionError as wrong:
                raise AssertionError("\n".join(walk.log)) from wrong
        try:
            check_state(walk)
        except AssertionError as wrong:
            raise AssertionError("\n".join(walk.log)) from wrong

    print(f"walk {seed}: {done} of {STEPS} done, {trial.advice()}, {trial.advice().counts}")
    is_over = trial.advice().verdict == "STOP"
    assert is_over or done > STEPS / 3, "\n".join(walk.log)
