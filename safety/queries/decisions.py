"""A decision's own page: what was signed by whom, whether it still holds, and who has yet to read
it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from django.db.models import Q, QuerySet

from cohorts.models import Circulation, Decision, ReReview, in_force
from cohorts.queries import Viewer
from cohorts.queries.decisions import DecisionRow, read_decisions
from cohorts.queries.viewers import Mask, mask_for
from cohorts.states import DecisionState, ReReviewState, ReReviewVerdict
from ntrust.models import Signature, Study
from ntrust.signing import SignatureStatus, content_hash, moment_in_words, signature_status
from ntrust.states import Role
from safety.models import Review
from safety.queries.reviews import may_read_packets

SIGNERS: Final = (Role.STUDY_MANAGER, Role.MEDICAL_MONITOR)
READERS: Final = (Role.INVESTIGATOR, Role.PHARMACIST)
UNSIGNED: Final = (DecisionState.PROPOSED, DecisionState.PARTLY_SIGNED)


@dataclass(frozen=True)
class ReaderRow:
    """A clinic or pharmacy that has, or has yet, to acknowledge a decision."""

    site: str
    who: str
    acknowledged_at: datetime | None


@dataclass(frozen=True)
class ReReviewRow:
    """What was said of a decision when its basis had changed."""

    number: int
    verdict: str
    state: str
    reason: str
    committee_verdict: str
    signatures: tuple[SignatureStatus, ...]
    content_hash: str
    is_open: bool
    instead: int | None
    withdrawn_because: str


@dataclass(frozen=True)
class DecisionPage:
    """One decision for one viewer. `owing` are those who have yet to read it, as far as this person
    may know; `owing_elsewhere` counts the others."""

    row: DecisionRow
    signatures: tuple[SignatureStatus, ...]
    content_hash: str
    packet_hash: str
    is_sealed: bool
    rests_on_change: str
    readers: tuple[ReaderRow, ...]
    owing_elsewhere: int
    re_reviews: tuple[ReReviewRow, ...]
    review: int | None
    may_sign: bool
    may_acknowledge: bool
    may_convene: bool
    signs_re_reviews: bool
    withdrawn_because: str

    @property
    def owing(self) -> tuple[ReaderRow, ...]:
        """Those who have yet to acknowledge it."""
        return tuple(row for row in self.readers if row.acknowledged_at is None)


def list_decisions(viewer: Viewer) -> list[DecisionRow]:
    """Every decision that was not withdrawn unsigned, newest first."""
    return list(reversed(read_decisions(viewer.study, mask_for(viewer))))


def find_decision(study: Study, number: int) -> Decision | None:
    """The decision of that number."""
    return (
        Decision.objects.filter(study=study, number=number)
        .select_related("level", "manager_signature", "monitor_signature")
        .first()
    )


def unread_decisions(study: Study) -> QuerySet[Circulation]:
    """The clinics and pharmacies that have yet to acknowledge a decision. One that a later signed
    decision has overtaken asks nobody."""
    signed = Decision.objects.filter(study=study, signed_at__isnull=False).order_by("-number")
    last = signed.values("pk")[:1]
    return Circulation.objects.filter(
        in_force("decision__") | Q(decision=last, decision__state=DecisionState.SIGNED),
        decision__study=study,
        acknowledged_at__isnull=True,
    ).select_related("decision", "site")


def read_decision(viewer: Viewer, decision: Decision) -> DecisionPage | None:
    """A decision's page; None for one that was withdrawn unsigned and is not this person's."""
    mask = mask_for(viewer)
    found = {row.number: row for row in read_decisions(viewer.study, mask, with_withdrawn=True)}
    row = found[decision.number]
    is_open = decision.state in UNSIGNED
    if (is_open or decision.state == DecisionState.WITHDRAWN) and not may_read_packets(viewer):
        return None
    readers, elsewhere = _readers(viewer, decision)
    review = Review.objects.filter(decision=decision).first()
    return DecisionPage(
        row=row,
        signatures=_signatures(decision),
        content_hash=decision.content_hash,
        packet_hash=decision.packet_hash,
        is_sealed=content_hash(decision.content) == decision.content_hash,
        rests_on_change=_why_invalid(decision),
        readers=readers,
        owing_elsewhere=elsewhere,
        re_reviews=tuple(
            _re_review(one, mask)
            for one in decision.re_reviews.select_related(
                "instead", "manager_signature", "monitor_signature"
            )
        ),
        review=review.number if review and may_read_packets(viewer) else None,
        may_sign=is_open and viewer.holds(SIGNERS),
        may_acknowledge=viewer.holds(READERS)
        and row.overtaken_by is None
        and any(one.acknowledged_at is None for one in readers),
        may_convene=decision.state == DecisionState.BASIS_CHANGED
        and viewer.holds([Role.STUDY_MANAGER]),
        signs_re_reviews=viewer.holds(SIGNERS),
        withdrawn_because=mask.cover(decision.withdrawn_because),
    )


def _signatures(decision: Decision) -> tuple[SignatureStatus, ...]:
    """As they are shown: under a decision that no longer stands none is valid."""
    why = _why_invalid(decision)
    signed_on = decision.content.get("take_over")
    rows = []
    for signature in (decision.manager_signature, decision.monitor_signature):
        if signature is None:
            continue
        status = signature_status(signature, decision.content)
        if signed_on is not None:
            status = _on_paper(status, is_valid=signature.content_hash == signed_on)
        rows.append(_struck(status, why) if why and status.is_valid else status)
    return tuple(rows)


def _on_paper(status: SignatureStatus, *, is_valid: bool) -> SignatureStatus:
    """The signature under the take-over stands for the one on paper."""
    words = "valid, under the take-over" if is_valid else status.words
    return replace(status, is_valid=is_valid, words=words)


def _struck(status: SignatureStatus, why: str) -> SignatureStatus:
    return replace(status, is_valid=False, words=f"no longer valid: {why}")


def _why_invalid(decision: Decision) -> str:
    """Why the first signatures no longer say what is; empty while they do."""
    changed = moment_in_words(decision.basis_changed_at) if decision.basis_changed_at else ""
    if decision.state == DecisionState.BASIS_CHANGED:
        return f"the basis changed {changed}"
    if decision.state == DecisionState.RE_REVIEWED:
        verdict = ReReviewVerdict(decision.re_review_verdict).name.lower()
        return f"the basis changed {changed}; {verdict} by the re-review below"
    if decision.state == DecisionState.WITHDRAWN:
        return "the decision was withdrawn before both had signed"
    return ""


def _readers(viewer: Viewer, decision: Decision) -> tuple[tuple[ReaderRow, ...], int]:
    """Who was asked to read it; other sites' rows are counted for people bound to one."""
    rows = Circulation.objects.filter(decision=decision).select_related("site")
    ordered = list(rows.order_by("site__code", "is_pharmacy"))
    seen = [row for row in ordered if viewer.sees(row.site_id)]
    hidden = [row for row in ordered if not viewer.sees(row.site_id)]
    return (
        tuple(
            ReaderRow(
                row.site.code, "pharmacy" if row.is_pharmacy else "clinic", row.acknowledged_at
            )
            for row in seen
        ),
        sum(row.acknowledged_at is None for row in hidden),
    )


