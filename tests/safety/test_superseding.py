"""A counted DLT never vanishes silently and is never counted twice, whatever supersedes what."""

from __future__ import annotations

import pytest

from cohorts.models import Decision, Hold, Participant
from dosing.models import DltWindow
from ntrust.models import Event, Notification
from safety.actions import (
    pass_time_everywhere,
)
from safety.management.conduct import Conduct
from safety.models import Adjudication, DltReport, WindowStatement
from tests.factories import (
    PASSWORD,
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
    shared_trial,
)
from tests.lifting import lift_hold
from tests.safety.superseded import (
    build,
    in_force,
    readjudicate,
    report_in,
    rule,
    supersede,
)

pytestmark = pytest.mark.django_db
AWAY = ("DOWNGRADED", "WITHDRAWN")

_built, trial = shared_trial(build)


@pytest.fixture
def person(trial: Conduct) -> Participant:
    return trial.study.participants.earliest("id")


# --- What takes a DLT away waits -------------------------------------------------------------


@pytest.mark.parametrize("kind", AWAY)
@pytest.mark.parametrize("state", ["REPORTED", "CONFIRMED"])
def test_site_cannot_take_a_counted_dlt_away(
    trial: Conduct, person: Participant, state: str, kind: str
) -> None:
    report = report_in(trial, person, state)

    proposed = supersede(trial, report, kind)

    assert (proposed.state, proposed.successor) == ("WAITING", None)
    assert in_force(trial) == [state]
    assert letters_at(trial, 1) == "TPP"
    told = Notification.objects.filter(event__kind="SUPERSEDING_PROPOSED")
    assert {(row.recipient, row.is_urgent) for row in told} == {
        (trial.manager, True),
        (trial.monitor, True),
    }


@pytest.mark.parametrize("kind", AWAY)
@pytest.mark.parametrize("state", ["REPORTED", "CONFIRMED"])
def test_monitor_takes_it_away_with_a_signature(
    trial: Conduct, person: Participant, state: str, kind: str
) -> None:
    report = report_in(trial, person, state)

    ruled = rule(trial, supersede(trial, report, kind))

    assert ruled.successor is not None
    assert ruled.successor.supersedes == report
    assert (ruled.successor.state, ruled.successor.reason) == ("REFUTED", f"because {kind}")
    word = Adjudication.objects.get(report=ruled.successor)
    assert (word.is_confirmed, word.signature) == (False, ruled.signature)
    assert letters_at(trial, 1) == "PPP"
    report.refresh_from_db()
    assert report.state == state
    answer_of(trial)


def test_rejected_proposal_leaves_the_dlt_and_another_may_follow(
    trial: Conduct, person: Participant
) -> None:
    report = report_in(trial, person, "CONFIRMED")

    rejected = rule(trial, supersede(trial, report, "WITHDRAWN"), is_accepted=False)

    assert (rejected.state, rejected.successor) == ("REJECTED", None)
    assert rejected.signature is not None
    assert letters_at(trial, 1) == "TPP"
    assert supersede(trial, report, "DOWNGRADED").state == "WAITING"


def test_ruling_is_made_once(trial: Conduct, person: Participant) -> None:
    ruled = rule(trial, supersede(trial, report_in(trial, person, "REPORTED"), "WITHDRAWN"))

    with refused("illegal_move"):
        rule(trial, ruled, is_accepted=False)


def test_ruling_needs_reason_and_password(trial: Conduct, person: Participant) -> None:
    proposed = supersede(trial, report_in(trial, person, "REPORTED"), "WITHDRAWN")

    with refused("reason_needed"):
        rule(trial, proposed, reason=" ")
    with refused("signature_refused"):
        rule(trial, proposed, password="wrong")
    assert letters_at(trial, 1) == "TPP"


def test_second_proposal_waits_for_the_first(trial: Conduct, person: Participant) -> None:
    report = report_in(trial, person, "REPORTED")
    supersede(trial, report, "WITHDRAWN")

    with refused("already_waiting"):
        supersede(trial, report, "WITHDRAWN")


def test_proposal_needs_a_reason(trial: Conduct, person: Participant) -> None:
    report = report_in(trial, person, "REPORTED")

    with refused("reason_needed"):
        supersede(trial, report, "WITHDRAWN", reason="  ")


@pytest.mark.parametrize("kind", AWAY)
@pytest.mark.parametrize("state", ["REFUTED", "CLEARED"])
def test_nothing_is_taken_from_what_counts_nowhere(
    trial: Conduct, person: Participant, state: str, kind: str
) -> None:
    report = report_in(trial, person, state)

    with refused("counts_nowhere"):
        supersede(trial, report, kind)


def test_provisional_is_not_withdrawn_by_the_site_and_its_clock_runs(
    trial: Conduct, person: Participant
) -> None:
    report = report_in(trial, person, "PROVISIONAL")
    proposed = supersede(trial, report, "WITHDRAWN")
    assert report.counts_at is not None

    pass_time_everywhere(now=report.counts_at)

    assert letters_at(trial, 1) == "TPP"
    trial.now = report.counts_at
    rule(trial, proposed)
    assert letters_at(trial, 1) == "PPP"


