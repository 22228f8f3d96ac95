"""Part 2: started, seated, counted apart from Part 1, and stopped by its boundary."""

from datetime import timedelta

import pytest
from django.db import IntegrityError, transaction

from cohorts.actions import start_part_2
from cohorts.models import Cohort, Decision, Hold, Outcome
from cohorts.policies import holds_on, read_groups, require_protocol
from ntrust.change import study_change
from ntrust.models import Notification
from safety.management.conduct import Conduct
from tests.expanding import (
    PMN,
    make_part_2,
    run_part_2,
    seat_in,
    state_of,
)
from tests.factories import (
    DISEASE,
    answer_of,
    kinds_since,
    letters_at,
    refused,
    report_dlt_of,
    reserve,
    revision_of,
    shared_trial,
    shut,
)

pytestmark = pytest.mark.django_db

_built, trial = shared_trial(make_part_2)


def counts(trial: Conduct) -> list[tuple[str, int, int, int]]:
    """Group, DLTs, evaluated, pending."""
    version = require_protocol(trial.study)
    return [(g.disease, g.x, g.n, len(g.pending)) for g in read_groups(trial.study, version)]


def holds(trial: Conduct) -> list[tuple[str, str, str]]:
    rows = Hold.objects.filter(study=trial.study).order_by("id")
    return list(rows.values_list("rule", "disease", "state"))


def test_start_opens_a_cohort_for_each_disease_at_the_rde(trial: Conduct) -> None:
    rows = Cohort.objects.filter(part=2).order_by("number")

    assert state_of(trial) == "EXPANDING"
    assert list(rows.values_list("number", "disease", "level__ordinal", "seats", "state")) == [
        (3, DISEASE, 2, 6, "OPEN"),
        (4, PMN, 2, 6, "OPEN"),
    ]


def test_start_is_refused_twice(trial: Conduct) -> None:
    with refused("not_ready") as caught:
        start_part_2(trial.study, by=trial.manager, now=trial.tick())

    assert shut(caught) == ["rde_selected"]


def test_part_2_takes_the_way_of_part_1_and_counts_for_itself(trial: Conduct) -> None:
    before = trial.advice().basis

    run_part_2(trial, "NT")
    run_part_2(trial, "P", PMN)

    assert counts(trial) == [("", 1, 2, 1)]
    assert (letters_at(trial, 2), trial.advice().basis) == ("NNN", before)
    assert sorted(Outcome.objects.filter(part=2).values_list("letter", "is_counted")) == [
        ("N", False),
        ("P", False),
        ("T", False),
    ]


def test_dlts_of_part_2_leave_part_1_where_it_is(trial: Conduct) -> None:
    said, decision = answer_of(trial), Decision.objects.latest("id")

    run_part_2(trial, "TT")

    assert answer_of(trial) == said
    assert Decision.objects.get(pk=decision.pk).state == "CIRCULATED"
    assert holds(trial) == []


def test_database_lets_nobody_of_part_2_count_in_the_rules(trial: Conduct) -> None:
    person = seat_in(trial)[0]
    outcome = Outcome.objects.get(participant=person)
    outcome.is_counted = True

    with (
        study_change(trial.study, by=trial.manager, reason="no", now=trial.tick()),
        pytest.raises(IntegrityError, match="only_part_1_counts"),
        transaction.atomic(),
    ):
        outcome.save(update_fields=["is_counted"])


def test_seat_is_one_of_ones_own_disease(trial: Conduct) -> None:
    person = seat_in(trial, PMN)[0]

    slot = person.slots.get()

    assert slot.cohort is not None
    assert (slot.cohort.disease, slot.seat) == (PMN, 1)


def test_full_cohort_of_one_disease_leaves_the_other_open(trial: Conduct) -> None:
    seat_in(trial, DISEASE, 6)
    person = trial.screen(disease=DISEASE)

    with refused("no_seat") as caught:
        reserve(trial, person, 2)
    assert shut(caught) == ["seat_free"]
    assert seat_in(trial, PMN)[0].slots.get().state == "CONFIRMED"


def test_other_levels_have_no_seats_in_part_2(trial: Conduct) -> None:
    person = trial.screen(disease=DISEASE)

    with refused("no_seat") as caught:
        reserve(trial, person, 1)

    assert shut(caught) == ["seat_free"]


def test_boundary_that_is_crossed_holds_part_2_in_the_same_change(trial: Conduct) -> None:
    people = run_part_2(trial, "TTP")
    waiting = seat_in(trial)[0]
    revision = revision_of(trial)

    report_dlt_of(trial, people[2])

    assert holds(trial) == [("BOUNDARY", "", "PLACED")]
    event = trial.study.events.get(kind="BOUNDARY_CROSSED")
    assert "HOLD_PLACED" in kinds_since(trial, revision)
    assert event.revision == trial.study.events.get(kind="HOLD_PLACED").revision
    assert event.revision == trial.study.events.filter(kind="DLT_REPORTED").latest("id").revision
    assert (event.data["evaluated"], event.data["limit"]) == (3, 3)
    assert Notification.objects.filter(event=event, is_urgent=True).count() == 4
    other = trial.screen(disease=PMN)
    with refused("no_seat") as caught:
        reserve(trial, other, 2)
    assert shut(caught) == ["boundary", "held_part_2"]
    with refused("no_lymphodepletion") as caught:
        trial.begin([waiting], day_0=trial.now + timedelta(days=5))
    assert shut(caught) == ["held_part_2", "boundary"]


def test_hold_on_part_2_stops_nobody_of_part_1(trial: Conduct) -> None:
    first = trial.study.outcomes.filter(part=1).latest("id").participant
    last = run_part_2(trial, "TTT")[-1]

    assert holds_on(trial.study, level=2, participant=first) == []
    assert [hold.rule for hold in holds_on(trial.study, level=2, participant=last)] == ["BOUNDARY"]
