"""A packet with what belongs beside it: the packet before, who signed, and what came of it.

The packet names nobody. Names stand only under signatures of the sponsor, as the law asks.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Final

from cohorts.models import Decision, ReReview
from cohorts.queries.covers import Cover, cover_for_packets
from cohorts.queries.words import name_answer
from ntrust.models import Signature, Study
from ntrust.signing import content_hash
from ntrust.signing.status import moment_in_words
from ntrust.states import Role
from safety.models import Packet, Review
from safety.queries.reviews import ReviewPage, read_review
from safety.states import ReviewState

_SIGNED: Final = ("manager_signature", "monitor_signature")


@dataclass(frozen=True)
class Signed:
    """A signature as it is printed: who, in which role, meaning what, when, on which content."""

    under: str
    name: str
    role: str
    meaning: str
    at: str
    content_hash: str


@dataclass(frozen=True)
class PacketPage:
    """A packet as it is shown. `last` is the packet that `changes` were found against, `record`
    what the minutes and the decision say, in pairs of words; `edition` is the hash of all that is
    shown, and another one as soon as somebody signs."""

    study: Study
    review: int
    page: ReviewPage
    sealed: Mapping[str, Any]
    last: Mapping[str, Any] | None
    record: tuple[tuple[str, str], ...]
    signatures: tuple[Signed, ...]
    edition: str

    @property
    def content(self) -> Mapping[str, Any] | None:
        """The packet with times as times and codes as words; None for an older form."""
        return self.page.packet


def read_packet_page(study: Study, number: int) -> PacketPage | None:
    """The packet of a review; None when there is no such review."""
    page = read_review(study, number)
    if page is None:
        return None
    review = _review(study, number)
    cover = cover_for_packets(study)
    record = tuple(_record(review, page, cover))
    signatures = (*_earlier(review), *_own(review, cover))
    shown = {
        "packet": page.packet_hash,
        "record": record,
        "signatures": [asdict(one) for one in signatures],
    }
    return PacketPage(
        study=study,
        review=number,
        page=page,
        sealed=review.packet.content,
        last=_last(study, page.packet),
        record=record,
        signatures=signatures,
        edition=content_hash(shown),
    )


def _review(study: Study, number: int) -> Review:
    rows = Review.objects.select_related("packet", "decision__level", "re_review", "re_reviews")
    return rows.get(study=study, number=number)


def _last(study: Study, content: Mapping[str, Any] | None) -> Mapping[str, Any] | None:
    """What the committee saw before, as it was frozen."""
    changes = content["changes"] if content else None
    if not changes:
        return None
    packet = Packet.objects.filter(study=study, review__number=changes["since_review"]).first()
    return packet.content if packet else None


def _record(review: Review, page: ReviewPage, cover: Cover) -> Iterable[tuple[str, str]]:
    """What came of the review. Members of the committee are counted, not named."""
    yield "Review", f"{review.number}, {ReviewState(review.state).label}"
    if review.re_reviews is not None:
        yield "Looks again at", f"decision #{review.re_reviews.number}"
    if (meeting := page.meeting) is not None:
        yield "Minutes", cover.of(meeting.reference)
        yield "Present", f"{meeting.attendees} members"
        for name, said in (("Votes", meeting.votes), ("The committee", meeting.committee)):
            if said:
                yield name, said
        if meeting.words:
            yield "In its words", cover.of(meeting.words)
    if (decision := review.decision) is not None:
        level = decision.level.ordinal if decision.level else None
        said = name_answer(decision.verdict, level).text
        yield "Decision", f"#{decision.number} {said}, {_state(decision)}"
    yield "Hash of the packet", page.packet_hash


def _state(decision: Decision) -> str:
    """Whether it is signed; what became of it later is for later packets."""
    if decision.signed_at is not None:
        return "signed by both"
    signed = [name for name in _SIGNED if getattr(decision, name) is not None]
    return "signed by one of two" if signed else "awaits signatures"


def _own(review: Review, cover: Cover) -> list[Signed]:
    found: list[Signed] = []
    if review.re_review is not None and review.re_reviews is not None:
        found += _signed(review.re_review, f"re-review of decision #{review.re_reviews.number}")
    if review.decision is not None:
        found += _signed(review.decision, f"decision #{review.decision.number}")
    return found


def _earlier(review: Review) -> list[Signed]:
    """Under the decisions that the packet tells of."""
    content = review.packet.content
    known = {row["number"]: row for row in content.get("decisions", ())}
    rows = (
        Decision.objects.filter(study=review.study_id, number__in=known)
        .exclude(pk=review.decision_id or 0)
        .select_related(*_SIGNED)
        .prefetch_related(*(f"re_reviews__{name}" for name in _SIGNED))
        .order_by("number")
    )
    found: list[Signed] = []
    for row in rows:
        found += _signed(row, f"decision #{row.number}")
        told = {one["number"] for one in known[row.number]["re_reviews"]}
        for again in row.re_reviews.all():
            if again.number in told:
                found += _signed(again, f"re-review {again.number} of decision #{row.number}")
    return found


def _signed(thing: Decision | ReReview, under: str) -> list[Signed]:
    signatures: list[Signature | None] = [getattr(thing, name) for name in _SIGNED]
    return [
        Signed(
            under=under,
            name=one.printed_name,
            role=Role(one.role).label,
            meaning=one.meaning,
            at=moment_in_words(one.signed_at),
            content_hash=one.content_hash,
        )
        for one in signatures
        if one is not None
    ]


def time_of(moment: datetime | None) -> str:
    """09-Sep-2026 14:05 UTC."""
    return f"{moment:%d-%b-%Y %H:%M} UTC" if moment else ""