# --- What makes it worse counts at once ------------------------------------------------------


@pytest.mark.parametrize("kind", ["WORSE", "LATE"])
@pytest.mark.parametrize("state", ["PROVISIONAL", "REPORTED", "CONFIRMED", "REFUTED", "CLEARED"])
def test_worse_counts_at_once_from_any_state(
    trial: Conduct, person: Participant, state: str, kind: str
) -> None:
    report = report_in(trial, person, state)

    entered = supersede(trial, report, kind)

    assert (entered.state, entered.signature) == ("ACCEPTED", None)
    assert in_force(trial) == ["REPORTED"]
    assert letters_at(trial, 1) == "TPP"
    assert trial.advice().counts["1"]["x"] == 1


def test_report_that_counts_again_is_news_to_the_holds(trial: Conduct) -> None:
    """The hold of two DLTs, lifted after one was refuted, is placed again by its return."""
    first, second = trial.study.participants.order_by("id")[:2]
    report_in(trial, first, "REPORTED")
    report = report_in(trial, second, "REPORTED")
    assert Hold.objects.get().state == "PLACED"
    trial.adjudicate(report, is_confirmed=False)
    lift_hold(
        Hold.objects.get(),
        by=trial.monitor,
        password=PASSWORD,
        reason="one DLT only",
        now=trial.tick(),
    )

    readjudicate(trial, DltReport.objects.get(pk=report.pk))

    assert letters_at(trial, 1) == "TTP"
    assert Hold.objects.filter(state="PLACED", rule="SECOND_DLT").count() == 1


def test_statement_without_dlt_is_withdrawn_by_one_that_counts_again(
    trial: Conduct, person: Participant
) -> None:
    report = report_in(trial, person, "CLEARED")
    end_windows(trial)
    trial.sign_no_dlt(person)
    assert letters_at(trial, 1) == "NPP"

    supersede(trial, report, "LATE")

    assert letters_at(trial, 1) == "TPP"
    assert WindowStatement.objects.get().withdrawn_at == trial.now
    assert DltWindow.objects.get(participant=person).state == "AWAITING_STATEMENT"


def test_worse_is_never_refused_for_order(trial: Conduct, person: Participant) -> None:
    """From the page of a report that has meanwhile been superseded and refuted."""
    report = report_in(trial, person, "REPORTED")
    rule(trial, supersede(trial, report, "WITHDRAWN"))

    entered = supersede(trial, report, "LATE")

    assert entered.report.supersedes == report
    assert letters_at(trial, 1) == "TPP"


def test_worse_pressed_twice_is_entered_once(trial: Conduct, person: Participant) -> None:
    report = report_in(trial, person, "PROVISIONAL")
    supersede(trial, report, "WORSE")

    with refused("already_entered"):
        supersede(trial, report, "WORSE")


def test_worse_voids_a_proposal_that_waits(trial: Conduct, person: Participant) -> None:
    report = report_in(trial, person, "PROVISIONAL")
    proposed = supersede(trial, report, "WITHDRAWN")

    supersede(trial, report, "WORSE")

    proposed.refresh_from_db()
    assert (proposed.state, proposed.ended_at) == ("LAPSED", trial.now)
    with refused("illegal_move"):
        rule(trial, proposed)
    assert letters_at(trial, 1) == "TPP"


# --- What follows ----------------------------------------------------------------------------


def test_late_downgrade_marks_the_decision_and_people_are_told() -> None:
    trial = open_level(make_trial(key="late", sites=2))
    people = run_cohort(trial, 1, "TNN")
    report = DltReport.objects.get(event__participant__study=trial.study)
    trial.adjudicate(report)
    open_level(trial, 1)
    assert Decision.objects.filter(study=trial.study).count() == 2
    proposed = supersede(trial, report, "DOWNGRADED")
    before = revision_of(trial)

    rule(trial, proposed)

    assert letters_at(trial, 1) == "PNN"
    assert Decision.objects.get(study=trial.study, number=2).state == "BASIS_CHANGED"
    assert {"DLT_SUPERSEDED", "BASIS_CHANGED", "HOLD_PLACED"} <= set(kinds_since(trial, before))
    assert people[0] == report.event.participant
    answer_of(trial)


def test_monitor_hears_of_late_dlt_by_its_own_event(trial: Conduct, person: Participant) -> None:
    report = report_in(trial, person, "CLEARED")
    before = revision_of(trial)

    supersede(trial, report, "LATE")

    kinds = kinds_since(trial, before)
    assert kinds.index("DLT_REPORTED") < kinds.index("DLT_SUPERSEDED")
    assert Event.objects.filter(kind="DLT_REPORTED").latest("id").level == 1


def test_report_entered_late_and_superseded_counts_one_participant(trial: Conduct) -> None:
    people = list(trial.study.participants.order_by("id"))
    report = report_late_dlt(trial, people[0])
    for kind in ("LATE", "WORSE", "CRITERION"):
        supersede(trial, report, kind, criterion="NOW", reason=f"{kind} news")

    assert letters_at(trial, 1) == "TPP"
    assert trial.advice().counts["1"] == {"n": 1, "x": 1, "pending": 2}
