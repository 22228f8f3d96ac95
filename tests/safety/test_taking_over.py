"""A trial taken over from paper ends where the same trial conducted here ends, and goes on."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from cohorts.engine.design import Verdict
from cohorts.engine.wire import recommendation_as_dict
from cohorts.models import Circulation, Cohort, Hold, Outcome, Participant, Slot
from cohorts.policies import recommend_now
from cohorts.queries.verification import verify_decision
from dosing.models import DltWindow, Infusion
from ntrust.models import Study
from safety.management.conduct import Conduct
from safety.models import AdverseEvent, DltReport, WindowStatement
from tests.factories import (
    DISEASE,
    answer_of,
    kinds_since,
    letters_at,
    make_trial,
    open_level,
    refused,
    report_late_dlt,
    reserve,
    revision_of,
    run_cohort,
    shared_trial,
    shut,
)
from tests.safety.paper import Rows, beside, live, person, sign, stage, take_over, write_down

pytestmark = pytest.mark.django_db


def nine() -> Conduct:
    """1NNN 2NTN 2NNP conducted in one study; answers the other, in which nobody is."""
    trial = open_level(make_trial())
    run_cohort(trial, 1, "NNN")
    run_cohort(open_level(trial, 2), 2, "NTN")
    run_cohort(open_level(trial, 2), 2, "NNP")
    return beside(trial)


_built, trial = shared_trial(nine)


@pytest.fixture
def rows(trial: Conduct) -> Rows:
    return write_down(live(trial).study)


def written(study: Study) -> dict[str, list[Any]]:
    """What the rules and the seats are made of, without the paper's imprecise times."""
    own = {"participant__study": study}
    number = "participant__subject_number"
    outcomes = Outcome.objects.filter(study=study).order_by("participant_id")
    windows = DltWindow.objects.filter(**own).order_by("participant_id")
    cohorts = Cohort.objects.filter(study=study).order_by("number")
    slots = Slot.objects.filter(**own).order_by("participant_id")
    infusions = Infusion.objects.filter(course__participant__study=study)
    statements = WindowStatement.objects.filter(**own).order_by("participant_id")
    return {
        "outcomes": list(
            outcomes.values_list(
                number,
                "level__ordinal",
                "letter",
                "because",
                "regimen",
                "lymphodepletion_given",
                "infusions",
                "first_infused_at",
                "window_closes_at",
                "is_window_over",
                "dlt",
                "has_signed_statement",
            )
        ),
        "windows": list(windows.values_list(number, "state", "opened_at", "closes_at")),
        "people": list(
            Participant.objects.filter(study=study).values_list(
                "subject_number", "screening_number", "state", "site__code", "disease"
            )
        ),
        "cohorts": list(cohorts.values_list("number", "level__ordinal", "seats", "state")),
        "slots": list(slots.values_list(number, "cohort__number", "seat", "state")),
        "infusions": list(
            infusions.order_by("course__participant_id", "number").values_list(
                "number", "state", "planned_date", "assigned_cells", "given_cells", "given_at"
            )
        ),
        "statements": list(statements.values_list(number, "has_dlt", "signed_at__date")),
        "decisions": list(
            study.decisions.values_list("number", "verdict", "level__ordinal", "seats", "state")
        ),
    }


def test_nine_from_paper_are_where_nine_conducted_here_are(trial: Conduct, rows: Rows) -> None:
    staged = stage(trial, rows)
    assert not Participant.objects.filter(study=trial.study).exists()
    sign(trial, staged, by=trial.manager)
    assert not Participant.objects.filter(study=trial.study).exists()

    applied = sign(trial, staged)

    assert applied.state == "APPLIED"
    assert written(trial.study) == written(live(trial).study)
    assert (letters_at(trial, 1), letters_at(trial, 2)) == ("NNN", "NTNNNP")
    assert answer_of(trial) == ("WAIT", 2)
    here, there = recommend_now(trial.study), recommend_now(live(trial).study)
    assert here is not None
    assert there is not None
    assert recommendation_as_dict(here) == recommendation_as_dict(there)
    assert len(here.bounds) == 3
    assert applied.promised["advice"] == recommendation_as_dict(here)
    assert applied.promised["letters"] == {"1": "NNN", "2": "NTNNNP"}


def test_every_row_is_marked_and_rests_on_the_two_signatures(trial: Conduct, rows: Rows) -> None:
    applied = take_over(trial, rows)

    signatures = {applied.manager_signature_id, applied.monitor_signature_id}
    given = trial.study.signatures.filter(meaning="takes over from paper")
    assert set(given.values_list("pk", flat=True)) == signatures
    assert {row.content_hash for row in given} == {applied.content_hash}
    own = {"participant__study": trial.study}
    assert set(trial.study.participants.values_list("is_legacy", flat=True)) == {True}
    assert set(AdverseEvent.objects.filter(**own).values_list("is_legacy", flat=True)) == {True}
    assert WindowStatement.objects.filter(**own, is_legacy=True).count() == 7
    assert (
        Infusion.objects.filter(course__participant__study=trial.study, is_legacy=True).count() == 9
    )
    for decision in trial.study.decisions.all():
        assert (decision.is_legacy, decision.recommendation, decision.packet_hash) == (
            True,
            None,
            "",
        )
        assert {decision.manager_signature_id, decision.monitor_signature_id} == signatures
        assert verify_decision(decision) == []
    report = DltReport.objects.get(event__participant__study=trial.study)
    assert (report.state, report.adjudication.signature_id) == (
        "CONFIRMED",
        applied.monitor_signature_id,
    )


