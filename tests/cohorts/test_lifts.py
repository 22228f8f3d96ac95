"""A hold is lifted by a signed decision: sealed to what was under it, and by enough people."""

from __future__ import annotations

from typing import Any

import pytest

from cohorts.actions import Fact, Grounds, place_hold, propose_lift, sign_lift
from cohorts.actions.holds import place_rule_hold, update_facts
from cohorts.engine import ENGINE_VERSION
from cohorts.models import Hold, HoldLift
from cohorts.states import HoldScope
from ntrust.change import study_change
from ntrust.models import Event
from ntrust.signing import content_hash
from ntrust.states import Role
from safety.management.conduct import Conduct, enlist
from tests.factories import (
    PASSWORD,
    kinds_since,
    make_trial,
    open_level,
    refused,
    report_dlt_of,
    revision_of,
    run_cohort,
    shared_trial,
)

pytestmark = pytest.mark.django_db


def build() -> Conduct:
    trial = open_level(make_trial(sites=2))
    run_cohort(trial, 1, "PPP")
    return trial


_built, trial = shared_trial(build)


def place(trial: Conduct, **named: Any) -> Hold:
    named = {"scope": HoldScope.STUDY, "reason": "a signal", "by": trial.manager, **named}
    return place_hold(trial.study, now=trial.tick(), **named)


def place_by_rule(trial: Conduct, *facts: Fact, rule: str = "PAUSE_PR2") -> Hold | None:
    with study_change(trial.study, by=None, reason="a rule", now=trial.tick()) as change:
        return place_rule_hold(change, rule=rule, reason="the rule is met", met_by=facts)


def propose(trial: Conduct, hold: Hold, **named: Any) -> HoldLift:
    by = named.pop("by", trial.manager)
    grounds = Grounds(**{"reason": "over", "looked_at": "the laboratory's report", **named})
    return propose_lift(hold, grounds=grounds, by=by, now=trial.tick())


def sign(trial: Conduct, lift: HoldLift, **named: Any) -> HoldLift:
    named = {"by": trial.monitor, "password": PASSWORD, **named}
    return sign_lift(lift, now=trial.tick(), **named)


VERDICT = {"committee_verdict": "may go on", "minutes_reference": "minutes 7"}


# --- Who signs -------------------------------------------------------------------------------


def test_persons_hold_is_lifted_by_the_monitor(trial: Conduct) -> None:
    hold = place(trial)
    lift = propose(trial, hold)
    revision = revision_of(trial)

    signed = sign(trial, lift)

    hold.refresh_from_db()
    assert (signed.state, signed.signed_at) == ("SIGNED", trial.now)
    assert (hold.state, hold.lifted_at, hold.lift_reason) == ("LIFTED", trial.now, "over")
    assert hold.lift_signature == signed.monitor_signature
    assert signed.manager_signature is None
    assert "HOLD_LIFTED" in kinds_since(trial, revision)


def test_persons_hold_is_not_lifted_by_the_manager_alone(trial: Conduct) -> None:
    hold = place(trial)

    lift = sign(trial, propose(trial, hold), by=trial.manager)

    hold.refresh_from_db()
    assert (lift.state, hold.state) == ("PARTLY_SIGNED", "PLACED")
    sign(trial, lift)
    hold.refresh_from_db()
    assert hold.state == "LIFTED"


def test_monitor_who_placed_it_does_not_lift_it_alone(trial: Conduct) -> None:
    hold = place(trial, by=trial.monitor)

    lift = sign(trial, propose(trial, hold))

    hold.refresh_from_db()
    assert (lift.state, hold.state) == ("PARTLY_SIGNED", "PLACED")
    sign(trial, lift, by=trial.manager)
    hold.refresh_from_db()
    assert hold.state == "LIFTED"


def test_another_monitor_lifts_it_alone(trial: Conduct) -> None:
    hold = place(trial, by=trial.monitor)
    other = enlist(
        "second-monitor",
        study=trial.study,
        role=Role.MEDICAL_MONITOR,
        password=PASSWORD,
        now=trial.now,
    )

    assert sign(trial, propose(trial, hold), by=other).state == "SIGNED"


