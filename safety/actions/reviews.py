"""Reviews: a packet frozen from the data, the committee's verdict, a decision to be signed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from cohorts.actions import Conclusion, propose_decision
from cohorts.models import Decision
from cohorts.policies import current_basis, document_of, require_protocol
from ntrust.change import study_change
from ntrust.models import Study, User
from ntrust.policies import check_role
from ntrust.signing import content_hash
from ntrust.states import Role
from safety.models import Packet, Review
from safety.policies import check_packet, check_quorum
from safety.queries import packet_content
from safety.states import REVIEW, ReviewState


def convene_review(study: Study, *, by: User, now: datetime | None = None) -> Review:
    """Freeze a packet from the data as they are, for the committee. Manager's action."""
    check_role(by, study, [Role.STUDY_MANAGER])
    with study_change(study, by=by, reason="review convened", now=now) as change:
        version = require_protocol(change.study)
        content = packet_content(
            change.study,
            basis=current_basis(change.study, version),
            protocol_version=version.version,
            cut_at=change.now,
        )
        packet = Packet.objects.create(
            study=change.study,
            revision=change.study.revision,
            content=content,
            content_hash=content_hash(content),
            cut_at=change.now,
        )
        number = Review.objects.filter(study=study).count() + 1
        review = Review.objects.create(
            study=change.study,
            number=number,
            packet=packet,
            convened_at=change.now,
            convened_by=by,
        )
        change.record("REVIEW_CONVENED", f"Review {number} convened.")
    return review


@dataclass(frozen=True)
class Minutes:
    """What the committee's minutes say of the meeting itself."""

    attendees: int
    reference: str


def conclude_review(
    review: Review,
    *,
    conclusion: Conclusion,
    minutes: Minutes,
    by: User,
    now: datetime | None = None,
) -> Decision:
    """Record what the committee concluded and propose the decision for signature.

    Refuses a review concluded before, no quorum (`no_quorum`), and a packet whose data have
    changed since its cut (`stale_packet`).
    """
    study = review.study
    check_role(by, study, [Role.STUDY_MANAGER])
    with study_change(study, by=by, reason="review concluded", now=now) as change:
        review = Review.objects.select_related("packet").get(pk=review.pk)
        REVIEW.check(review.state, ReviewState.CONCLUDED)
        version = require_protocol(change.study)
        check_quorum(document_of(version), minutes.attendees)
        check_packet(review.packet, basis=current_basis(change.study, version))
        decision = propose_decision(
            change, conclusion, packet_hash=review.packet.content_hash, by=by
        )
        review.state, review.decision = ReviewState.CONCLUDED, decision
        review.attendees, review.minutes_reference = minutes.attendees, minutes.reference
        review.committee_verdict = conclusion.committee_verdict
        review.save(
            update_fields=[
                "state",
                "decision",
                "attendees",
                "committee_verdict",
                "minutes_reference",
            ]
        )
        change.record(
            "DECISION_PROPOSED",
            f"Review {review.number} concluded: decision #{decision.number} awaits signatures.",
            level=conclusion.level.ordinal if conclusion.level else None,
            decision=decision.number,
        )
    return decision
