"""The stagger: the next participant at a level waits for the one before."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from cohorts.models import Participant
from dosing.actions import (
    begin_lymphodepletion,
    complete_lymphodepletion,
    give_infusion,
    miss_infusion,
)
from dosing.models import Course, Infusion
from dosing.policies import gates_for_infusion, gates_for_lymphodepletion
from ntrust.errors import Gate
from safety.management.conduct import Conduct
from tests.factories import (
    amend,
    make_trial,
    open_level,
    refused,
    report_dlt_of,
    seat,
    shared_trial,
    shut,
)

pytestmark = pytest.mark.django_db
STAGGER = {"stagger": {"days": 14}}
DAYS, LEAD = timedelta(days=14), timedelta(days=5)


def build() -> Conduct:
    """Three seated at level 1, two at the first site; 14 days between infusions 1."""
    trial = open_level(make_trial(sites=2, conduct=STAGGER))
    seat(trial, 1, 2)
    trial.seat(1, disease="lupus nephritis", crew=1)
    return trial


_built, trial = shared_trial(build)


def people(trial: Conduct) -> list[Participant]:
    return list(trial.study.participants.order_by("id"))


def begin(trial: Conduct, person: Participant, *, on: datetime | None = None) -> Course:
    return begin_lymphodepletion(
        person,
        regimen="flu_cy",
        started_at=trial.now,
        first_infusion_on=on or trial.now + LEAD,
        by=trial.investigator_of(person),
        now=trial.tick(),
    )


def condition(trial: Conduct, person: Participant) -> Infusion:
    """Lymphodepletion begun and given; answers infusion 1."""
    course = begin(trial, person)
    trial.now += timedelta(days=3)
    complete_lymphodepletion(
        course, ended_at=trial.now, by=trial.investigator_of(person), now=trial.tick()
    )
    return Infusion.objects.get(course=course, number=1)


def give(trial: Conduct, infusion: Infusion) -> datetime:
    trial.tick()
    give_infusion(
        infusion,
        given_at=trial.now,
        given_cells=infusion.assigned_cells,
        by=trial.investigator_of(infusion.course.participant),
        now=trial.now,
    )
    return trial.now


def gate(gates: list[Gate]) -> Gate:
    return next(gate for gate in gates if gate.rule == "stagger")


def test_first_at_a_level_waits_for_nobody(trial: Conduct) -> None:
    first, *_ = people(trial)

    assert gate(gates_for_lymphodepletion(first, now=trial.now)).is_clear
    infusion = condition(trial, first)
    assert gate(gates_for_infusion(infusion, now=trial.now)).is_clear
    give(trial, infusion)


def test_nobody_begins_while_another_is_in_lymphodepletion_at_the_level(trial: Conduct) -> None:
    first, second, elsewhere = people(trial)
    begin(trial, first)

    with refused("no_lymphodepletion") as caught:
        begin(trial, second)

    assert shut(caught) == ["stagger"]
    found = gate(gates_for_lymphodepletion(second, now=trial.now))
    assert (found.clears_at, found.who_can_clear) == (None, "investigator")
    assert found.sentence.startswith("Stagger: P-001 is in lymphodepletion at level 1")
    other = gate(gates_for_lymphodepletion(elsewhere, now=trial.now))
    assert "P-001" not in other.sentence


def test_lymphodepletion_begins_when_its_earliest_infusion_is_late_enough(trial: Conduct) -> None:
    first, second, _ = people(trial)
    infused_at = give(trial, condition(trial, first))
    opens_at = infused_at + DAYS - LEAD

    trial.now = opens_at - timedelta(minutes=2)
    with refused("no_lymphodepletion") as caught:
        begin(trial, second)
    assert shut(caught) == ["stagger"]
    assert gate(gates_for_lymphodepletion(second, now=trial.now)).clears_at == opens_at

    trial.now = opens_at - timedelta(minutes=1)
    assert begin(trial, second, on=infused_at + DAYS)


def test_planned_day_of_infusion_1_keeps_the_stagger(trial: Conduct) -> None:
    first, second, _ = people(trial)
    infused_at = give(trial, condition(trial, first))
    trial.now = infused_at + DAYS - LEAD

    with refused("too_early"):
        begin(trial, second, on=infused_at + DAYS - timedelta(days=1))

    assert begin(trial, second, on=infused_at + DAYS)


def test_infusion_1_waits_for_the_days_by_actual_time(trial: Conduct) -> None:
    first, second, _ = people(trial)
    infused_at = give(trial, condition(trial, first))
    trial.now = infused_at + DAYS - LEAD
    infusion = condition(trial, second)

    trial.now = infused_at + DAYS - timedelta(minutes=2)
    with refused("no_infusion") as caught:
        give(trial, infusion)
    assert shut(caught) == ["stagger"]
    assert gate(gates_for_infusion(infusion, now=trial.now)).clears_at == infused_at + DAYS

    trial.now = infused_at + DAYS - timedelta(minutes=1)
    assert give(trial, infusion) == infused_at + DAYS


@pytest.mark.parametrize("criterion", ["NOW", ""])
def test_report_not_adjudicated_of_the_one_before_shuts_it(trial: Conduct, criterion: str) -> None:
    first, second, _ = people(trial)
    give(trial, condition(trial, first))
    report = report_dlt_of(trial, first, criterion)
    trial.now += DAYS

    with refused("no_lymphodepletion") as caught:
        begin(trial, second)

    assert shut(caught) == ["stagger"]
    found = gate(gates_for_lymphodepletion(second, now=trial.now))
    assert (found.clears_at, found.who_can_clear) == (None, "medical monitor")
    trial.adjudicate(report)
    assert begin(trial, second)


def test_provisional_dlt_of_the_one_before_shuts_it(trial: Conduct) -> None:
    first, second, _ = people(trial)
    give(trial, condition(trial, first))
    trial.now += DAYS
    report_dlt_of(trial, first, "IN72H")

    with refused("no_lymphodepletion") as caught:
        begin(trial, second)

    assert shut(caught) == ["stagger"]


def test_refuted_report_is_no_question(trial: Conduct) -> None:
    first, second, _ = people(trial)
    give(trial, condition(trial, first))
    trial.adjudicate(report_dlt_of(trial, first), is_confirmed=False)
    trial.now += DAYS

    assert begin(trial, second)


def test_later_infusions_wait_for_nobody_else() -> None:
    trial = open_level(make_trial(key="three", conduct=STAGGER, infusion_days=(0, 7)))
    first, second = seat(trial, 1, 2)
    infused_at = give(trial, condition(trial, first))
    trial.now = infused_at + DAYS
    begin(trial, second)

    later = Infusion.objects.get(course__participant=first, number=2)

    assert "stagger" not in [gate.rule for gate in gates_for_infusion(later, now=trial.now)]
    give(trial, later)


def test_who_missed_every_infusion_holds_nobody_up(trial: Conduct) -> None:
    first, second, _ = people(trial)
    infusion = condition(trial, first)
    miss_infusion(
        infusion,
        reason="no product",
        is_for_toxicity=False,
        by=trial.investigator_of(first),
        now=trial.tick(),
    )

    assert begin(trial, second)


def test_without_stagger_there_is_no_gate() -> None:
    trial = open_level(make_trial(key="none"))
    first, second = seat(trial, 1, 2)
    infusion = condition(trial, first)

    rules = [gate.rule for gate in gates_for_lymphodepletion(second, now=trial.now)]
    rules += [gate.rule for gate in gates_for_infusion(infusion, now=trial.now)]

    assert "stagger" not in rules
    assert begin(trial, second)


def test_two_in_lymphodepletion_when_a_stagger_begins_go_in_turn() -> None:
    """An amendment may bring a stagger in while two are conditioned: neither waits for ever."""
    plain = open_level(make_trial(key="amended"))
    first, second = seat(plain, 1, 2)
    one, two = condition(plain, first), condition(plain, second)
    amend(plain, conduct=STAGGER)

    assert gate(gates_for_infusion(one, now=plain.now)).is_clear
    assert not gate(gates_for_infusion(two, now=plain.now)).is_clear
