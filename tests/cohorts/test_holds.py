"""Holds: placed at once, lifted by a signature, and placed again by news."""

from typing import Any

import pytest

from cohorts.actions import place_hold
from cohorts.models import Hold
from cohorts.policies import holds_on
from cohorts.states import HoldScope
from ntrust.models import Event
from safety.actions import clear_dlt
from safety.management.conduct import Conduct
from safety.models import DltReport
from tests.factories import (
    PASSWORD,
    make_trial,
    open_level,
    refused,
    report_dlt_of,
    run_cohort,
    shared_trial,
)
from tests.lifting import lift_hold

pytestmark = pytest.mark.django_db


def build() -> Conduct:
    trial = open_level(make_trial(sites=2))
    run_cohort(trial, 1, "PPP")
    return trial


_built, trial = shared_trial(build)


def place(trial: Conduct, scope: str = HoldScope.STUDY, **named: Any) -> Hold:
    named = {"reason": "a signal elsewhere", "by": trial.monitor, **named}
    return place_hold(trial.study, scope=scope, now=trial.tick(), **named)


def lift(trial: Conduct, hold: Hold, **named: Any) -> Hold:
    named = {"by": trial.monitor, "password": PASSWORD, "reason": "reviewed", **named}
    return lift_hold(hold, now=trial.tick(), **named)


def held(trial: Conduct) -> list[str]:
    rows = Hold.objects.filter(study=trial.study, state="PLACED").order_by("id")
    return list(rows.values_list("rule", flat=True))


def clear(trial: Conduct, report: DltReport) -> DltReport:
    return clear_dlt(
        report,
        resolved_at=trial.now,
        by=trial.investigator_of(report.event.participant),
        password=PASSWORD,
        now=trial.tick(),
    )


def test_hold_suspends_the_recommendation_and_lifting_ends_that(trial: Conduct) -> None:
    hold = place(trial)
    assert [row["hold"] for row in trial.advice().suspended_by] == [hold.pk]

    lifted = lift(trial, hold)

    assert trial.advice().suspended_by == []
    assert (lifted.state, lifted.lift_reason, lifted.lifted_at) == (
        "LIFTED",
        "reviewed",
        trial.now,
    )
    assert lifted.lift_signature is not None
    assert lifted.lift_signature.signer == trial.manager


def test_hold_of_a_level_holds_those_above(trial: Conduct) -> None:
    hold = place(trial, HoldScope.LEVEL, level=trial.level(2))

    assert [holds_on(trial.study, level=level) for level in (1, 2, 3)] == [[], [hold], [hold]]


def test_hold_below_level_1_holds_every_level() -> None:
    trial = open_level(make_trial(key="other", level_minus_one=True))
    hold = place(trial, HoldScope.LEVEL, level=trial.level(-1))

    assert [holds_on(trial.study, level=level) for level in (-1, 1, 3)] == [[hold]] * 3


def test_hold_of_a_site_is_that_sites_only(trial: Conduct) -> None:
    own, other = (crew.site for crew in trial.crews)
    hold = place(trial, HoldScope.SITE, site=own)

    assert holds_on(trial.study, level=1, site=own) == [hold]
    assert holds_on(trial.study, level=1, site=other) == []


@pytest.mark.parametrize("reason", ["", " \t "])
def test_blank_reasons_are_refused(trial: Conduct, reason: str) -> None:
    with refused("reason_needed"):
        place(trial, reason=reason)
    hold = place(trial)
    with refused("reason_needed"):
        lift(trial, hold, reason=reason)


def test_hold_names_what_it_holds(trial: Conduct) -> None:
    for scope, named in (
        (HoldScope.LEVEL, {}),
        (HoldScope.SITE, {}),
        (HoldScope.STUDY, {"level": trial.level(1)}),
        (HoldScope.SITE, {"level": trial.level(1)}),
    ):
        with refused("hold_scope"):
            place(trial, scope, **named)


def test_hold_of_another_studys_level_or_site_is_refused(trial: Conduct) -> None:
    other = make_trial(key="other")

    with refused("not_found"):
        place(trial, HoldScope.LEVEL, level=other.level(1))
    with refused("not_found"):
        place(trial, HoldScope.SITE, site=other.crews[0].site)


def test_same_hold_twice_is_refused_until_it_is_lifted(trial: Conduct) -> None:
    hold = place(trial)
    with refused("already_held"):
        place(trial)
    lift(trial, hold)

    assert place(trial).pk != hold.pk


def test_hold_is_lifted_once(trial: Conduct) -> None:
    hold = place(trial)
    lift(trial, hold)

    with refused("not_held"):
        lift(trial, hold)


def test_hold_by_a_rule_names_nobody(trial: Conduct) -> None:
    people = list(trial.study.participants.order_by("id"))
    report_dlt_of(trial, people[0])
    assert held(trial) == []

    report_dlt_of(trial, people[1])

    hold = Hold.objects.get()
    assert (hold.rule, hold.level, hold.placed_by) == ("SECOND_DLT", trial.level(1), None)
    assert Event.objects.filter(kind="HOLD_PLACED").count() == 1


def test_rule_hold_once_lifted_stays_lifted_without_news(trial: Conduct) -> None:
    for person in trial.study.participants.order_by("id")[:2]:
        report_dlt_of(trial, person)
    lift(trial, Hold.objects.get())

    place(trial)  # any other change runs the rules again

    assert held(trial) == ["PERSON"]


def test_third_dlt_holds_again_after_the_hold_was_lifted(trial: Conduct) -> None:
    people = list(trial.study.participants.order_by("id"))
    for person in people[:2]:
        report_dlt_of(trial, person)
    lift(trial, Hold.objects.get())

    report_dlt_of(trial, people[2])

    assert held(trial) == ["SECOND_DLT"]


def test_possible_second_dlt_holds_and_holds_again_for_the_next(trial: Conduct) -> None:
    people = list(trial.study.participants.order_by("id"))
    report_dlt_of(trial, people[0])
    first = report_dlt_of(trial, people[1], criterion="IN72H")
    assert held(trial) == ["POSSIBLE_SECOND_DLT"]
    clear(trial, first)
    lift(trial, Hold.objects.get(state="PLACED"))
    assert held(trial) == []

    report_dlt_of(trial, people[1], criterion="IN72H")

    assert held(trial) == ["POSSIBLE_SECOND_DLT"]


def test_two_provisional_dlts_hold(trial: Conduct) -> None:
    people = list(trial.study.participants.order_by("id"))
    report_dlt_of(trial, people[0], criterion="IN72H")
    assert held(trial) == []

    report_dlt_of(trial, people[1], criterion="IN72H")

    assert held(trial) == ["POSSIBLE_SECOND_DLT"]


def test_toxic_again_after_a_refuted_dlt_holds_again(trial: Conduct) -> None:
    people = list(trial.study.participants.order_by("id"))
    report_dlt_of(trial, people[0])
    second = report_dlt_of(trial, people[1])
    lift(trial, Hold.objects.get())
    trial.adjudicate(second, is_confirmed=False, reason="a rash, not related")

    report_dlt_of(trial, people[1])

    assert held(trial) == ["SECOND_DLT"]
