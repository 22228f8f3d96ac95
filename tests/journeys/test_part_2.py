"""Part 2 crosses its boundary and is let go on; a late DLT of Part 1 takes the RDE away."""

from datetime import timedelta

import pytest

from cohorts.actions import start_part_2
from cohorts.models import Cohort, Decision, Hold, Outcome, Participant
from cohorts.policies import last_rde, read_groups, require_protocol
from safety.actions import report_event
from safety.management.conduct import Conduct
from tests.expanding import (
    PMN,
    make_part_2,
    run_part_2,
    seat_in,
    select,
    state_of,
    stop,
)
from tests.factories import (
    DISEASE,
    PASSWORD,
    kinds_since,
    refused,
    report_dlt_of,
    report_late_dlt,
    reserve,
    revision_of,
    shut,
    treat,
)
from tests.lifting import lift_hold

pytestmark = pytest.mark.django_db


def placed(trial: Conduct) -> list[tuple[str, str]]:
    rows = Hold.objects.filter(study=trial.study, state="PLACED").order_by("id")
    return list(rows.values_list("rule", "disease"))


def test_boundary_is_crossed_lifted_by_a_signed_decision_and_crossed_again() -> None:
    trial = make_part_2()
    people = run_part_2(trial, "TTP")
    revision = revision_of(trial)

    third = report_dlt_of(trial, people[2])

    assert placed(trial) == [("BOUNDARY", "")]
    assert {"DLT_REPORTED", "HOLD_PLACED", "BOUNDARY_CROSSED"} <= set(kinds_since(trial, revision))
    other = trial.screen(disease=PMN)
    with refused("no_seat") as caught:
        reserve(trial, other, 2)
    assert shut(caught) == ["boundary", "held_part_2"]

    lift_hold(
        Hold.objects.get(rule="BOUNDARY"),
        by=trial.monitor,
        password=PASSWORD,
        reason="the committee lets it go on",
        now=trial.tick(),
    )

    assert placed(trial) == []
    slot = reserve(trial, other, 2)
    assert slot.state == "RESERVED"
    fourth = seat_in(trial)
    treat(trial, fourth)
    assert placed(trial) == []

    report_dlt_of(trial, fourth[0])

    assert placed(trial) == [("BOUNDARY", "")]
    trial.adjudicate(third, is_confirmed=False)
    trial.adjudicate(fourth[0].adverse_events.get().dlt_reports.get(), is_confirmed=False)
    [group] = read_groups(trial.study, require_protocol(trial.study))
    assert (group.x, group.n, group.outlook.is_crossed) == (2, 2, False)
    assert placed(trial) == [("BOUNDARY", "")], "what was crossed is lifted by a signature alone"


def enter_fever(trial: Conduct, person: Participant) -> None:
    report_event(
        person,
        term="Fever",
        onset_at=trial.now,
        grade=1,
        grading_system="CTCAE v5.0",
        causality="POSSIBLE",
        is_serious=False,
        aware_at=trial.now,
        by=trial.investigator_of(person),
        now=trial.tick(),
    )


def test_late_dlts_of_part_1_take_the_rde_away_until_another_is_signed() -> None:
    trial = make_part_2()
    first = run_part_2(trial, "P")[0]
    waiting = seat_in(trial)[0]
    rde = last_rde(trial.study)
    assert rde is not None
    of_part_1 = Outcome.objects.filter(part=1, level__ordinal=2).order_by("id")
    revision = revision_of(trial)

    for outcome in of_part_1[:2]:
        report_late_dlt(trial, outcome.participant)

    rde.refresh_from_db()
    assert rde.state == "BASIS_CHANGED"
    assert "the rules now say: stop, the MTD is level 1" in rde.basis_change
    assert "RDE_IN_QUESTION" in kinds_since(trial, revision)
    assert (f"BASIS_CHANGED_{rde.number}", "") in placed(trial)
    with refused("no_lymphodepletion") as caught:
        trial.begin([waiting], day_0=trial.now + timedelta(days=5))
    assert {"held_level", "decision_stands", "rde_signed"} <= set(shut(caught))

    stop(trial)
    select(trial, level=1)

    assert state_of(trial) == "RDE_SELECTED"
    assert Decision.objects.get(pk=rde.pk).state == "RE_REVIEWED"
    start_part_2(trial.study, by=trial.manager, now=trial.tick())
    states = Cohort.objects.filter(part=2).order_by("number")
    assert list(states.values_list("level__ordinal", "disease", "state")) == [
        (2, DISEASE, "CLOSED"),
        (2, PMN, "CLOSED"),
        (1, DISEASE, "OPEN"),
        (1, PMN, "OPEN"),
    ]
    assert seat_in(trial)[0].slots.get().cohort.level.ordinal == 1
    [group] = read_groups(trial.study, require_protocol(trial.study))
    assert first.pk not in {row.participant_id for row in group.people}
    enter_fever(trial, first)
