"""Who met, how they voted, and what a packet has to be for a review to be concluded."""

from dataclasses import replace
from typing import Any

import pytest

from cohorts.actions import Conclusion, sign_decision
from cohorts.engine.design import Answer, Verdict
from cohorts.models import Decision
from cohorts.policies import document_of, require_protocol
from safety.actions import Member, Minutes, Votes, conclude_review, convene_review, report_event
from safety.management.conduct import Conduct
from safety.models import Attendance, Review
from safety.policies import check_meeting
from tests.factories import (
    PASSWORD,
    make_trial,
    open_level,
    refused,
    report_dlt_of,
    run_cohort,
    shared_trial,
)
from tests.re_reviewing import COMMITTEE, REVIEW, minutes_of

pytestmark = pytest.mark.django_db
CLINICIAN, STATISTICIAN, MEMBER = COMMITTEE


def build() -> Conduct:
    """1NNN: the rules say escalate; the protocol wants a clinician and a statistician."""
    trial = open_level(make_trial(conduct={"review": REVIEW}))
    run_cohort(trial, 1, "NNN")
    return trial


_built, trial = shared_trial(build)


def convene(trial: Conduct) -> Review:
    return convene_review(trial.study, by=trial.manager, now=trial.tick())


def conclude(trial: Conduct, review: Review, minutes: Minutes, **named: Any) -> Decision:
    said = {"committee_verdict": "agrees", **named}
    return conclude_review(
        review,
        conclusion=Conclusion(Verdict.ESCALATE, trial.level(2), **said),
        minutes=minutes,
        by=trial.manager,
        now=trial.tick(),
    )


def test_meeting_is_recorded_member_by_member(trial: Conduct) -> None:
    away = Member("Member 4", "member", is_present=False)
    partial = Member("Member 5", "member", conflict="owns shares")
    review = convene(trial)

    decision = conclude(trial, review, minutes_of([*COMMITTEE, away, partial]))

    review.refresh_from_db()
    assert (review.state, review.attendees, review.minutes_reference) == ("CONCLUDED", 4, "minutes")
    assert (review.concluded_at, review.concluded_by) == (trial.now, trial.manager)
    rows = Attendance.objects.filter(review=review)
    assert list(rows.values_list("member", "role", "is_present", "conflict", "vote")) == [
        ("Clinician 1", "clinician", True, "", "FOR"),
        ("Statistician 1", "statistician", True, "", "FOR"),
        ("Member 3", "member", True, "", "FOR"),
        ("Member 4", "member", False, "", ""),
        ("Member 5", "member", True, "owns shares", ""),
    ]
    assert decision.content["meeting"] == {
        "review": review.number,
        "rules_answered": "ESCALATE",
        "minutes": "minutes",
        "quorum": 3,
        "present": 4,
        "conflicts": 1,
        "voted": {"FOR": 3, "AGAINST": 0, "ABSTAIN": 0},
    }


@pytest.mark.parametrize(
    ("code", "members"),
    [
        ("no_quorum", COMMITTEE[:2]),
        ("no_quorum", (CLINICIAN, MEMBER, replace(MEMBER, member="Member 4"))),
        ("no_quorum", (STATISTICIAN, MEMBER, replace(MEMBER, member="Member 4"))),
        ("no_quorum", (*COMMITTEE[:2], replace(MEMBER, is_present=False, vote=""))),
        ("no_quorum", (*COMMITTEE[:2], replace(MEMBER, conflict="shares", vote=""))),
        ("no_quorum", (replace(CLINICIAN, conflict="shares", vote=""), STATISTICIAN, MEMBER)),
        ("conflicted_vote", (*COMMITTEE, replace(MEMBER, member="M 4", conflict="shares"))),
        ("absent_vote", (*COMMITTEE, replace(MEMBER, member="M 4", is_present=False))),
        ("vote_missing", (*COMMITTEE, replace(MEMBER, member="M 4", vote=""))),
        ("unknown_vote", (*COMMITTEE, replace(MEMBER, member="M 4", vote="MAYBE"))),
        ("unknown_role", (*COMMITTEE, replace(MEMBER, member="M 4", role="sponsor"))),
        ("unknown_role", (*COMMITTEE, replace(MEMBER, member="M 4", role=""))),
        ("member_twice", (*COMMITTEE, replace(MEMBER, member=" member 3 "))),
        ("member_unnamed", (*COMMITTEE, replace(MEMBER, member="  "))),
        ("not_carried", tuple(replace(one, vote="AGAINST") for one in COMMITTEE)),
        ("not_carried", tuple(replace(one, vote="ABSTAIN") for one in COMMITTEE)),
    ],
)
def test_meeting_that_cannot_be_is_refused(
    trial: Conduct, code: str, members: tuple[Member, ...]
) -> None:
    review = convene(trial)

    with refused(code):
        conclude(trial, review, minutes_of(members))


