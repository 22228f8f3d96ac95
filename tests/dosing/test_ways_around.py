"""Ways around a gate: by another order of entry, by a correction, by an answer of before."""

from __future__ import annotations

from datetime import timedelta

import pytest

from cohorts.actions import adjudicate_missed_infusion, confirm_slot, place_hold
from cohorts.engine.design import Verdict
from cohorts.models import Deviation, Participant
from cohorts.states import HoldScope
from dosing.actions import (
    begin_cycle,
    begin_lymphodepletion,
    correct_infusion,
    give_infusion,
    mark_not_given,
    miss_infusion,
)
from dosing.models import Infusion, MonitorCall
from ntrust.actions import suspend_site
from safety.management.conduct import Conduct
from tests.dosing.asked import answer, build_conditioned, hold
from tests.dosing.asked import conditioned as conditioned_at
from tests.dosing.asked import give as give_first
from tests.factories import (
    PASSWORD,
    amend,
    make_trial,
    open_level,
    refused,
    report_dlt_of,
    reserve,
    run_cohort,
    seat,
    shut,
    treat,
)
from tests.lifting import lift_hold

pytestmark = pytest.mark.django_db


def miss(trial: Conduct, infusion: Infusion, *, is_for_toxicity: bool = False) -> None:
    miss_infusion(
        infusion,
        reason="fever",
        is_for_toxicity=is_for_toxicity,
        by=trial.investigator_of(infusion.course.participant),
        now=trial.tick(),
    )


def give(trial: Conduct, infusion: Infusion) -> None:
    trial.tick()
    give_infusion(
        infusion,
        given_at=trial.now,
        given_cells=infusion.assigned_cells,
        by=trial.investigator_of(infusion.course.participant),
        now=trial.now,
    )


def of(person: Participant) -> list[Infusion]:
    return list(Infusion.objects.filter(course__participant=person).order_by("number"))


def test_missing_infusion_1_is_no_way_around_the_stagger() -> None:
    trial = make_trial(key="three", infusion_days=(0, 7), conduct={"stagger": {"days": 0}})
    open_level(trial)
    first, second = seat(trial, 1, 2)
    trial.condition([first, second], day_0=trial.now + timedelta(days=5))
    amend(trial, infusion_days=(0, 7), conduct={"stagger": {"days": 14}})
    give(trial, of(first)[0])
    miss(trial, of(second)[0])

    with refused("no_infusion") as caught:
        give(trial, of(second)[1])

    assert shut(caught) == ["stagger"]


@pytest.mark.parametrize("is_corrected", [False, True])
def test_ruling_on_one_missed_infusion_is_none_on_the_next(is_corrected: bool) -> None:
    trial = open_level(make_trial(key="three", infusion_days=(0, 7, 14)))
    (person,) = seat(trial, 1)
    treat(trial, [person])
    _, second, third = of(person)
    miss(trial, second, is_for_toxicity=True)
    adjudicate_missed_infusion(person, reason="mild", by=trial.monitor, now=trial.tick())

    if is_corrected:
        give(trial, third)
        mark_not_given(
            third,
            to="MISSED",
            is_for_toxicity=True,
            reason="another's",
            by=trial.investigator_of(person),
            now=trial.tick(),
        )
    else:
        miss(trial, third, is_for_toxicity=True)

    person.outcome.refresh_from_db()
    assert not person.outcome.is_toxicity_adjudicated
    assert "until a person rules" in person.outcome.because


def test_seat_of_a_cohort_that_a_decision_closed_begins_nothing() -> None:
    """The committee went down; one seated above was not conditioned yet."""
    trial = open_level(make_trial(key="three"))
    run_cohort(trial, 1, "NNN")
    open_level(trial, 2)
    (person,) = seat(trial, 2)
    trial.decide(Verdict.DE_ESCALATE, 1, seats=1, reason="A signal in the sister study, go down.")

    with refused("no_lymphodepletion") as caught:
        trial.begin([person], day_0=trial.now + timedelta(days=5))

    assert shut(caught) == ["cohort_open"]


def test_suspended_site_begins_no_later_cycle() -> None:
    trial = open_level(make_trial(key="three"))
    person = run_cohort(trial, 1, "NNN")[0]
    site = trial.crews[0].site
    suspend_site(site, reason="an inspection", by=trial.manager, now=trial.tick())

    with refused("no_cycle") as caught:
        begin_cycle(
            person,
            regimen="flu_cy",
            started_at=trial.now,
            first_infusion_on=trial.now + timedelta(days=5),
            by=trial.crews[0].investigator,
            now=trial.tick(),
        )

    assert shut(caught) == ["site_active"]


def test_corrected_time_inside_a_hold_is_a_deviation() -> None:
    trial = open_level(make_trial(key="three"))
    (person,) = seat(trial, 1)
    trial.condition([person], day_0=trial.now + timedelta(days=5))
    held = place_hold(
        trial.study, scope=HoldScope.STUDY, reason="a signal", by=trial.monitor, now=trial.tick()
    )
    inside = trial.tick()
    lift_hold(held, by=trial.monitor, password=PASSWORD, reason="over", now=trial.tick())
    (infusion,) = of(person)
    give(trial, infusion)
    assert not Deviation.objects.exists()

    correct_infusion(
        infusion,
        given_at=inside,
        reason="read off the wrong sheet",
        by=trial.investigator_of(person),
        now=trial.tick(),
    )

    assert [row.kind for row in Deviation.objects.all()] == ["GIVEN_HELD_THEN"]


def test_lymphodepletion_that_began_before_its_seat_is_a_deviation() -> None:
    trial = open_level(make_trial(key="three"))
    person = trial.screen(disease="lupus nephritis")
    early = trial.tick()
    confirm_slot(reserve(trial, person, 1), by=trial.manager, now=trial.tick())

    begin_lymphodepletion(
        person,
        regimen="flu_cy",
        started_at=early,
        first_infusion_on=trial.now + timedelta(days=5),
        by=trial.investigator_of(person),
        now=trial.tick(),
    )

    assert [row.kind for row in Deviation.objects.all()] == ["LD_BEFORE_SEAT"]


def test_dlt_after_the_answer_asks_again() -> None:
    """Proceed was said before somebody else's DLT: the question is another one."""
    trial = build_conditioned()
    first, second = conditioned_at(0), conditioned_at(1)
    give_first(trial, first)
    hold(trial)
    answer(trial, second)
    report_dlt_of(trial, first)

    with refused("no_infusion") as caught:
        give_first(trial, second)

    assert shut(caught) == ["held_level"]
    assert MonitorCall.objects.filter(participant=second, state="RAISED").count() == 1
    answer(trial, second)
    assert give_first(trial, second)
