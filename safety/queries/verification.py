"""Every sealed decision of a study, checked with the packet it was taken on."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from cohorts.models import Decision
from cohorts.queries.verification import (
    missing_decisions,
    verify_decision,
    verify_re_review,
)
from cohorts.queries.words import name_answer
from ntrust.models import Study
from ntrust.signing import content_hash
from safety.models import Packet, Review


@dataclass(frozen=True)
class Verified:
    """One decision, and what about it does not agree; nothing when all does."""

    number: int
    what: str
    problems: tuple[str, ...]


def verify_decisions(study: Study) -> list[Verified]:
    """Every decision of a study from its own sealed content, and every number that is missing."""
    rows = (
        Decision.objects.filter(study=study)
        .select_related("study", "level", "recommendation__protocol_version")
        .select_related("manager_signature", "monitor_signature")
        .order_by("number")
    )
    found = [Verified(row.number, _name(row), tuple(_problems(row))) for row in rows]
    gone = [
        Verified(number, "decision", ("it was recorded and is not there",))
        for number in missing_decisions(study)
    ]
    return sorted([*found, *gone], key=lambda one: one.number)


def _name(row: Decision) -> str:
    answer = name_answer(row.verdict, row.level.ordinal if row.level else None)
    return f"{answer.text}, {row.get_state_display()}"


def _problems(row: Decision) -> list[str]:
    problems = verify_decision(row)
    if not row.is_legacy:
        problems += _check_packet(row)
    return [*problems, *_check_re_reviews(row)]


def _check_re_reviews(decision: Decision) -> Iterator[str]:
    """Each re-review of it, and the packet that one was taken on."""
    for row in decision.re_reviews.select_related(
        "instead", "manager_signature", "monitor_signature"
    ):
        problems = verify_re_review(row)
        packets = Packet.objects.filter(study=decision.study_id, content_hash=row.packet_hash)
        if not any(content_hash(packet.content) == row.packet_hash for packet in packets):
            problems.append("no packet has the hash that was sealed")
        for problem in problems:
            yield f"re-review {row.number}: {problem}"


def packet_of(decision: Decision) -> Packet | None:
    """The packet of the review that concluded it; of an RDE, which rests on the review before it,
    the one with the hash that was sealed."""
    review = Review.objects.select_related("packet").filter(decision=decision).first()
    if review is not None:
        return review.packet
    sealed = decision.content.get("packet_hash", "")
    return Packet.objects.filter(study=decision.study_id, content_hash=sealed).last()


def _check_packet(decision: Decision) -> Iterator[str]:
    """The packet it was taken on, against the hash and the basis it was sealed to.

    What the packet shows of the rows was frozen with its basis; the decision rests on the same.
    """
    packet = packet_of(decision)
    if packet is None:
        yield "no packet has the hash that was sealed"
        return
    if packet.content_hash != decision.content.get("packet_hash"):
        yield "the packet of its review is not the one that was sealed"
    if content_hash(packet.content) != packet.content_hash:
        yield "the packet does not have its hash"
    if packet.content.get("basis") != decision.content.get("basis"):
        yield "the packet rests on another basis"