@pytest.mark.parametrize("first", ["manager", "monitor"])
def test_hold_of_a_rule_needs_both(trial: Conduct, first: str) -> None:
    hold = place_by_rule(trial, Fact("P-001", 3), rule="BOUNDARY")
    assert hold is not None
    people = [trial.manager, trial.monitor]
    if first == "monitor":
        people.reverse()

    lift = sign(trial, propose(trial, hold), by=people[0])
    hold.refresh_from_db()
    assert (lift.state, hold.state) == ("PARTLY_SIGNED", "PLACED")
    lift = sign(trial, lift, by=people[1])

    hold.refresh_from_db()
    assert (lift.state, hold.state) == ("SIGNED", "LIFTED")
    signatures = (lift.manager_signature, lift.monitor_signature)
    assert [s.signer for s in signatures if s] == [trial.manager, trial.monitor]
    assert {s.content_hash for s in signatures if s} == {lift.content_hash}


def test_nobody_signs_twice(trial: Conduct) -> None:
    hold = place_by_rule(trial, Fact("P-001", 3), rule="BOUNDARY")
    assert hold is not None
    lift = sign(trial, propose(trial, hold))

    with refused("already_signed"):
        sign(trial, lift)


def test_wrong_password_signs_nothing(trial: Conduct) -> None:
    lift = propose(trial, place(trial))

    with refused("signature_refused"):
        sign(trial, lift, password="wrong")


def test_what_is_signed_cannot_be_signed_again(trial: Conduct) -> None:
    hold = place(trial)
    lift = sign(trial, propose(trial, hold))

    with refused("lift_over"):
        sign(trial, lift, by=trial.manager)
    with refused("not_held"):
        propose(trial, hold)


# --- The committee ---------------------------------------------------------------------------


def test_pause_rules_hold_needs_the_committees_word_and_its_minutes(trial: Conduct) -> None:
    hold = place_by_rule(trial, Fact("P-001", 4))
    assert hold is not None

    with refused("committee_needed"):
        propose(trial, hold)
    with refused("committee_needed"):
        propose(trial, hold, committee_verdict=" ", minutes_reference=" ")
    for half in ({"committee_verdict": "may go on"}, {"minutes_reference": "minutes 7"}):
        with refused("minutes_needed"):
            propose(trial, hold, **half)

    lift = propose(trial, hold, **VERDICT)
    assert (lift.committee_verdict, lift.minutes_reference) == ("may go on", "minutes 7")


# --- Sealed ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("field", "code"), [("reason", "reason_needed"), ("looked_at", "evidence_needed")]
)
def test_blank_grounds_are_refused(trial: Conduct, field: str, code: str) -> None:
    hold = place(trial)

    with refused(code):
        propose(trial, hold, **{field: " \t"})


def test_content_is_sealed_with_versions_and_facts(trial: Conduct) -> None:
    report_dlt_of(trial, trial.study.participants.earliest("id"))
    hold = place_by_rule(trial, Fact("P-001", 4, "CRS grade 4"))
    assert hold is not None

    lift = propose(trial, hold, **VERDICT)

    assert content_hash(lift.content) == lift.content_hash
    assert lift.content["engine_version"] == ENGINE_VERSION
    assert lift.content["protocol_version"] == "A"
    subject = str(trial.study.participants.earliest("id"))
    assert lift.content["facts"] == {
        "placed": "the rule is met",
        "met_by": [{"subject": "P-001", "severity": 4, "why": "CRS grade 4"}],
        "dlts": [[subject, 1, "COUNTED"]],
    }


def test_news_makes_a_proposal_stale(trial: Conduct) -> None:
    hold = place(trial)
    lift = propose(trial, hold)
    report_dlt_of(trial, trial.study.participants.earliest("id"))

    with refused("stale_lift"):
        sign(trial, lift)

    sign(trial, propose(trial, hold))
    hold.refresh_from_db()
    assert hold.state == "LIFTED"


