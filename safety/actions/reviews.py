"""Reviews: a packet frozen from the data, the committee's verdict, a decision to be signed."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db import transaction

from cohorts.actions import (
    Conclusion,
    SecondLook,
    apply_rules,
    propose_decision,
    propose_re_review,
    unsigned_of,
    withdraw_unsigned,
)
from cohorts.engine.basis import recommend_basis
from cohorts.models import Decision, ReReview
from cohorts.policies import (
    check_can_be_re_reviewed,
    current_basis,
    document_of,
    require_protocol,
)
from cohorts.states import ReReviewVerdict
from ntrust.change import Change, study_change
from ntrust.errors import Refused
from ntrust.models import Study, User
from ntrust.policies import check_role
from ntrust.signing import content_hash
from ntrust.states import Role
from safety.actions.packet_files import ask_for_files
from safety.models import Attendance, Packet, Review
from safety.policies import Minutes, check_meeting, check_packet
from safety.queries import news_of, packet_content
from safety.states import REVIEW, ReviewState


def convene_review(
    study: Study, *, by: User, re_reviews: Decision | None = None, now: datetime | None = None
) -> Review:
    """Freeze a packet from the data as they are, for the committee. Manager's action.

    A review convened before and not concluded is over. `re_reviews` names a decision whose basis
    changed, to be looked at again; one whose basis holds is refused (`basis_holds`).
    """
    check_role(by, study, [Role.STUDY_MANAGER])
    with study_change(study, by=by, reason="review convened", now=now) as change:
        version = require_protocol(change.study)
        apply_rules(change)
        if re_reviews is not None:
            re_reviews = _find_again(study, re_reviews)
        _supersede(study)
        number = Review.objects.filter(study=study).count() + 1
        content = packet_content(
            change.study,
            basis=current_basis(change.study, version),
            version=version,
            review=number,
            re_reviews=re_reviews,
            cut_at=change.now,
        )
        packet = Packet.objects.create(
            study=change.study,
            revision=change.study.revision,
            content=content,
            content_hash=content_hash(content),
            cut_at=change.now,
        )
        review = Review.objects.create(
            study=change.study,
            number=number,
            packet=packet,
            re_reviews=re_reviews,
            convened_at=change.now,
            convened_by=by,
        )
        again = f" to look at decision #{re_reviews.number} again" if re_reviews else ""
        change.record("REVIEW_CONVENED", f"Review {number} convened{again}.", review=number)
        transaction.on_commit(lambda: ask_for_files(study, number), robust=True)
    return review


def _supersede(study: Study) -> None:
    """End the review that was convened before and not concluded."""
    for old in Review.objects.filter(study=study, state=ReviewState.CONVENED):
        REVIEW.check(old.state, ReviewState.SUPERSEDED)
        old.state = ReviewState.SUPERSEDED
        old.save(update_fields=["state"])


def _find_again(study: Study, decision: Decision) -> Decision:
    """The decision as it is under the lock. Refuses one of another study."""
    if decision.study_id != study.pk:
        raise Refused("not_found", "There is no such decision in this study.")
    decision = Decision.objects.get(pk=decision.pk)
    check_can_be_re_reviewed(decision)
    return decision


def conclude_review(
    review: Review,
    *,
    conclusion: Conclusion,
    minutes: Minutes,
    by: User,
    now: datetime | None = None,
) -> Decision:
    """Record what the committee concluded and propose the decision for signature.

    Refuses a review concluded before, no quorum (`no_quorum`), votes that cannot be
    (`conflicted_vote`, `vote_sums`, ...), and a packet whose data have changed since its cut
    (`stale_packet`), a new serious event or DLT report included.
    """
    study = review.study
    check_role(by, study, [Role.STUDY_MANAGER])
    with study_change(study, by=by, reason="review concluded", now=now) as change:
        review, meeting = _open(change, review, minutes)
        if review.re_reviews_id is not None:
            raise Refused(
                "re_review_wanted", f"Review {review.number} was convened to re-review a decision."
            )
        decision = propose_decision(
            change,
            conclusion,
            packet_hash=review.packet.content_hash,
            meeting=meeting,
            by=by,
        )
        review.decision = decision
        _keep_answer(review, conclusion)
        _close(change, review, minutes, by=by)
        change.record(
            "DECISION_PROPOSED",
            f"Review {review.number} concluded: decision #{decision.number} awaits signatures.",
            level=conclusion.level.ordinal if conclusion.level else None,
            decision=decision.number,
        )
    return decision


def conclude_re_review(  # noqa: PLR0913 - what the minutes say, and who when
    review: Review,
    *,
    look: SecondLook,
    minutes: Minutes,
    by: User,
    instead: Conclusion | None = None,
    now: datetime | None = None,
) -> ReReview:
    """Record what the committee said of the decision that this review looks at again.

    `instead` is what is decided in its place, for one that is changed, and only then
    (`instead_needed`, `instead_unasked`); that decision waits for this one's signatures. Refuses
    what `conclude_review` refuses.
    """
    study = review.study
    check_role(by, study, [Role.STUDY_MANAGER])
    with study_change(study, by=by, reason="re-review concluded", now=now) as change:
        review, meeting = _open(change, review, minutes)
        looked_at = review.re_reviews
        if looked_at is None:
            raise Refused(
                "no_re_review", f"Review {review.number} was not convened to re-review a decision."
            )
        _check_instead(look, instead)
        sealed: dict[str, Any] = {"packet_hash": review.packet.content_hash, "meeting": meeting}
        if instead is not None:
            review.decision = propose_decision(change, instead, by=by, **sealed)
            _keep_answer(review, instead)
        review.re_review = propose_re_review(
            change, looked_at, look, instead=review.decision, by=by, **sealed
        )
        review.committee_verdict = look.committee_verdict
        _close(change, review, minutes, by=by)
        change.record(
            "RE_REVIEW_PROPOSED",
            f"Review {review.number} concluded: the re-review of decision #{looked_at.number} "
            "awaits signatures.",
            level=looked_at.level.ordinal if looked_at.level else None,
            decision=looked_at.number,
        )
    return review.re_review


def _check_instead(look: SecondLook, instead: Conclusion | None) -> None:
    is_changed = look.verdict == ReReviewVerdict.CHANGED
    if is_changed and instead is None:
        raise Refused("instead_needed", "Say what is decided in its place.")
    if instead is not None and not is_changed:
        raise Refused(
            "instead_unasked", "Only a decision that is changed has another in its place."
        )


def _open(change: Change, review: Review, minutes: Minutes) -> tuple[Review, Mapping[str, Any]]:
    """The review as it is under the lock, with the meeting as plain data to be sealed."""
    review = Review.objects.select_related("packet", "re_reviews__level").get(pk=review.pk)
    REVIEW.check(review.state, ReviewState.CONCLUDED)
    version = require_protocol(change.study)
    meeting = check_meeting(document_of(version), minutes)
    basis = current_basis(change.study, version)
    check_packet(review.packet, basis=basis, news=news_of(change.study))
    answered = recommend_basis(basis).answer
    return review, {"review": review.number, "rules_answered": answered.verdict, **meeting}


def _close(change: Change, review: Review, minutes: Minutes, *, by: User) -> None:
    review.state = ReviewState.CONCLUDED
    review.concluded_at, review.concluded_by = change.now, by
    review.attendees, review.minutes_reference = minutes.count, minutes.reference
    review.save(
        update_fields=[
            "state",
            "decision",
            "re_review",
            "committee_verdict",
            "concluded_at",
            "concluded_by",
            "attendees",
            "minutes_reference",
        ]
    )
    Attendance.objects.bulk_create(
        Attendance(
            review=review,
            member=one.member.strip(),
            role=one.role,
            is_present=one.is_present,
            conflict=one.conflict.strip(),
            vote=one.vote,
        )
        for one in minutes.members
    )


def _keep_answer(review: Review, conclusion: Conclusion) -> None:
    """The committee's own answer, beside its words."""
    answer = conclusion.committee_answer
    review.committee_agrees = conclusion.committee_agrees
    review.answer_verdict = answer.verdict if answer else ""
    review.answer_level = (
        review.study.levels.get(ordinal=answer.level)
        if answer and answer.level is not None
        else None
    )
    review.committee_verdict = conclusion.committee_verdict
    review.save(update_fields=["committee_agrees", "answer_verdict", "answer_level"])


def withdraw_on_news(change: Change) -> None:
    """After every change: what waits for signatures is withdrawn by a serious event or a DLT report
    that its packet did not show. Signatures under the old packet would say more than was known."""
    waiting = unsigned_of(change)
    if not waiting:
        return
    packets = Packet.objects.filter(
        study=change.study, content_hash__in=[one.packet_hash for one in waiting]
    )
    news = news_of(change.study)
    if any(packet.content["news"] != news for packet in packets):
        withdraw_unsigned(change)
