"""No level opens without a fresh decision, signed by two people and read everywhere."""

from typing import Any

import pytest
from django.db import ProgrammingError

from cohorts.actions import (
    Conclusion,
    acknowledge_decision,
    sign_decision,
)
from cohorts.engine.design import Verdict
from cohorts.models import Cohort, Decision
from cohorts.queries.verification import verify_decision
from ntrust.actions import grant_role
from ntrust.change import study_change
from ntrust.errors import Refused
from ntrust.signing import content_hash
from ntrust.states import Role
from safety.actions import Minutes, conclude_review, convene_review
from safety.management.conduct import Conduct
from safety.models import Review
from tests.factories import (
    DISEASE,
    PASSWORD,
    answer_of,
    client_of,
    make_trial,
    open_level,
    refused,
    report_late_dlt,
    reserve,
    run_cohort,
    seat,
    shared_trial,
    shut,
)

pytestmark = pytest.mark.django_db
REASON = "The committee wants three more participants here."


def build() -> Conduct:
    """Level 1 is clean at both sites' one cohort; the rules say escalate to level 2."""
    trial = open_level(make_trial(sites=2))
    run_cohort(trial, 1, "NNN")
    return trial


_built, trial = shared_trial(build)


def conclude(trial: Conduct, verdict: Verdict, level: int | None, **named: Any) -> Conclusion:
    named.setdefault("committee_verdict", "agrees")
    return Conclusion(verdict, None if level is None else trial.level(level), **named)


def propose(trial: Conduct, verdict: Verdict, level: int | None, **named: Any) -> Decision:
    return trial.propose(conclude(trial, verdict, level, **named))


def refused_to_propose(code: str, trial: Conduct, conclusion: Conclusion) -> Refused:
    """The review is convened; what it concludes is refused and leaves nothing."""
    review = convene_review(trial.study, by=trial.manager, now=trial.tick())
    with refused(code) as caught:
        conclude_review(
            review,
            conclusion=conclusion,
            minutes=Minutes(3, "minutes"),
            by=trial.manager,
            now=trial.tick(),
        )
    return caught.value


@pytest.fixture
def proposed(trial: Conduct) -> Decision:
    return propose(trial, Verdict.ESCALATE, 2)


def signed_by(trial: Conduct, decision: Decision, *people: str) -> Decision:
    for name in people:
        decision = sign_decision(
            decision, by=getattr(trial, name), password=PASSWORD, now=trial.tick()
        )
    return decision


def test_decision_is_in_force_only_when_everyone_has_read_it(
    trial: Conduct, proposed: Decision
) -> None:
    person = trial.screen(disease=DISEASE)
    states = [proposed.state]

    decision = signed_by(trial, proposed, "manager")
    states.append(decision.state)
    decision = signed_by(trial, decision, "monitor")
    states.append(decision.state)
    readers = [
        (crew.site, user) for crew in trial.crews for user in (crew.investigator, crew.pharmacist)
    ]
    for site, reader in readers:
        with refused("no_seat") as caught:
            reserve(trial, person, 2)
        assert {"decision_signed", "seat_free"} <= set(shut(caught))
        decision = acknowledge_decision(decision, site=site, by=reader, now=trial.tick())
        states.append(decision.state)

    assert states == ["PROPOSED", "PARTLY_SIGNED"] + ["SIGNED"] * 4 + ["CIRCULATED"]
    assert reserve(trial, person, 2).seat == 1
    assert (decision.signed_at, decision.circulated_at) < (trial.now, trial.now)


@pytest.mark.parametrize("first", ["manager", "monitor"])
def test_two_signatures_in_either_order(trial: Conduct, proposed: Decision, first: str) -> None:
    second = {"manager": "monitor", "monitor": "manager"}[first]

    decision = signed_by(trial, proposed, first, second)

    assert decision.state == "SIGNED"
    assert {
        (s.signer, s.role, s.content_hash)
        for s in (decision.manager_signature, decision.monitor_signature)
        if s
    } == {
        (trial.manager, "STUDY_MANAGER", decision.content_hash),
        (trial.monitor, "MEDICAL_MONITOR", decision.content_hash),
    }


@pytest.mark.parametrize("who", ["manager", "monitor"])
def test_one_person_signs_once(trial: Conduct, proposed: Decision, who: str) -> None:
    decision = signed_by(trial, proposed, who)

    with refused("already_signed"):
        signed_by(trial, decision, who)