def _re_review(row: ReReview, mask: Mask) -> ReReviewRow:
    return ReReviewRow(
        number=row.number,
        verdict=ReReviewVerdict(row.verdict).label,
        state=ReReviewState(row.state).label,
        reason=mask.cover(row.reason),
        committee_verdict=mask.cover(row.committee_verdict),
        signatures=tuple(
            _re_review_signature(row, signature)
            for signature in (row.manager_signature, row.monitor_signature)
            if signature is not None
        ),
        content_hash=row.content_hash,
        is_open=row.state in (ReReviewState.PROPOSED, ReReviewState.PARTLY_SIGNED),
        instead=row.instead.number if row.instead else None,
        withdrawn_because=mask.cover(row.withdrawn_because),
    )


def _re_review_signature(row: ReReview, signature: Signature) -> SignatureStatus:
    status = signature_status(signature, row.content)
    if not status.is_valid:
        return status
    if row.state == ReReviewState.WITHDRAWN:
        return _struck(status, "the re-review was withdrawn before both had signed")
    last = row.decision.re_reviews.filter(state=ReReviewState.SIGNED).last()
    is_last = last is not None and last.pk == row.pk
    if row.state == ReReviewState.SIGNED and (
        not is_last or row.decision.state == DecisionState.BASIS_CHANGED
    ):
        return _struck(status, "the basis changed again")
    return status
