"""May a review be concluded now: who met, how they voted, and whether the packet is still true."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cohorts.engine.basis import Basis
from cohorts.protocol import ProtocolDocument
from ntrust.errors import Refused
from ntrust.models import Study
from ntrust.signing import content_hash
from safety.models import Packet, Review
from safety.states import ReviewState, Vote

_LONGEST = 80


@dataclass(frozen=True)
class Member:
    """A member of the committee at a meeting, named as on the committee's own list.

    `conflict` says which interest was declared; such a member does not vote.
    """

    member: str
    role: str = ""
    is_present: bool = True
    conflict: str = ""
    vote: str = ""

    @property
    def may_vote(self) -> bool:
        """Present, and without a conflict of interest."""
        return self.is_present and not self.conflict.strip()


@dataclass(frozen=True)
class Votes:
    """The count of votes as the minutes give it."""

    for_: int
    against: int
    abstain: int


@dataclass(frozen=True)
class Minutes:
    """What the committee's minutes say of the meeting itself.

    `attendees` alone is enough where the protocol asks for no roles; with `members`, each is
    recorded, and who is present is counted from them. `votes` are checked against theirs.
    """

    attendees: int
    reference: str
    members: Sequence[Member] = ()
    votes: Votes | None = None

    @property
    def count(self) -> int:
        """Members present."""
        if not self.members:
            return self.attendees
        return sum(one.is_present for one in self.members)


def check_meeting(document: ProtocolDocument, minutes: Minutes) -> Mapping[str, Any]:
    """The meeting as plain data to seal with what it concluded: counts, no names.

    Refuses minutes without a reference, a member twice or unknown in their role, a vote of
    somebody absent or with a conflict of interest, votes that do not add up or do not carry, and a
    meeting without the protocol's quorum.
    """
    if not minutes.reference.strip():
        raise Refused("minutes_needed", "Say where the minutes of the meeting are.")
    _check_members(document, minutes.members)
    _check_votes(minutes)
    _check_quorum(document, minutes)
    votes = Counter(one.vote for one in minutes.members if one.vote)
    return {
        "minutes": minutes.reference,
        "quorum": document.review.quorum,
        "present": minutes.count,
        "conflicts": sum(bool(one.conflict.strip()) for one in minutes.members),
        "voted": {str(vote): votes[vote] for vote in Vote} if votes else None,
    }


def _check_members(document: ProtocolDocument, members: Sequence[Member]) -> None:
    known = {role.key for role in document.review.roles}
    names = [one.member.strip().casefold() for one in members]
    for one, name in zip(members, names, strict=True):
        if not name or len(one.member.strip()) > _LONGEST:
            raise Refused("member_unnamed", f"Name each member in at most {_LONGEST} letters.")
        if names.count(name) > 1:
            raise Refused("member_twice", f"{one.member.strip()} is on the list twice.")
        if (known or one.role) and one.role not in known:
            raise Refused("unknown_role", f"The protocol knows no role {one.role or '(none)'}.")


def _check_votes(minutes: Minutes) -> None:
    for one in minutes.members:
        if one.vote and one.vote not in Vote.values:
            raise Refused("unknown_vote", f"There is no vote {one.vote}.")
        if one.vote and one.conflict.strip():
            raise Refused(
                "conflicted_vote",
                f"{one.member.strip()} declared a conflict of interest and does not vote.",
            )
        if one.vote and not one.is_present:
            raise Refused("absent_vote", f"{one.member.strip()} was not there and does not vote.")
        if one.may_vote and not one.vote:
            raise Refused("vote_missing", f"Say how {one.member.strip()} voted, or abstained.")
    cast = Counter(one.vote for one in minutes.members if one.vote)
    counted = (cast[Vote.FOR], cast[Vote.AGAINST], cast[Vote.ABSTAIN])
    said = minutes.votes
    if said is not None and (said.for_, said.against, said.abstain) != counted:
        raise Refused(
            "vote_sums",
            f"The members' votes are {counted[0]} for, {counted[1]} against and {counted[2]} "
            f"abstaining; the minutes say {said.for_}, {said.against} and {said.abstain}.",
        )
    if minutes.members and cast[Vote.FOR] <= cast[Vote.AGAINST]:
        raise Refused("not_carried", "The verdict was not carried: there were not more for it.")


def _check_quorum(document: ProtocolDocument, minutes: Minutes) -> None:
    rules = document.review
    counting = [
        one for one in minutes.members if one.is_present and (rules.conflicts_count or one.may_vote)
    ]
    present = len(counting) if minutes.members else minutes.attendees
    if present < rules.quorum:
        excluded = minutes.count - present
        without = f", {excluded} with a conflict not counted" if excluded else ""
        raise Refused(
            "no_quorum",
            f"The committee needs {rules.quorum} members; {present} attended{without}.",
        )
    roles = Counter(one.role for one in counting)
    for role in rules.roles:
        if roles[role.key] < role.required:
            raise Refused(
                "no_quorum",
                f"The committee needs {role.required} in the role of {role.name.lower()}; "
                f"{roles[role.key]} attended.",
            )


def last_concluded(study: Study) -> Review:
    """The review concluded last; refuses (`no_review`) while there is none."""
    concluded = Review.objects.filter(study=study, state=ReviewState.CONCLUDED)
    review = concluded.select_related("packet").order_by("number").last()
    if review is None:
        raise Refused("no_review", "No review is concluded yet: convene one and conclude it.")
    return review


def check_packet(packet: Packet, *, basis: Basis, news: Any) -> None:
    """Refuse (`stale_packet`) a packet whose data have changed since its cut: what the rules read,
    or a serious event or DLT report (`news`, see `safety.queries.news_of`)."""
    if content_hash(packet.content["basis"]) != content_hash(basis):
        raise Refused(
            "stale_packet",
            "The data have changed since the packet was frozen: convene the review again.",
        )
    if packet.content.get("news") != news:
        raise Refused(
            "stale_packet",
            "A serious event or a DLT report is new, or has changed, since the packet was frozen: "
            "convene the review again.",
        )