@pytest.mark.parametrize("votes", [Votes(2, 0, 0), Votes(3, 1, 0), Votes(2, 0, 1), Votes(4, 0, 0)])
def test_counts_of_the_minutes_are_those_of_the_members(trial: Conduct, votes: Votes) -> None:
    review = convene(trial)

    with refused("vote_sums"):
        conclude(trial, review, minutes_of(votes=votes))


def test_count_without_members_is_no_quorum_where_roles_are_asked_for(trial: Conduct) -> None:
    review = convene(trial)

    with refused("no_quorum"):
        conclude(trial, review, Minutes(9, "minutes"))
    with refused("minutes_needed"):
        conclude(trial, review, minutes_of(reference="  "))


def test_protocol_says_whether_a_conflict_counts_for_the_quorum(trial: Conduct) -> None:
    members = (*COMMITTEE[:2], replace(MEMBER, conflict="shares", vote=""))
    document = document_of(require_protocol(trial.study))
    counts = document.review.model_copy(update={"conflicts_count": True})

    sealed = check_meeting(document.model_copy(update={"review": counts}), minutes_of(members))

    assert (sealed["present"], sealed["conflicts"]) == (3, 1)


def report_serious(trial: Conduct, *, is_serious: bool = True) -> None:
    person = trial.study.participants.earliest("id")
    report_event(
        person,
        term="Pneumonia",
        onset_at=trial.now,
        grade=2,
        grading_system="CTCAE v5.0",
        causality="UNRELATED",
        is_serious=is_serious,
        aware_at=trial.now,
        by=trial.investigator_of(person),
        now=trial.tick(),
    )


def test_serious_event_after_the_cut_makes_the_packet_stale(trial: Conduct) -> None:
    review = convene(trial)
    report_serious(trial)

    with refused("stale_packet"):
        conclude(trial, review, minutes_of())
    assert conclude(trial, convene(trial), minutes_of()).state == "PROPOSED"


def test_event_that_is_not_serious_leaves_the_packet_true(trial: Conduct) -> None:
    review = convene(trial)
    report_serious(trial, is_serious=False)

    assert conclude(trial, review, minutes_of()).state == "PROPOSED"


def test_dlt_report_after_the_cut_makes_the_packet_stale(trial: Conduct) -> None:
    """Outside its window it counts nowhere, and the committee has to see it all the same."""
    review = convene(trial)
    report_dlt_of(trial, trial.study.participants.earliest("id"))

    with refused("stale_packet"):
        conclude(trial, review, minutes_of())


@pytest.mark.parametrize("signers", [(), ("manager",)])
def test_news_withdraws_what_waits_for_signatures(trial: Conduct, signers: tuple[str]) -> None:
    decision = conclude(trial, convene(trial), minutes_of())
    for name in signers:
        sign_decision(decision, by=getattr(trial, name), password=PASSWORD, now=trial.tick())

    report_serious(trial)

    decision.refresh_from_db()
    assert (decision.state, bool(decision.withdrawn_because)) == ("WITHDRAWN", True)
    with refused("illegal_move"):
        sign_decision(decision, by=trial.monitor, password=PASSWORD, now=trial.tick())


def test_signed_decision_is_not_withdrawn_by_an_event(trial: Conduct) -> None:
    decision = trial.sign(conclude(trial, convene(trial), minutes_of()))

    report_serious(trial)

    decision.refresh_from_db()
    assert decision.state == "SIGNED"


def test_review_convened_again_ends_the_one_before(trial: Conduct) -> None:
    first, second = convene(trial), convene(trial)

    with refused("illegal_move"):
        conclude(trial, first, minutes_of())
    assert conclude(trial, second, minutes_of()).state == "PROPOSED"
    with refused("illegal_move"):
        conclude(trial, second, minutes_of())


def test_decision_does_not_go_beyond_what_the_committee_answered(trial: Conduct) -> None:
    review = convene(trial)
    for answer in (Answer(Verdict.ENROL, 1), Answer(Verdict.WAIT, 1), Answer(Verdict.STOP, None)):
        with refused("beyond_committee"):
            conclude(trial, review, minutes_of(), committee_agrees=False, committee_answer=answer)
    with refused("level_needed"):
        conclude(
            trial,
            review,
            minutes_of(),
            committee_agrees=False,
            committee_answer=Answer(Verdict.ENROL, None),
        )

    decision = conclude(trial, review, minutes_of(), committee_agrees=True)

    assert decision.content["committee"]["verdict"] == "ESCALATE"
    review.refresh_from_db()
    assert review.committee_agrees