def test_news_between_the_two_signatures_makes_it_stale(trial: Conduct) -> None:
    hold = place_by_rule(trial, Fact("P-001", 3))
    assert hold is not None
    lift = sign(trial, propose(trial, hold, **VERDICT))
    place_by_rule(trial, Fact("P-001", 4))

    with refused("stale_lift"):
        sign(trial, lift, by=trial.manager)


def test_better_grade_makes_it_stale_too_and_lifts_nothing(trial: Conduct) -> None:
    hold = place_by_rule(trial, Fact("P-001", 4))
    assert hold is not None
    lift = propose(trial, hold, **VERDICT)
    with study_change(trial.study, by=None, reason="a rule", now=trial.tick()):
        update_facts(hold, [])

    with refused("stale_lift"):
        sign(trial, lift)

    hold.refresh_from_db()
    assert (hold.state, hold.met_by, hold.known) == ("PLACED", [], {"P-001": 4})


def test_new_proposal_takes_the_place_of_the_one_before(trial: Conduct) -> None:
    hold = place(trial)
    old = propose(trial, hold)

    new = propose(trial, hold, reason="better said")

    old.refresh_from_db()
    assert (old.state, new.state) == ("WITHDRAWN", "PROPOSED")
    with refused("lift_over"):
        sign(trial, old)


def test_reasons_stay_out_of_mails(trial: Conduct) -> None:
    hold = place(trial)
    lift = propose(trial, hold)
    sign(trial, lift)

    said = {
        event.kind: event.sentence.removesuffix(event.data["detail"])
        for event in Event.objects.filter(kind__in=["LIFT_PROPOSED", "HOLD_LIFTED"])
    }
    assert said == {
        "LIFT_PROPOSED": "It is proposed to lift the hold: ",
        "HOLD_LIFTED": "Hold lifted: ",
    }


# --- News after a lifting --------------------------------------------------------------------


def lift_by_rule(trial: Conduct, hold: Hold) -> None:
    lift = propose(trial, hold, **VERDICT)
    sign(trial, sign(trial, lift), by=trial.manager)


@pytest.mark.parametrize(
    ("after", "is_news"),
    [
        ([Fact("P-001", 3)], False),
        ([Fact("P-001", 2)], False),
        ([], False),
        ([Fact("P-001", 4)], True),
        ([Fact("P-001", 3), Fact("P-002", 3)], True),
        ([Fact("P-002", 1)], True),
    ],
)
def test_only_news_places_it_again(trial: Conduct, after: list[Fact], is_news: bool) -> None:
    hold = place_by_rule(trial, Fact("P-001", 3))
    assert hold is not None
    lift_by_rule(trial, hold)

    again = place_by_rule(trial, *after)

    assert (again is not None) is is_news


def test_what_was_known_under_any_hold_before_is_no_news(trial: Conduct) -> None:
    first = place_by_rule(trial, Fact("P-001", 5))
    assert first is not None
    lift_by_rule(trial, first)
    second = place_by_rule(trial, Fact("P-002", 3))
    assert second is not None
    lift_by_rule(trial, second)

    assert place_by_rule(trial, Fact("P-001", 5), Fact("P-002", 3)) is None


def test_rule_of_another_scope_is_another_hold(trial: Conduct) -> None:
    held = []
    with study_change(trial.study, by=None, reason="a rule", now=trial.tick()) as change:
        for named in ({}, {"level": trial.level(2)}, {"site": trial.crews[0].site}):
            held.append(place_rule_hold(change, rule="PAUSE_X", reason="so", **named))

    assert [hold.scope for hold in held if hold] == ["STUDY", "LEVEL", "SITE"]


def test_facts_of_a_hold_in_force_grow(trial: Conduct) -> None:
    hold = place_by_rule(trial, Fact("P-001", 3))
    assert hold is not None

    assert place_by_rule(trial, Fact("P-001", 3), Fact("P-002", 4)) is None

    hold.refresh_from_db()
    assert [row["subject"] for row in hold.met_by] == ["P-001", "P-002"]
    assert hold.known == {"P-001": 3, "P-002": 4}
    assert Hold.objects.count() == 1
