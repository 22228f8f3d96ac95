"""Corrections of what was given: the window, the statement, the outcome and the rules follow."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from cohorts.actions import adjudicate_missed_infusion
from cohorts.engine.design import Verdict
from cohorts.models import Decision, Outcome, Participant
from dosing.actions import (
    correct_infusion,
    mark_not_given,
    miss_infusion,
    resume_infusion,
)
from dosing.models import DltWindow, Infusion
from ntrust.models import Event
from safety.management.conduct import Conduct
from safety.models import WindowStatement
from tests.dosing.lotted import deviations
from tests.dosing.test_actions import build, conditioned, give
from tests.factories import (
    answer_of,
    end_windows,
    kinds_since,
    letters_at,
    make_trial,
    open_level,
    refused,
    report_late_dlt,
    revision_of,
    run_cohort,
    seat,
    shared_trial,
    treat,
)

pytestmark = pytest.mark.django_db
_built, trial = shared_trial(build)


@pytest.fixture
def person(trial: Conduct) -> Participant:
    return trial.study.participants.earliest("id")


def correct(trial: Conduct, infusion: Infusion, **named: Any) -> Infusion:
    named = {"reason": "read off the wrong sheet", **named}
    by = trial.crews[0].investigator
    return correct_infusion(infusion, by=by, now=trial.tick(), **named)


def not_given(trial: Conduct, infusion: Infusion, **named: Any) -> Infusion:
    named = {"reason": "another participant's", **named}
    by = trial.crews[0].investigator
    return mark_not_given(infusion, by=by, now=trial.tick(), **named)


def window_of(person: Participant) -> DltWindow:
    return DltWindow.objects.get(participant=person)


def completed(trial: Conduct, person: Participant) -> list[Infusion]:
    """Two given, the third missed, the window over and "no DLT" signed a month after it opened."""
    first, second, third = conditioned(trial, person)
    trial.now += timedelta(days=2)
    give(trial, first)
    trial.now += timedelta(days=7)
    give(trial, second)
    by = trial.crews[0].investigator
    miss_infusion(third, reason="a storm", is_for_toxicity=False, by=by, now=trial.tick())
    trial.now = window_of(person).closes_at or trial.now
    trial.sign_no_dlt(person)
    assert Outcome.objects.get(participant=person).letter == "N"
    return [first, second, third]


# --- Times -----------------------------------------------------------------------------------


def test_open_window_moves_with_the_first_infusion_and_says_so(
    trial: Conduct, person: Participant
) -> None:
    first, *_ = conditioned(trial, person)
    given = give(trial, first)
    trial.now += timedelta(days=3)
    old = window_of(person).closes_at
    assert given.given_at is not None
    assert old is not None
    before = revision_of(trial)

    correct(trial, given, given_at=given.given_at + timedelta(days=2))

    window, outcome = window_of(person), Outcome.objects.get(participant=person)
    assert window.closes_at == outcome.window_closes_at == old + timedelta(days=2)
    assert window.opened_at == outcome.first_infused_at == given.given_at + timedelta(days=2)
    assert kinds_since(trial, before) == ["WINDOW_MOVED", "INFUSION_CORRECTED"]
    moved = Event.objects.get(kind="WINDOW_MOVED")
    assert moved.data == {"before": old.isoformat(), "after": window.closes_at.isoformat()}


def test_window_that_moves_back_asks_for_its_statement(trial: Conduct, person: Participant) -> None:
    first, *_ = conditioned(trial, person)
    trial.now += timedelta(days=2)
    given = give(trial, first)
    close = window_of(person).closes_at
    assert close is not None
    assert given.given_at is not None
    trial.now = close - timedelta(hours=2)

    correct(trial, given, given_at=given.given_at - timedelta(hours=12))

    assert given.given_at.date() > (given.given_at - timedelta(hours=12)).date()
    assert window_of(person).state == "AWAITING_STATEMENT"
    assert Outcome.objects.get(participant=person).is_window_over


def test_awaited_statement_is_not_due_once_the_close_moves_ahead(
    trial: Conduct, person: Participant
) -> None:
    first, *_ = conditioned(trial, person)
    given = give(trial, first)
    close = window_of(person).closes_at
    assert close is not None
    assert given.given_at is not None
    trial.now = close
    trial.advice()

    correct(trial, given, given_at=given.given_at + timedelta(days=1))

    assert window_of(person).state == "OPEN"
    assert not Outcome.objects.get(participant=person).is_window_over


def test_statement_signed_before_the_new_close_is_withdrawn(
    trial: Conduct, person: Participant
) -> None:
    first, *_ = completed(trial, person)
    given_at = Infusion.objects.get(pk=first.pk).given_at
    assert given_at is not None
    before = revision_of(trial)

    correct(trial, first, given_at=given_at + timedelta(days=2))

    statement, outcome = WindowStatement.objects.get(), Outcome.objects.get(participant=person)
    assert statement.withdrawn_at == trial.now
    assert (window_of(person).state, outcome.letter) == ("OPEN", "P")
    assert not outcome.has_signed_statement
    assert kinds_since(trial, before) == [
        "WINDOW_MOVED",
        "OUTCOME_CHANGED",
        "INFUSION_CORRECTED",
        "STATEMENT_WITHDRAWN",
    ]
    trial.now = window_of(person).closes_at or trial.now
    trial.sign_no_dlt(person)
    assert Outcome.objects.get(participant=person).letter == "N"


def test_statement_signed_after_the_new_close_stands(trial: Conduct, person: Participant) -> None:
    first, *_ = completed(trial, person)
    given_at = Infusion.objects.get(pk=first.pk).given_at
    assert given_at is not None

    correct(trial, first, given_at=given_at - timedelta(days=1))

    assert WindowStatement.objects.get().withdrawn_at is None
    assert (window_of(person).state, letters_at(trial, 1)[0]) == ("CLOSED", "N")


def test_statement_early_for_a_close_that_is_past_is_owed_again(
    trial: Conduct, person: Participant
) -> None:
    """The close moves behind the signature, and both are over: sign again."""
    first, *_ = completed(trial, person)
    given_at = Infusion.objects.get(pk=first.pk).given_at
    assert given_at is not None
    trial.now += timedelta(days=10)

    correct(trial, first, given_at=given_at + timedelta(days=2))

    assert WindowStatement.objects.get().withdrawn_at is not None
    assert (window_of(person).state, letters_at(trial, 1)[0]) == ("AWAITING_STATEMENT", "P")


def test_dlt_inside_the_corrected_window_counts_and_stays_counted(
    trial: Conduct, person: Participant
) -> None:
    """A DLT takes itself out of the count by no correction: see test_dlt_and_corrections."""
    first, *_ = conditioned(trial, person)
    given = give(trial, first)
    assert given.given_at is not None
    early, late = given.given_at, given.given_at + timedelta(days=2)
    trial.now += timedelta(days=3)
    correct(trial, given, given_at=late)
    report_late_dlt(trial, person, onset_at=early + timedelta(days=1))
    assert letters_at(trial, 1)[0] == "P"

    correct(trial, given, given_at=early)
    assert letters_at(trial, 1)[0] == "T"

    correct(trial, given, given_at=late)
    assert letters_at(trial, 1)[0] == "T"
    answer_of(trial)


def test_decision_on_a_moved_window_says_basis_changed() -> None:
    trial = open_level(make_trial(key="other"))
    people = run_cohort(trial, 1, "NNN")
    trial.decide(Verdict.ESCALATE, 2)
    given = Infusion.objects.get(course__participant=people[0])
    assert given.given_at is not None

    correct(trial, given, given_at=given.given_at + timedelta(days=6))

    assert letters_at(trial, 1) == "PNN"
    assert Decision.objects.latest("number").state == "BASIS_CHANGED"
    answer_of(trial)


@pytest.mark.parametrize(
    ("zone", "given_at", "closes"),
    [
        # The last half hour of Monday in Chicago is Tuesday in UTC.
        ("America/Chicago", datetime(2026, 2, 10, 5, 30, tzinfo=UTC), "2026-03-10T05:00:00+00:00"),
        ("America/Chicago", datetime(2026, 2, 10, 6, 30, tzinfo=UTC), "2026-03-11T05:00:00+00:00"),
        (
            "America/Puerto_Rico",
            datetime(2026, 2, 10, 3, 30, tzinfo=UTC),
            "2026-03-10T04:00:00+00:00",
        ),
        (
            "America/Puerto_Rico",
            datetime(2026, 2, 10, 4, 30, tzinfo=UTC),
            "2026-03-11T04:00:00+00:00",
        ),
    ],
)
def test_correction_over_midnight_moves_the_close_by_a_site_day(
    zone: str, given_at: datetime, closes: str
) -> None:
    """Chicago changes to summer time on 8 March; Puerto Rico never does."""
    trial = open_level(make_trial(key="other", zone=zone))
    people = seat(trial, 1)
    treat(trial, people)
    trial.now = datetime(2026, 2, 20, tzinfo=UTC)

    correct(trial, Infusion.objects.get(course__participant=people[0]), given_at=given_at)

    assert window_of(people[0]).closes_at == datetime.fromisoformat(closes)


# --- Refusals --------------------------------------------------------------------------------


def test_correction_of_nothing_or_of_what_cannot_be_is_refused(
    trial: Conduct, person: Participant
) -> None:
    first, second, _ = conditioned(trial, person)
    with refused("not_given"):
        correct(trial, first, given_cells=Decimal(1))
    given = give(trial, first)
    trial.now += timedelta(days=7)
    later = give(trial, second)
    assert later.given_at is not None
    assert given.given_at is not None

    with refused("reason_needed"):
        correct(trial, given, given_cells=Decimal("0.9"), reason=" ")
    with refused("nothing_changed"):
        correct(trial, given, given_at=given.given_at)
    with refused("impossible_order"):
        correct(trial, given, given_at=later.given_at)
    with refused("impossible_order"):
        correct(trial, later, given_at=given.given_at)
    with refused("future_date"):
        correct(trial, later, given_at=trial.now + timedelta(days=1))
    with refused("reason_needed"):
        correct(trial, later, given_cells=Decimal("0.5"))


def test_corrected_cells_deviate_once(trial: Conduct, person: Participant) -> None:
    first, *_ = conditioned(trial, person)
    give(trial, first)

    correct(trial, first, given_cells=Decimal("1.3"))
    correct(trial, first, given_cells=Decimal(1))
    correct(trial, first, given_cells=Decimal("1.3"))

    assert deviations() == ["INFUSION_ABOVE_TOLERANCE"]


# --- Not given after all ---------------------------------------------------------------------


def test_first_infusion_not_given_takes_the_window_back(
    trial: Conduct, person: Participant
) -> None:
    first, *_ = conditioned(trial, person)
    give(trial, first)

    not_given(trial, first)

    window, outcome = window_of(person), Outcome.objects.get(participant=person)
    person.refresh_from_db()
    assert (person.state, window.state, window.opened_at, window.closes_at) == (
        "CONDITIONING",
        "NOT_OPEN",
        None,
        None,
    )
    assert (outcome.first_infused_at, outcome.window_closes_at) == (None, None)
    assert give(trial, first).state == "GIVEN"


def test_first_infusion_not_given_withdraws_what_was_signed(
    trial: Conduct, person: Participant
) -> None:
    first, second, _ = completed(trial, person)
    with refused("impossible_order"):
        not_given(trial, first)
    not_given(trial, second, to="MISSED")
    not_given(trial, first)

    assert WindowStatement.objects.get().withdrawn_at is not None
    assert (window_of(person).state, letters_at(trial, 1)[0]) == ("NOT_OPEN", "P")


def test_infusion_not_given_can_be_missed_and_the_next_opens_the_window(
    trial: Conduct, person: Participant
) -> None:
    first, second, _ = conditioned(trial, person)
    give(trial, first)
    trial.now += timedelta(days=7)
    later = give(trial, second)

    not_given(trial, first, to="MISSED")

    person.refresh_from_db()
    assert (person.state, window_of(person).opened_at) == ("TREATED", later.given_at)


def test_not_given_refuses_what_is_no_such_correction(trial: Conduct, person: Participant) -> None:
    first, *_ = conditioned(trial, person)
    with refused("not_given"):
        not_given(trial, first)
    give(trial, first)
    with refused("reason_needed"):
        not_given(trial, first, reason=" ")
    with refused("illegal_move"):
        not_given(trial, first, to="HELD")


def test_missed_by_mistake_is_planned_again(trial: Conduct, person: Participant) -> None:
    first, second, third = conditioned(trial, person)
    by = trial.crews[0].investigator
    give(trial, first)
    miss_infusion(second, reason="fever", is_for_toxicity=True, by=by, now=trial.tick())
    adjudicate_missed_infusion(person, reason="mild", by=trial.monitor, now=trial.tick())

    resume_infusion(second, reason="it was infusion 3", by=by, now=trial.tick())

    outcome = Outcome.objects.get(participant=person)
    assert (outcome.infusions[1]["state"], outcome.is_toxicity_adjudicated) == ("AWAITED", False)
    miss_infusion(second, reason="fever", is_for_toxicity=False, by=by, now=trial.tick())
    trial.now += timedelta(days=14)
    give(trial, third)
    with refused("impossible_order"):
        resume_infusion(second, reason="it was infusion 3", by=by, now=trial.tick())
    with refused("illegal_move"):
        miss_infusion(third, reason="x", is_for_toxicity=False, by=by, now=trial.tick())
    with refused("illegal_move"):
        resume_infusion(third, reason="x", by=by, now=trial.tick())


def test_last_infusion_as_anchor_opens_the_window_again() -> None:
    trial = open_level(make_trial(key="other", infusion_days=(0, 7), anchor="last_infusion"))
    (person,) = seat(trial, 1)
    first, second = conditioned(trial, person)
    give(trial, first)
    trial.now += timedelta(days=7)
    give(trial, second)
    end_windows(trial)
    trial.sign_no_dlt(person)

    not_given(trial, second)

    window = window_of(person)
    assert (window.state, window.closes_at, letters_at(trial, 1)) == ("OPEN", None, "P")
    assert WindowStatement.objects.get().withdrawn_at is not None
