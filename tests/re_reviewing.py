"""Committees that meet, and decisions that are looked at again."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from cohorts.actions import Conclusion, SecondLook, sign_re_review
from cohorts.engine.design import Verdict
from cohorts.models import Decision, ReReview
from cohorts.states import ReReviewVerdict
from safety.actions import Member, Minutes, Votes, conclude_re_review, convene_review
from safety.management.conduct import Conduct
from tests.factories import make_trial, open_level, report_late_dlt, run_cohort

REASON = "The committee wants three more participants here."
ROLES = [
    {"key": "clinician", "name": "Clinician", "required": 1},
    {"key": "statistician", "name": "Statistician", "required": 1},
    {"key": "member", "name": "Member"},
]
REVIEW = {"quorum": 3, "roles": ROLES}
COMMITTEE = (
    Member("Clinician 1", "clinician", vote="FOR"),
    Member("Statistician 1", "statistician", vote="FOR"),
    Member("Member 3", "member", vote="FOR"),
)
SECOND_LOOK = SecondLook(ReReviewVerdict.UPHELD, "agrees", "seen again with what is new")


def minutes_of(members: Iterable[Member] = COMMITTEE, **named: Any) -> Minutes:
    """Minutes of a meeting of these members; the counts are theirs."""
    members = tuple(members)
    votes = [one.vote for one in members]
    counted = Votes(votes.count("FOR"), votes.count("AGAINST"), votes.count("ABSTAIN"))
    return replace(Minutes(len(members), "minutes", members, counted), **named)


def marked_trial(key: str = "again", **document: Any) -> Conduct:
    """1N; a second decision for level 1 rests on it; then its DLT becomes known."""
    trial = open_level(make_trial(key=key, **document))
    people = run_cohort(trial, 1, "N")
    trial.decide(Verdict.ENROL, 1, seats=1, reason=REASON)
    report_late_dlt(trial, people[0])
    return trial


def look_again(
    trial: Conduct,
    decision: Decision,
    verdict: ReReviewVerdict = ReReviewVerdict.UPHELD,
    *,
    instead: Conclusion | None = None,
) -> ReReview:
    """A review convened for it, and concluded."""
    review = convene_review(trial.study, re_reviews=decision, by=trial.manager, now=trial.tick())
    return conclude_re_review(
        review,
        look=SecondLook(verdict, "agrees", "seen again with what is new"),
        minutes=Minutes(3, "minutes"),
        instead=instead,
        by=trial.manager,
        now=trial.tick(),
    )


def sign_again(trial: Conduct, re_review: ReReview) -> ReReview:
    """Both signatures."""
    for by in (trial.manager, trial.monitor):
        re_review = sign_re_review(re_review, by=by, password=trial.password, now=trial.tick())
    return re_review


def re_review(
    trial: Conduct, decision: Decision, verdict: ReReviewVerdict = ReReviewVerdict.UPHELD
) -> ReReview:
    """Looked at again and signed by both."""
    return sign_again(trial, look_again(trial, decision, verdict))
