"""The RDE: what may be selected, what is refused, and what follows from the signatures."""

import pytest

from cohorts.actions import Conclusion, place_hold, sign_decision
from cohorts.engine.design import Verdict
from cohorts.models import Cohort, Decision
from cohorts.queries.verification import verify_decision
from safety.actions import Minutes, conclude_review, convene_review, select_rde
from safety.management.conduct import Conduct
from tests.expanding import (
    make_part_1,
    propose,
    select,
    selection,
    state_of,
    stop,
)
from tests.factories import (
    DISEASE,
    PASSWORD,
    answer_of,
    kinds_since,
    letters_at,
    make_trial,
    refused,
    report_late_dlt,
    reserve,
    revision_of,
    shared_trial,
    shut,
)

STEPS = ("_PARTLY_SIGNED", "_ACKNOWLEDGED")
"""How kinds end that are told at each signature and each reader."""
pytestmark = pytest.mark.django_db


def _stopped() -> Conduct:
    trial = make_part_1()
    stop(trial)
    return trial


_built, trial = shared_trial(_stopped)


@pytest.mark.parametrize("level", [1, 2])
def test_any_level_up_to_the_highest_tolerated_may_be_the_rde(trial: Conduct, level: int) -> None:
    revision = revision_of(trial)

    decision = select(trial, level)

    assert (decision.state, decision.verdict, decision.seats) == ("CIRCULATED", "SELECT_RDE", 0)
    assert state_of(trial) == "RDE_SELECTED"
    assert decision.content["rde"] == {
        "highest": 2,
        "outcome": "MTD_NOT_REACHED",
        "selected": level,
    }
    assert verify_decision(Decision.objects.get(pk=decision.pk)) == []
    told = [kind for kind in kinds_since(trial, revision) if not kind.endswith(STEPS)]
    assert told == [
        "RDE_PROPOSED",
        "DECISION_SIGNED",
        "RDE_SELECTED",
        "DECISION_CIRCULATED",
    ]


def test_nothing_moves_on_one_signature(trial: Conduct) -> None:
    decision = propose(trial)

    sign_decision(decision, by=trial.monitor, password=PASSWORD, now=trial.tick())

    assert state_of(trial) == "ESCALATING"


def test_rde_ends_part_1(trial: Conduct) -> None:
    select(trial)

    assert set(Cohort.objects.values_list("state", flat=True)) == {"CLOSED"}
    person = trial.screen(disease=DISEASE)
    with refused("no_seat") as caught:
        reserve(trial, person, 2)
    assert shut(caught)[:1] == ["study_expanding"]


def test_no_decision_about_part_1_follows_a_standing_rde(trial: Conduct) -> None:
    select(trial)
    review = convene_review(trial.study, by=trial.manager, now=trial.tick())
    conclusion = Conclusion(Verdict.ENROL, trial.level(2), "agrees", reason="x" * 20, seats=1)

    with refused("part_1_over"):
        conclude_review(
            review,
            conclusion=conclusion,
            minutes=Minutes(3, "minutes"),
            by=trial.manager,
            now=trial.tick(),
        )


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ({"reason": "  "}, "reason_needed"),
        ({"committee_verdict": " "}, "committee_verdict_needed"),
    ],
)
def test_selection_needs_its_words(trial: Conduct, given: dict[str, str], code: str) -> None:
    chosen = selection(trial, **given)

    with refused(code):
        select_rde(trial.study, chosen, by=trial.manager, now=trial.tick())


def test_rde_is_not_selected_while_held(trial: Conduct) -> None:
    place_hold(trial.study, scope="STUDY", reason="a signal", by=trial.monitor, now=trial.tick())

    with refused("held") as caught:
        propose(trial)

    assert shut(caught) == ["held_study"]