def test_people_are_told_once_not_row_by_row(trial: Conduct, rows: Rows) -> None:
    staged = stage(trial, rows)
    sign(trial, staged, by=trial.manager)
    before = revision_of(trial)

    sign(trial, staged)

    assert Counter(kinds_since(trial, before)) == {
        "COHORT_COMPLETE": 1,
        "COHORT_FULL": 1,
        "DECISION_SENT": 1,
        "FOLLOW_UP_BEGUN": 7,
        "RECOMMENDATION_CHANGED": 1,
        "STATEMENT_DUE": 2,
        "TAKE_OVER_APPLIED": 1,
    }


def test_it_goes_on_with_the_statement_and_the_next_decision(trial: Conduct, rows: Rows) -> None:
    take_over(trial, rows)

    trial.sign_no_dlt(person(trial, "P-009"))

    assert letters_at(trial, 2) == "NTNNNN"
    assert answer_of(trial) == ("ESCALATE", 3)
    trial.screened = 9
    trial.decide(Verdict.ESCALATE, 3)
    decision = trial.study.decisions.get(number=4)
    assert (decision.is_legacy, decision.state) == (False, "CIRCULATED")
    seated = trial.seat(3, disease=DISEASE, crew=1)
    assert (seated.subject_number, seated.is_legacy) == ("P-010", False)
    assert answer_of(trial) == ("ENROL", 3)


@pytest.mark.parametrize("subject", ["P-001", "P-004", "P-007"])
def test_late_dlt_does_here_what_it_does_in_a_trial_conducted_here(
    trial: Conduct, rows: Rows, subject: str
) -> None:
    take_over(trial, rows)

    for study in (trial, live(trial)):
        report_late_dlt(study, person(study, subject))

    last = trial.study.decisions.get(number=3)
    assert last.state == "BASIS_CHANGED"
    assert f"{subject} went from no DLT to DLT" in last.basis_change
    held = Hold.objects.filter(study=trial.study, state="PLACED")
    assert ("BASIS_CHANGED_3", 2) in held.values_list("rule", "level__ordinal")
    assert answer_of(trial) == answer_of(live(trial))
    if subject != "P-007":
        there = Hold.objects.filter(study=live(trial).study, state="PLACED")
        assert set(held.values_list("rule", "level__ordinal")) == set(
            there.values_list("rule", "level__ordinal")
        )
        states = [row.state for row in live(trial).study.decisions.all()]
        assert [row.state for row in trial.study.decisions.all()] == states


def test_dlt_of_paper_can_be_superseded_only_by_new_facts(trial: Conduct, rows: Rows) -> None:
    take_over(trial, rows)
    report = DltReport.objects.get(event__participant__study=trial.study)

    with refused("illegal_move"):
        trial.adjudicate(report, is_confirmed=False)


def test_not_evaluable_leaves_the_seat_to_the_next(trial: Conduct, rows: Rows) -> None:
    rows["outcomes"][8] = {"subject_number": "P-009", "outcome": "X", "reason": "lost"}
    take_over(trial, rows)

    assert letters_at(trial, 2) == "NTNNNX"
    slot = Slot.objects.get(participant=person(trial, "P-009"))
    cohort = trial.study.cohorts.get(number=3)
    assert (slot.state, slot.seat, cohort.state) == ("REPLACED", 3, "OPEN")
    outcome = Outcome.objects.get(participant=person(trial, "P-009"))
    assert outcome.not_evaluable_confirmed_by == trial.monitor
    assert answer_of(trial) == ("ENROL", 2)
    trial.screened = 9
    assert trial.seat(2, disease=DISEASE).slots.get().seat == 3


def test_site_that_was_not_on_paper_reads_the_decision_first(trial: Conduct, rows: Rows) -> None:
    rows["outcomes"][8] = {"subject_number": "P-009", "outcome": "X", "reason": "lost"}
    take_over(trial, rows)
    trial.screened = 9
    elsewhere = trial.screen(disease=DISEASE, crew=1)

    with refused("no_seat") as caught:
        reserve(trial, elsewhere, 2)

    assert shut(caught) == ["decision_acknowledged"]
    rows_of = Circulation.objects.filter(decision__study=trial.study, acknowledged_at=None)
    assert {row.site.code for row in rows_of} == {"S2"}


def test_more_people_than_seats_is_what_happened(trial: Conduct, rows: Rows) -> None:
    rows["decisions"][2]["seats"] = 2
    take_over(trial, rows)

    assert not Slot.objects.filter(participant=person(trial, "P-009")).exists()
    assert letters_at(trial, 2) == "NTNNNP"
    trial.sign_no_dlt(person(trial, "P-009"))
    assert answer_of(trial) == ("ESCALATE", 3)


def test_replacement_has_the_seat_of_the_one_before(trial: Conduct, rows: Rows) -> None:
    rows["outcomes"][0] = {"subject_number": "P-001", "outcome": "X", "reason": "under-dosed"}
    for sheet in ("participants", "infusions"):
        rows[sheet][3] = {**rows[sheet][3]}
    rows["participants"][3]["level"] = 1
    take_over(trial, rows)

    seats = Slot.objects.filter(cohort__study=trial.study, cohort__number=1).order_by("id")
    assert [(str(one.participant), one.seat, one.state) for one in seats] == [
        ("P-001", 1, "REPLACED"),
        ("P-002", 1, "CONFIRMED"),
        ("P-003", 2, "CONFIRMED"),
        ("P-004", 3, "CONFIRMED"),
    ]
    assert letters_at(trial, 1) == "XNNN"


def test_numbers_of_paper_are_never_given_again(trial: Conduct, rows: Rows) -> None:
    for sheet in ("participants", "infusions", "outcomes"):
        for row in rows[sheet]:
            if row["subject_number"] == "P-001":
                row["subject_number"] = "P-010"
    take_over(trial, rows)
    trial.screened = 9

    assert trial.screen(disease=DISEASE).subject_number == "P-011"