def test_one_person_with_both_roles_signs_once(trial: Conduct, proposed: Decision) -> None:
    grant_role(trial.manager, study=trial.study, role=Role.MEDICAL_MONITOR, by=None, now=trial.now)
    decision = signed_by(trial, proposed, "manager")

    with refused("already_signed"):
        signed_by(trial, decision, "manager")


def test_one_person_who_changed_roles_signs_once(trial: Conduct, proposed: Decision) -> None:
    decision = signed_by(trial, proposed, "manager")
    trial.manager.memberships.update(revoked_at=trial.now, revoked_by=trial.monitor)
    grant_role(trial.manager, study=trial.study, role=Role.MEDICAL_MONITOR, by=None, now=trial.now)

    with refused("already_signed"):
        signed_by(trial, decision, "manager")


def test_signature_needs_the_password(trial: Conduct, proposed: Decision) -> None:
    with refused("signature_refused"):
        sign_decision(proposed, by=trial.manager, password="wrong", now=trial.tick())


def test_signed_decision_cannot_be_signed_again(trial: Conduct, proposed: Decision) -> None:
    decision = signed_by(trial, proposed, "manager", "monitor")

    with refused("illegal_move"):
        signed_by(trial, decision, "manager")


@pytest.mark.parametrize("already", [(), ("manager",)])
def test_stale_decision_is_not_signed(
    trial: Conduct, proposed: Decision, already: tuple[str, ...]
) -> None:
    decision = signed_by(trial, proposed, *already)
    report_late_dlt(trial, trial.study.participants.earliest("id"))

    with refused("stale_decision"):
        signed_by(trial, decision, "monitor")


def test_stale_packet_is_not_concluded(trial: Conduct) -> None:
    review = convene_review(trial.study, by=trial.manager, now=trial.tick())
    report_late_dlt(trial, trial.study.participants.earliest("id"))

    with refused("stale_packet"):
        conclude_review(
            review,
            conclusion=conclude(trial, Verdict.ESCALATE, 2),
            minutes=Minutes(3, "minutes"),
            by=trial.manager,
            now=trial.tick(),
        )


@pytest.mark.parametrize(("attendees", "is_enough"), [(0, False), (2, False), (3, True)])
def test_committee_needs_its_quorum(trial: Conduct, attendees: int, is_enough: bool) -> None:
    review = convene_review(trial.study, by=trial.manager, now=trial.tick())
    named: dict[str, Any] = {
        "conclusion": conclude(trial, Verdict.ESCALATE, 2),
        "minutes": Minutes(attendees, "minutes"),
        "by": trial.manager,
        "now": trial.tick(),
    }

    if is_enough:
        assert conclude_review(review, **named).state == "PROPOSED"
        with refused("illegal_move"):
            conclude_review(review, **named)
    else:
        with refused("no_quorum"):
            conclude_review(review, **named)


def test_later_proposal_withdraws_the_unsigned_one(trial: Conduct, proposed: Decision) -> None:
    signed_by(trial, proposed, "manager")

    second = propose(trial, Verdict.ESCALATE, 2)

    proposed.refresh_from_db()
    assert (proposed.state, second.state) == ("WITHDRAWN", "PROPOSED")
    with refused("illegal_move"):
        signed_by(trial, proposed, "monitor")


def test_decision_is_read_once_by_each_site_and_pharmacy(
    trial: Conduct, proposed: Decision
) -> None:
    crew = trial.crews[0]
    with refused("not_in_circulation"):
        acknowledge_decision(proposed, site=crew.site, by=crew.investigator, now=trial.tick())
    decision = signed_by(trial, proposed, "manager", "monitor")
    acknowledge_decision(decision, site=crew.site, by=crew.investigator, now=trial.tick())

    with refused("already_acknowledged"):
        acknowledge_decision(decision, site=crew.site, by=crew.investigator, now=trial.tick())


def test_change_of_the_basis_between_signature_and_circulation_opens_nothing(
    trial: Conduct, proposed: Decision
) -> None:
    decision = signed_by(trial, proposed, "manager", "monitor")
    report_late_dlt(trial, trial.study.participants.earliest("id"))
    crew = trial.crews[0]

    with refused("not_in_circulation"):
        acknowledge_decision(decision, site=crew.site, by=crew.investigator, now=trial.tick())

    decision.refresh_from_db()
    assert decision.state == "BASIS_CHANGED"
    assert Cohort.objects.filter(level__ordinal=2).count() == 0