def test_hold_that_lands_before_the_second_signature_stops_it(trial: Conduct) -> None:
    decision = propose(trial)
    sign_decision(decision, by=trial.manager, password=PASSWORD, now=trial.tick())
    place_hold(
        trial.study,
        scope="LEVEL",
        level=trial.level(1),
        reason="a signal",
        by=trial.monitor,
        now=trial.tick(),
    )

    with refused("held"):
        sign_decision(decision, by=trial.monitor, password=PASSWORD, now=trial.tick())

    assert state_of(trial) == "ESCALATING"


def test_same_proposal_twice_is_refused(trial: Conduct) -> None:
    propose(trial)

    with refused("already_proposed"):
        propose(trial)


def test_another_proposal_takes_the_place_of_an_unsigned_one(trial: Conduct) -> None:
    first, second = propose(trial), propose(trial, level=1)

    states = dict(Decision.objects.values_list("pk", "state"))
    assert (states[first.pk], states[second.pk]) == ("WITHDRAWN", "PROPOSED")


def test_second_rde_is_refused_while_one_stands(trial: Conduct) -> None:
    decision = select(trial)

    with refused("rde_selected"):
        propose(trial, level=1)
    with refused("illegal_move"):
        sign_decision(decision, by=trial.manager, password=PASSWORD, now=trial.tick())


def test_data_that_changed_after_the_packet_refuse_it(trial: Conduct) -> None:
    person = trial.study.outcomes.order_by("id")[0].participant
    report_late_dlt(trial, person)

    with refused("stale_packet"):
        propose(trial)


def test_data_that_changed_after_the_proposal_refuse_the_signature(trial: Conduct) -> None:
    decision = propose(trial)
    person = trial.study.outcomes.order_by("id")[0].participant
    report_late_dlt(trial, person)

    with refused("stale_decision"):
        sign_decision(decision, by=trial.manager, password=PASSWORD, now=trial.tick())


def test_wrong_password_signs_nothing(trial: Conduct) -> None:
    decision = propose(trial)

    with refused("signature_refused"):
        sign_decision(decision, by=trial.manager, password="no", now=trial.tick())


def test_level_of_another_study_is_not_there(trial: Conduct) -> None:
    other = make_trial(key="other")
    chosen = selection(other, 1)

    with refused("not_found"):
        select_rde(trial.study, chosen, by=trial.manager, now=trial.tick())


def test_decision_that_waits_for_signatures_comes_first() -> None:
    trial = make_part_1(["NNN"], key="own")
    trial.propose(Conclusion(Verdict.STOP, None, "agrees"))

    with refused("unsigned_decision"):
        propose(trial, level=1)


def test_level_above_the_mtd_is_refused() -> None:
    trial = make_part_1(["NNN", "TT"], key="own")
    stop(trial)

    with refused("above_mtd"):
        propose(trial, level=2)
    assert select(trial, level=1).content["rde"]["highest"] == 1


def test_no_tolerated_dose_has_no_rde() -> None:
    trial = make_part_1(["TT"], key="own")
    stop(trial)

    with refused("no_tolerated_dose"):
        propose(trial, level=1)


def test_part_1_that_goes_on_has_no_rde() -> None:
    trial = make_part_1(["NNN", "N"], key="own")
    trial.propose(Conclusion(Verdict.STOP, None, "stop", reason="the sponsor wants to stop"))
    trial.sign(Decision.objects.latest("id"))

    with refused("part_1_not_over"):
        propose(trial)


def test_without_a_concluded_review_nothing_is_selected() -> None:
    trial = make_trial(doses=1, key="own")

    with refused("no_review"):
        propose(trial, level=1)


def test_who_is_in_treatment_goes_on_and_counts() -> None:
    trial = make_part_1(["NNN", "TTP"], key="own")
    stop(trial)
    decision = select(trial, 1)
    person = trial.study.outcomes.latest("id").participant

    report_late_dlt(trial, person)

    assert letters_at(trial, 2) == "TTT"
    assert Decision.objects.get(pk=decision.pk).state == "CIRCULATED"
    assert answer_of(trial)[:2] == ("STOP", None)
