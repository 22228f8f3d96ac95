"""Signed, failed, confirmed, screened again, out of date: each step and its refusals."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
from django.db import IntegrityError, ProgrammingError

from cohorts.actions import (
    confirm_eligibility,
    enter_results,
    fail_screening,
    screen_participant,
    sign_screening,
)
from cohorts.models import Participant, Screening
from cohorts.policies import eligibility_gate, gates_for_treatment
from ntrust.change import study_change
from safety.management.conduct import Conduct
from safety.policies import source_rows
from tests.cohorts.screening import candidate, enter, entry, plan, screening_trial, signing
from tests.factories import (
    DISEASE,
    kinds_since,
    open_level,
    refused,
    reserve,
    revision_of,
    shared_trial,
    shut,
)

pytestmark = pytest.mark.django_db

_built, trial = shared_trial(screening_trial)


def file_of(person: Participant) -> Screening:
    return Screening.objects.get(participant=person)


def confirmed(trial: Conduct) -> Participant:
    person = candidate(trial)
    sign_screening(person, **signing(trial, person))
    return confirm_eligibility(person, by=trial.manager, now=trial.tick())


def again(trial: Conduct, earlier: Participant, **changed: Any) -> Participant:
    named = {
        "site": trial.crews[0].site,
        "disease": DISEASE,
        "consented_at": trial.now,
        "by": trial.crews[0].investigator,
        **changed,
    }
    return screen_participant(named.pop("site"), rescreens=earlier, now=trial.tick(), **named)


def failure(trial: Conduct) -> Participant:
    person = candidate(trial, egfr={"value": "44.9"})
    fail_screening(person, **signing(trial, person))
    return Participant.objects.get(pk=person.pk)


# --- Signature, failure, confirmation ---------------------------------------------------------


def test_signature_waits_for_every_criterion_and_names_each(trial: Conduct) -> None:
    person = trial.consent(disease=DISEASE)
    plan(trial, person)
    enter(trial, person, entry(trial, "egfr", value="44.9"), entry(trial, "biopsy"))

    with refused("not_eligible") as caught:
        sign_screening(person, **signing(trial, person))

    assert shut(caught) == ["criterion_GE1", "criterion_GE2", "criterion_GE3", "criterion_GE4"]
    assert "GE1 met, excludes: eGFR 44.9 mL/min" in caught.value.sentence
    assert "GE2 missing: AST is missing" in caught.value.sentence


def test_signature_freezes_what_was_signed(trial: Conduct) -> None:
    person = candidate(trial)

    screening = sign_screening(person, **signing(trial, person))

    assert (screening.state, screening.expires_on) == ("SIGNED", date(2026, 1, 13))
    assert [row["criterion"] for row in screening.readings] == ["GI1", "GE1", "GE2", "GE3", "GE4"]
    assert screening.signature is not None
    assert screening.signature.content_hash == screening.content_hash
    with refused("illegal_move"):
        sign_screening(person, **signing(trial, person))


def test_signatures_need_the_password(trial: Conduct) -> None:
    person = candidate(trial)
    wrong = {**signing(trial, person), "password": "guess"}

    with refused("signature_refused"):
        sign_screening(person, **wrong)
    with refused("signature_refused"):
        fail_screening(person, reason="withdrew", **wrong)


def test_confirmation_waits_for_the_signature(trial: Conduct) -> None:
    person = candidate(trial)

    with refused("not_eligible") as caught:
        confirm_eligibility(person, by=trial.manager, now=trial.tick())

    assert shut(caught) == ["screening_signed"]


def test_confirmation_refuses_what_went_out_of_date(trial: Conduct) -> None:
    person = candidate(trial)
    sign_screening(person, **signing(trial, person))
    trial.now += timedelta(days=8)

    with refused("not_eligible") as caught:
        confirm_eligibility(person, by=trial.manager, now=trial.tick())

    assert shut(caught) == ["eligibility_in_date"]
    assert "out of date since 13-Jan-2026" in caught.value.sentence


def test_changed_result_opens_a_signed_screening_again(trial: Conduct) -> None:
    person = confirmed(trial)
    revision = revision_of(trial)

    enter(trial, person, entry(trial, "egfr", value="60"), reason="misread")

    screening = file_of(person)
    assert (screening.state, screening.signature, screening.confirmed_by) == ("OPEN", None, None)
    assert Participant.objects.get(pk=person.pk).state == "ELIGIBLE"
    assert kinds_since(trial, revision) == ["SCREENING_REOPENED", "RESULTS_ENTERED"]
    assert not eligibility_gate(person, now=trial.now).is_clear


def test_subject_number_is_given_once(trial: Conduct) -> None:
    person = confirmed(trial)
    trial.now += timedelta(days=1)
    enter(trial, person, entry(trial, "egfr"))
    sign_screening(person, **signing(trial, person))

    person = confirm_eligibility(person, by=trial.manager, now=trial.tick())

    assert (person.subject_number, person.state, file_of(person).state) == (
        "P-001",
        "ELIGIBLE",
        "CONFIRMED",
    )


def test_failure_names_its_criteria(trial: Conduct) -> None:
    person = failure(trial)

    screening = file_of(person)
    assert (person.state, screening.state) == ("SCREEN_FAILED", "FAILED")
    assert screening.failed_criteria == ["GE1"]
    with refused("screening_over"):
        enter(trial, person, entry(trial, "egfr", value="70"), reason="again")
    with refused("screening_over"):
        plan(trial, person, visit_date=None)


def test_failure_without_a_failed_criterion_needs_a_reason(trial: Conduct) -> None:
    person = candidate(trial)

    with refused("reason_needed"):
        fail_screening(person, reason=" ", **signing(trial, person))
    screening = fail_screening(person, reason="withdrew consent", **signing(trial, person))

    assert (screening.failed_criteria, screening.failed_because) == ([], "withdrew consent")


def test_failure_of_one_already_eligible_gives_the_seat_up(trial: Conduct) -> None:
    open_level(trial)
    person = confirmed(trial)
    slot = reserve(trial, person, 1)
    with refused("illegal_move"):
        fail_screening(person, reason="eGFR fell", **signing(trial, person))
    trial.now += timedelta(days=1)
    enter(trial, person, entry(trial, "egfr", value="40"))

    fail_screening(person, **signing(trial, person))

    slot.refresh_from_db()
    assert slot.state == "RELEASED"
    assert Participant.objects.get(pk=person.pk).state == "SCREEN_FAILED"


def test_other_site_enters_and_signs_nothing(trial: Conduct) -> None:
    person = candidate(trial)
    other = {**signing(trial, person), "by": trial.crews[1].investigator}

    with refused("other_site"):
        enter_results(person, entries=[entry(trial, "egfr")], by=other["by"], now=trial.tick())
    with refused("other_site"):
        sign_screening(person, **other)
    with refused("other_site"):
        fail_screening(person, reason="moved", **other)


# --- Screening again --------------------------------------------------------------------------


def test_screen_failure_is_screened_again_once(trial: Conduct) -> None:
    earlier = failure(trial)

    second = again(trial, earlier)

    assert (second.rescreens, second.screening_number) == (earlier, "S1-001")
    assert file_of(second).state == "OPEN"
    with refused("already_rescreened"):
        again(trial, earlier)


def test_screening_again_needs_a_failure_of_the_same_site(trial: Conduct) -> None:
    earlier, active = failure(trial), candidate(trial)
    elsewhere = {"site": trial.crews[1].site, "by": trial.crews[1].investigator}

    with refused("not_failed"):
        again(trial, active)
    with refused("not_found"):
        again(trial, earlier, **elsewhere)
    with refused("impossible_order"):
        again(trial, earlier, consented_at=earlier.consented_at - timedelta(hours=1))


def test_database_refuses_to_rescreen_who_did_not_fail(trial: Conduct) -> None:
    person, active = trial.consent(disease=DISEASE), candidate(trial)

    with (
        pytest.raises(ProgrammingError, match="only a screen failure of the same site"),
        study_change(trial.study, by=trial.manager, reason="by hand", now=trial.tick()),
    ):
        Participant.objects.filter(pk=person.pk).update(rescreens=active)


@pytest.mark.parametrize(
    ("changed", "name"),
    [
        ({"state": "SIGNED"}, "screening_is_signed_unless_open"),
        ({"confirmed_at": "2026-01-05T09:00Z"}, "screening_confirmed"),
        ({"failed_because": "tired"}, "screen_failure_says_why"),
        ({"first_infusion_date": date(2026, 1, 9)}, "infusion_1_planned_after"),
        ({"lymphodepletion_date": date(2026, 1, 1)}, "lymphodepletion_planned_after"),
    ],
)
def test_database_refuses_a_broken_screening(
    trial: Conduct, changed: dict[str, Any], name: str
) -> None:
    person = candidate(trial)

    with (
        pytest.raises(IntegrityError, match=name),
        study_change(trial.study, by=trial.manager, reason="by hand", now=trial.tick()),
    ):
        Screening.objects.filter(participant=person).update(**changed)


# --- The gate ---------------------------------------------------------------------------------


def test_gate_says_what_is_missing_at_each_step(trial: Conduct) -> None:
    person = candidate(trial)
    said = [eligibility_gate(person, now=trial.now)]
    sign_screening(person, **signing(trial, person))
    said.append(eligibility_gate(person, now=trial.now))
    confirm_eligibility(person, by=trial.manager, now=trial.tick())
    said.append(eligibility_gate(person, now=trial.now))

    assert [(gate.is_clear, gate.who_can_clear) for gate in said] == [
        (False, "investigator"),
        (False, "study manager"),
        (True, ""),
    ]
    assert {gate.rule for gate in said} == {"eligibility_in_date"}


def test_gate_shuts_on_the_first_day_out_of_date(trial: Conduct) -> None:
    person = confirmed(trial)
    last = trial.now.replace(day=12, hour=23, minute=59)

    assert eligibility_gate(person, now=last).is_clear
    gate = eligibility_gate(person, now=last + timedelta(minutes=1))

    assert (gate.is_clear, gate.clears_at) == (False, None)


def test_seat_needs_a_screening_in_date(trial: Conduct) -> None:
    open_level(trial)
    person = confirmed(trial)
    trial.now += timedelta(days=8)

    with refused("no_seat") as caught:
        reserve(trial, person, 1)

    assert shut(caught) == ["eligibility_in_date"]


def test_treatment_judges_again_on_the_day_it_begins(trial: Conduct) -> None:
    """An infection 32 days before planned lymphodepletion; it begins three days early."""
    person = candidate(trial, infection={"value": "2025-12-08"})
    sign_screening(person, **signing(trial, person))
    confirm_eligibility(person, by=trial.manager, now=trial.tick())

    early = gates_for_treatment(person, now=trial.now)
    planned = gates_for_treatment(person, now=trial.now + timedelta(days=4))

    assert [gate.rule for gate in early if not gate.is_clear] == ["criterion_GE3"]
    assert all(gate.is_clear for gate in planned)


def test_results_are_verified_as_the_protocol_calls_them(trial: Conduct) -> None:
    person = trial.consent(disease=DISEASE)
    enter(trial, person, entry(trial, "egfr", value="60"), entry(trial, "biopsy"))

    said = {row.words for row in source_rows(trial.study, people=[person])}

    assert said == {"eGFR: 60 mL/min", "Biopsy: yes"}
