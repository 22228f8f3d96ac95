"""What is refused of a take-over, each time with nothing written; and what withdraws one."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import pytest

from cohorts.models import Decision, Participant
from ntrust.actions import create_study, grant_role
from ntrust.states import Role
from safety.actions import stage_take_over, taking_in, withdraw_take_over
from safety.management.conduct import Conduct
from safety.models import TakeOver
from safety.takeover import SHEETS, dry_run
from tests.factories import (
    DISEASE,
    START,
    amend,
    make_trial,
    open_level,
    refused,
    run_cohort,
    shared_trial,
)
from tests.safety.paper import Rows, as_book, beside, live, sign, stage, take_over, write_down

pytestmark = pytest.mark.django_db


def two() -> Conduct:
    """1NT conducted in one study; answers the other, in which nobody is."""
    trial = open_level(make_trial())
    run_cohort(trial, 1, "NT")
    return beside(trial)


_built, trial = shared_trial(two)


@pytest.fixture
def rows(trial: Conduct) -> Rows:
    return write_down(live(trial).study)


def withdraw(trial: Conduct, staged: TakeOver, **other: Any) -> TakeOver:
    given: dict[str, Any] = {"reason": "wrong file", "by": trial.manager, "now": trial.tick()}
    return withdraw_take_over(staged, **{**given, **other})


def test_faults_are_refused_each_with_its_sentence(trial: Conduct, rows: Rows) -> None:
    rows["participants"][0]["site"] = "S7"
    rows["infusions"][1]["viable_cells"] = "0.00001"
    rows["outcomes"][1]["dlt_causality"] = "surely"
    faults = dry_run(as_book(rows), study=trial.study, now=trial.now).faults

    with refused("take_over_faults") as caught:
        stage(trial, rows)

    assert len(faults) >= 3
    assert len(caught.value.gates) == len(faults)
    for fault in faults:
        assert fault.sentence in caught.value.sentence
    said = [gate.sentence for gate in caught.value.gates]
    assert "participants, row 2, site: S7 is none of S1, S2." in said


def test_nothing_is_not_staged(trial: Conduct) -> None:
    with refused("nothing_to_take_over"):
        stage(trial, {name: [] for name in SHEETS})


def test_second_one_beside_it_is_refused(trial: Conduct, rows: Rows) -> None:
    stage(trial, rows)

    with refused("already_staged"):
        stage(trial, rows)


def test_study_that_runs_here_is_refused(trial: Conduct, rows: Rows) -> None:
    with refused("has_participants"):
        stage(live(trial), rows)

    open_level(trial)
    with refused("has_decisions"):
        stage(trial, rows)


def test_study_without_a_protocol_is_refused(trial: Conduct, rows: Rows) -> None:
    bare = create_study("bare", title="Bare", protocol_number="B", now=START)
    grant_role(trial.manager, study=bare, role=Role.STUDY_MANAGER, by=None, now=START)

    with refused("no_protocol"):
        stage_take_over(bare, book=as_book(rows), by=trial.manager, now=trial.tick())


def test_wrong_password_and_stale_hash_are_refused(trial: Conduct, rows: Rows) -> None:
    staged = stage(trial, rows)

    with refused("signature_refused"):
        sign(trial, staged, password="guess")
    with refused("stale_take_over"):
        sign(trial, staged, seen_hash="0" * 64)
    sign(trial, staged)
    with refused("signature_refused"):
        sign(trial, staged, by=trial.manager, password="guess")


def test_one_person_does_not_sign_twice(trial: Conduct, rows: Rows) -> None:
    staged = stage(trial, rows)
    sign(trial, staged, by=trial.manager)
    with refused("already_signed"):
        sign(trial, staged, by=trial.manager)

    role = {"study": trial.study, "role": Role.MEDICAL_MONITOR}
    grant_role(trial.manager, by=None, now=trial.now, **role)
    with refused("already_signed"):
        sign(trial, staged, by=trial.manager)


def test_two_managers_are_not_manager_and_monitor(trial: Conduct, rows: Rows) -> None:
    staged = stage(trial, rows)
    sign(trial, staged, by=trial.manager)
    investigator = trial.crews[0].investigator
    role = {"study": trial.study, "role": Role.STUDY_MANAGER}
    grant_role(investigator, by=None, now=trial.now, **role)

    with refused("already_signed"):
        sign(trial, staged, by=investigator)


def test_one_with_both_roles_signs_the_one_that_is_missing(trial: Conduct, rows: Rows) -> None:
    staged = stage(trial, rows)
    sign(trial, staged, by=trial.manager)
    role = {"study": trial.study, "role": Role.STUDY_MANAGER}
    grant_role(trial.monitor, by=None, now=trial.now, **role)

    assert sign(trial, staged).state == "APPLIED"


def test_applied_one_is_at_its_end(trial: Conduct, rows: Rows) -> None:
    applied = take_over(trial, rows)

    with refused("illegal_move"):
        sign(trial, applied)
    with refused("illegal_move"):
        withdraw(trial, applied)
    with refused("has_participants"):
        stage(trial, rows)


def test_withdrawn_one_is_not_signed_and_another_is_staged(trial: Conduct, rows: Rows) -> None:
    staged = stage(trial, rows)
    sign(trial, staged)
    with refused("reason_needed"):
        withdraw(trial, staged, reason=" ")

    gone = withdraw(trial, staged)

    assert (gone.state, gone.withdrawn_because, gone.withdrawn_by) == (
        "WITHDRAWN",
        "wrong file",
        trial.manager,
    )
    with refused("illegal_move"):
        sign(trial, staged, by=trial.manager)
    assert take_over(trial, rows).state == "APPLIED"


def test_somebody_screened_in_between_is_refused(trial: Conduct, rows: Rows) -> None:
    staged = stage(trial, rows)
    sign(trial, staged)
    trial.consent(disease=DISEASE)

    with refused("has_participants"):
        sign(trial, staged, by=trial.manager)


def test_decision_in_between_is_refused(trial: Conduct, rows: Rows) -> None:
    staged = stage(trial, rows)
    sign(trial, staged)
    open_level(trial)

    with refused("has_decisions"):
        sign(trial, staged, by=trial.manager)


def test_amendment_in_between_is_refused(trial: Conduct, rows: Rows) -> None:
    staged = stage(trial, rows)
    sign(trial, staged)
    amend(trial, min_n_at_mtd=3, allow_deescalation=False)

    with refused("take_over_differs"):
        sign(trial, staged, by=trial.manager)


def test_what_is_written_has_to_be_what_was_promised(
    trial: Conduct, rows: Rows, monkeypatch: pytest.MonkeyPatch
) -> None:
    staged = stage(trial, rows)
    sign(trial, staged)
    monkeypatch.setattr(taking_in, "dlt_status", lambda participant: "NONE")
    monkeypatch.setattr(taking_in, "count_reports", lambda change: None)

    with refused("take_over_differs"):
        sign(trial, staged, by=trial.manager)

    assert not Participant.objects.filter(study=trial.study).exists()
    assert not Decision.objects.filter(study=trial.study).exists()
    assert TakeOver.objects.get(pk=staged.pk).state == "PARTLY_SIGNED"


MORE_FAULTS: list[tuple[str, int, str, Any]] = [
    ("participants", 0, "subject_number", "P/1"),
    ("participants", 0, "screening_number", "S 1"),
    ("participants", 0, "screening_number", "S" * 21),
    ("infusions", 0, "viable_cells", "1.00001"),
    ("outcomes", 1, "dlt_grading_system", ""),
    ("outcomes", 1, "dlt_causality", ""),
    ("outcomes", 1, "dlt_serious", "perhaps"),
    ("outcomes", 1, "dlt_aware", ""),
    ("outcomes", 1, "dlt_aware", "2031-01-01 09:00"),
    ("outcomes", 1, "dlt_aware", "2025-01-01 09:00"),
    ("outcomes", 1, "stated_on", "2031-01-01"),
    ("outcomes", 1, "stated_on", "2026-01-12"),
]


@pytest.mark.parametrize(("sheet", "place", "column", "value"), MORE_FAULTS)
def test_fault_is_named_by_sheet_row_and_column(
    trial: Conduct, rows: Rows, sheet: str, place: int, column: str, value: Any
) -> None:
    changed = deepcopy(rows)
    changed[sheet][place][column] = value

    found = dry_run(as_book(changed), study=trial.study, now=trial.now)

    assert (sheet, place + 2, column) in [(one.sheet, one.row, one.column) for one in found.faults]
    with refused("take_over_faults"):
        stage(trial, changed)


def test_pending_one_has_no_statement(trial: Conduct, rows: Rows) -> None:
    rows["outcomes"][0]["outcome"] = "P"

    with refused("take_over_faults") as caught:
        stage(trial, rows)

    assert "The statement is signed, so say N, T or X." in caught.value.sentence