def test_decision_in_force_closes_the_cohorts_elsewhere(trial: Conduct) -> None:
    assert Cohort.objects.get(number=1).state == "IN_REVIEW"

    open_level(trial, 2)

    states = dict(Cohort.objects.values_list("level__ordinal", "state"))
    assert states == {1: "CLOSED", 2: "OPEN"}


def test_second_decision_for_a_level_with_open_seats_is_refused(trial: Conduct) -> None:
    """Otherwise the same advice, decided twice, would open six seats where three are allowed."""
    open_level(trial, 2)
    assert answer_of(trial) == ("ESCALATE", 2)

    refused_to_propose("seats_open", trial, conclude(trial, Verdict.ESCALATE, 2))


def test_reserved_seats_count_when_seats_are_offered(trial: Conduct) -> None:
    open_level(trial, 2)
    for _ in range(3):
        reserve(trial, trial.screen(disease=DISEASE), 2)

    refused_to_propose("seats_open", trial, conclude(trial, Verdict.ESCALATE, 2))


def test_wait_is_no_decision(trial: Conduct) -> None:
    open_level(trial, 2)
    seat(trial, 2, 3)
    assert answer_of(trial) == ("WAIT", 2)

    refused_to_propose("nothing_to_decide", trial, conclude(trial, Verdict.WAIT, 2))


@pytest.mark.parametrize(("verdict", "level"), [(Verdict.STOP, 1), (Verdict.ESCALATE, None)])
def test_stop_names_no_level_and_all_else_does(
    trial: Conduct, verdict: Verdict, level: int | None
) -> None:
    refused_to_propose("level_needed", trial, conclude(trial, verdict, level, reason=REASON))


def test_level_of_another_study_cannot_be_decided(trial: Conduct) -> None:
    other = make_trial(key="other")
    stolen = Conclusion(Verdict.ESCALATE, other.level(2), "agrees", reason=REASON)

    refused_to_propose("not_found", trial, stolen)


# --- The seal --------------------------------------------------------------------------------


def test_sealed_decision_verifies(trial: Conduct) -> None:
    open_level(trial, 2)

    for decision in Decision.objects.all():
        assert verify_decision(decision) == []
        assert decision.content_hash == content_hash(decision.content)
        assert decision.packet_hash == Review.objects.get(decision=decision).packet.content_hash


def test_decision_on_other_content_does_not_verify(trial: Conduct) -> None:
    open_level(trial, 2)
    decision = Decision.objects.latest("number")

    decision.content["level"] = 3
    decision.content_hash = content_hash(decision.content)

    assert verify_decision(decision) == [
        "the decision's level is not that of its content",
        "the history has another hash from when it was proposed",
        "the signature of Manager trial is on other content",
        "the signature of Monitor trial is on other content",
    ]
    decision.content["level"] = 1
    assert "the content does not have the hash that was signed" in verify_decision(decision)


@pytest.mark.parametrize(
    "change",
    [
        {"seats": 1},
        {"verdict": "ENROL"},
        {"basis": {}},
        {"content": {}},
        {"content_hash": "0" * 64},
        {"packet_hash": "0" * 64},
        {"reason": "another"},
        {"level": None, "seats": 0},
    ],
    ids=lambda change: next(iter(change)),
)
def test_database_seals_what_was_proposed(
    trial: Conduct, proposed: Decision, change: dict[str, Any]
) -> None:
    with (
        pytest.raises(ProgrammingError, match="Cannot update"),
        study_change(trial.study, by=trial.manager, reason="by hand", now=trial.tick()),
    ):
        Decision.objects.filter(pk=proposed.pk).update(**change)


def test_later_signed_decision_overtakes_one_still_going_round(trial: Conduct) -> None:
    escalate = trial.sign(propose(trial, Verdict.ESCALATE, 2))
    trial.sign(propose(trial, Verdict.STOP, None, reason="A signal in the sister study."))

    with refused("overtaken"):
        trial.circulate(escalate)

    assert not Cohort.objects.filter(level__ordinal=2).exists()


def test_nobody_is_asked_to_read_what_was_overtaken(trial: Conduct) -> None:
    escalate = trial.sign(propose(trial, Verdict.ESCALATE, 2))
    stop = trial.sign(propose(trial, Verdict.STOP, None, reason="A signal in the sister study."))

    reader = client_of(trial.crews[0].investigator)
    overtaken, current = (
        reader.get(f"/studies/{trial.study.key}/decisions/{one.number}/").content.decode()
        for one in (escalate, stop)
    )

    assert f"never in force, overtaken by #{stop.number}" in overtaken
    assert "/acknowledge/" not in overtaken
    assert "/acknowledge/" in current
