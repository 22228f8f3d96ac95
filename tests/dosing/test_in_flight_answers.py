"""In flight: what each site answers, and on whose word an infusion goes on."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from dosing.actions import (
    record_given_infusion,
)
from dosing.models import InFlight
from safety.management.conduct import Conduct
from tests.dosing.asked import answer as answer_call
from tests.dosing.asked import give, hold
from tests.dosing.in_flight import answer, asked, build, infusion_of, instruct, people
from tests.factories import (
    START,
    kinds_since,
    refused,
    report_dlt_of,
    revision_of,
    shared_trial,
    shut,
)

pytestmark = pytest.mark.django_db

_built, trial = shared_trial(build)


# --- What is answered ------------------------------------------------------------------------


def test_held_is_signed_and_puts_the_infusion_off(trial: Conduct) -> None:
    hold(trial, 1)
    here = people(trial)[0]
    by = trial.investigator_of(here)
    revision = revision_of(trial)

    infusion = answer(trial, infusion_of(here))

    row = InFlight.objects.get(infusion=infusion)
    assert (row.state, row.answer, row.reason, row.answered_by) == (
        "ANSWERED",
        "HELD",
        "put off for now",
        by,
    )
    assert row.signature is not None
    assert row.signature.meaning == f"infusion 1 of {here}: held"
    assert (infusion.state, infusion.not_given_because) == ("HELD", "put off for now")
    assert kinds_since(trial, revision) == ["INFUSION_HELD", "IN_FLIGHT_ANSWERED"]


def test_one_answer_is_for_everything_that_is_asked(trial: Conduct) -> None:
    here, _, treated = people(trial)
    report_dlt_of(trial, treated)
    hold(trial, 1)

    answer(trial, infusion_of(here))

    assert (here, 1) not in asked()
    assert InFlight.objects.filter(infusion=infusion_of(here), state="ANSWERED").count() == 2


def test_already_given_says_when_and_leads_to_its_entry(trial: Conduct) -> None:
    hold(trial, 1)
    here = people(trial)[0]
    given_at = trial.now

    infusion = answer(trial, infusion_of(here), "ALREADY_GIVEN", given_at=given_at)

    row = InFlight.objects.get(infusion=infusion)
    assert (row.answer, row.given_at, infusion.state) == ("ALREADY_GIVEN", given_at, "PLANNED")
    given = record_given_infusion(
        infusion,
        because="it was running when the hold landed",
        given_at=given_at,
        given_cells=infusion.assigned_cells,
        by=trial.investigator_of(here),
        now=trial.tick(),
    )
    assert given.state == "GIVEN"


def test_entered_as_given_first_ends_the_question(trial: Conduct) -> None:
    hold(trial, 1)
    here = people(trial)[0]
    given_at = trial.now
    record_given_infusion(
        infusion_of(here),
        because="it was running when the hold landed",
        given_at=given_at,
        given_cells=Decimal(1),
        by=trial.investigator_of(here),
        now=trial.tick(),
    )

    row = InFlight.objects.get(infusion=infusion_of(here))

    assert (row.state, row.moot_because) == (
        "MOOT",
        f"It was given on {given_at:%d-%b-%Y %H:%M} UTC.",
    )
    with refused("question_over"):
        answer(trial, infusion_of(here))


def test_proceeding_under_a_hold_needs_the_answered_call(trial: Conduct) -> None:
    hold(trial, 1)
    here = people(trial)[0]
    with refused("no_instruction") as caught:
        answer(trial, infusion_of(here), "PROCEEDING")
    assert shut(caught) == ["held_level"]

    answer_call(trial, here, "HOLD")
    with refused("no_instruction"):
        answer(trial, infusion_of(here), "PROCEEDING")
    answer_call(trial, here)
    answer(trial, infusion_of(here), "PROCEEDING")

    give(trial, here)
    with refused("no_instruction"):
        answer(trial, infusion_of(here, 2), "PROCEEDING")


def test_instruction_does_not_open_a_hold(trial: Conduct) -> None:
    hold(trial, 1)

    with refused("held"):
        instruct(trial, infusion_of(people(trial)[2], 2))


def test_proceeding_after_a_dlt_needs_a_signed_instruction(trial: Conduct) -> None:
    treated = people(trial)[2]
    report_dlt_of(trial, treated)
    second = infusion_of(treated, 2)
    with refused("no_instruction") as caught:
        answer(trial, second, "PROCEEDING")
    assert shut(caught) == ["instructed"]
    with refused("signature_refused"):
        instruct(trial, second, password="wrong")

    instruct(trial, second)

    row = InFlight.objects.get(infusion=second)
    assert (row.instruction, row.instructed_by) == ("fit and well", trial.monitor)
    answer(trial, second, "PROCEEDING")
    row.refresh_from_db()
    assert (row.state, row.answer) == ("ANSWERED", "PROCEEDING")


def test_instruction_speaks_of_the_dlts_before_it(trial: Conduct) -> None:
    here, _, treated = people(trial)
    report_dlt_of(trial, treated)
    instruct(trial, infusion_of(here))

    give(trial, here)
    report_dlt_of(trial, here, "IN72H")

    with refused("no_instruction"):
        answer(trial, infusion_of(here, 2), "PROCEEDING")


@pytest.mark.parametrize(
    ("named", "code"),
    [
        ({"reason": " "}, "reason_needed"),
        ({"password": "wrong"}, "signature_refused"),
        ({"word": "ALREADY_GIVEN"}, "given_at"),
        ({"given_at": START}, "given_at"),
        ({"word": "ALREADY_GIVEN", "given_at": START}, "impossible_order"),
        (
            {"word": "ALREADY_GIVEN", "given_at": START + timedelta(days=9999)},
            "future_date",
        ),
    ],
)
def test_bad_answer_is_refused(trial: Conduct, named: dict[str, Any], code: str) -> None:
    hold(trial, 1)

    with refused(code):
        answer(trial, infusion_of(people(trial)[0]), **named)


def test_nothing_asked_is_nothing_to_answer(trial: Conduct) -> None:
    here = people(trial)[0]

    with refused("question_over"):
        answer(trial, infusion_of(here))
    with refused("question_over"):
        instruct(trial, infusion_of(here))


def test_another_site_cannot_answer(trial: Conduct) -> None:
    hold(trial, 1)

    with refused("other_site"):
        answer(trial, infusion_of(people(trial)[0]), by=trial.crews[1].investigator)
