"""Reviews as pages show them: what was convened, what the packet says, who met and voted."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from cohorts.engine.design import Answer, Verdict
from cohorts.models import Decision, DoseLevel
from cohorts.policies import current_level, recommend_now
from cohorts.queries import Viewer
from cohorts.queries.words import (
    PLAN,
    QUIET,
    SETTLED,
    Mark,
    name_answer,
    name_flag,
    name_letter,
    name_level,
    name_rule,
)
from cohorts.states import DecisionState, HoldState, ReReviewVerdict
from ntrust.models import Study
from ntrust.signing import content_hash
from ntrust.states import Role
from safety.models import Attendance, Review
from safety.queries.packets import READABLE
from safety.states import Causality, DltReportState, ReviewState

PACKET_READERS: Final = (
    Role.STUDY_MANAGER,
    Role.MEDICAL_MONITOR,
    Role.COMMITTEE,
    Role.AUDITOR,
)
_MARKS: Final = {
    ReviewState.CONVENED: (PLAN, "◔"),
    ReviewState.CONCLUDED: (SETTLED, "●"),
    ReviewState.SUPERSEDED: (QUIET, "○"),
}
_PLACING: Final = (Verdict.ENROL, Verdict.EXPAND_COHORT, Verdict.ESCALATE, Verdict.DE_ESCALATE)


@dataclass(frozen=True)
class ReviewRow:
    """A review in the list; `outcome` is what came of it."""

    number: int
    mark: Mark
    convened_at: datetime
    cut_revision: int
    re_reviews: int | None
    outcome: str
    decision: int | None
    is_open: bool


@dataclass(frozen=True)
class MemberRow:
    """A member at the meeting, named as the committee's list names them."""

    member: str
    role: str
    presence: str
    vote: str
    conflict: str


@dataclass(frozen=True)
class Meeting:
    """What the minutes say."""

    reference: str
    attendees: int
    concluded_at: datetime | None
    members: tuple[MemberRow, ...]
    votes: str
    committee: str
    words: str


@dataclass(frozen=True)
class ReviewPage:
    """A review: its packet as frozen, and the meeting once it is concluded."""

    row: ReviewRow
    packet: Mapping[str, Any] | None
    packet_hash: str
    is_sealed: bool
    cut_at: datetime
    meeting: Meeting | None


@dataclass(frozen=True)
class Choice:
    """An answer that a committee may give, for a form: "ESCALATE:3"."""

    value: str
    label: str
    answer: Answer


def may_read_packets(viewer: Viewer) -> bool:
    """Whether this person may read what the committee reads; sites may not."""
    return viewer.holds(PACKET_READERS)


def read_reviews(study: Study) -> list[ReviewRow]:
    """All reviews, newest first. One statement."""
    rows = Review.objects.filter(study=study).select_related(
        "packet", "decision", "re_reviews", "re_review"
    )
    return [_row(row) for row in rows.defer("packet__content").order_by("-number")]


def _row(row: Review) -> ReviewRow:
    tone, shape = _MARKS[ReviewState(row.state)]
    decision = row.decision or row.re_reviews
    return ReviewRow(
        number=row.number,
        mark=Mark(ReviewState(row.state).label, tone, shape),
        convened_at=row.convened_at,
        cut_revision=row.packet.revision,
        re_reviews=row.re_reviews.number if row.re_reviews else None,
        outcome=_outcome(row),
        decision=decision.number if decision else None,
        is_open=row.state == ReviewState.CONVENED,
    )


def _outcome(row: Review) -> str:
    if row.re_review is not None and row.re_reviews is not None:
        said = ReReviewVerdict(row.re_review.verdict).label
        return f"decision #{row.re_reviews.number} {said}"
    if row.decision is not None:
        return f"decision #{row.decision.number}, {row.decision.get_state_display()}"
    return ""


def open_review(study: Study) -> Review | None:
    """The review that is convened and not concluded."""
    return (
        Review.objects.filter(study=study, state=ReviewState.CONVENED)
        .select_related("packet", "re_reviews__level")
        .first()
    )


def read_review(study: Study, number: int) -> ReviewPage | None:
    """One review; None when there is none of that number."""
    row = (
        Review.objects.filter(study=study, number=number)
        .select_related("packet", "decision", "re_reviews", "re_review", "answer_level")
        .first()
    )
    if row is None:
        return None
    content = row.packet.content
    return ReviewPage(
        row=_row(row),
        packet=_readable(content) if content.get("format") in READABLE else None,
        packet_hash=row.packet.content_hash,
        is_sealed=content_hash(content) == row.packet.content_hash,
        cut_at=row.packet.cut_at,
        meeting=_meeting(row) if row.state == ReviewState.CONCLUDED else None,
    )


def _meeting(row: Review) -> Meeting:
    members = list(row.members.all())
    counts = [sum(one.vote == vote for one in members) for vote in ("FOR", "AGAINST", "ABSTAIN")]
    said = f"{counts[0]} for, {counts[1]} against, {counts[2]} abstaining"
    return Meeting(
        reference=row.minutes_reference,
        attendees=row.attendees,
        concluded_at=row.concluded_at,
        members=tuple(_member(one) for one in members),
        votes=said if members else "",
        committee=_committee(row),
        words=row.committee_verdict,
    )


def _committee(row: Review) -> str:
    if row.committee_agrees:
        return "agrees with the recommendation"
    if row.answer_verdict:
        level = row.answer_level.ordinal if row.answer_level else None
        return name_answer(row.answer_verdict, level).text
    return ""


def _member(one: Attendance) -> MemberRow:
    presence = "present" if one.is_present else "absent"
    return MemberRow(
        member=one.member,
        role=one.role,
        presence="present, conflict of interest"
        if one.has_conflict and one.is_present
        else presence,
        vote=one.get_vote_display() if one.vote else "no vote",
        conflict=one.conflict,
    )


def answers_to_choose(study: Study, *, with_wait: bool) -> list[Choice]:
    """What a committee may answer: the rules' own words where they send somewhere, "wait" for
    those who only answer, each level once, and a stop."""
    advice = recommend_now(study)
    current = current_level(study)
    choices = []
    for level in DoseLevel.objects.filter(study=study).order_by("ordinal"):
        answer = Answer(_verdict_for(level.ordinal, current, advice), level.ordinal)
        choices.append(_choice(answer))
    if with_wait:
        waits = advice.level if advice and advice.level is not None else current
        choices.insert(0, _choice(Answer(Verdict.WAIT, waits)))
    return [
        *choices,
        Choice(f"{Verdict.STOP}:", "STOP: open nothing more", Answer(Verdict.STOP, None)),
    ]


def _verdict_for(level: int, current: int, advice: Any) -> Verdict:
    if advice is not None and advice.level == level and advice.verdict in _PLACING:
        return Verdict(advice.verdict)
    if level == current:
        return Verdict.ENROL
    return Verdict.ESCALATE if level > current else Verdict.DE_ESCALATE


def _choice(answer: Answer) -> Choice:
    return Choice(
        f"{answer.verdict}:{answer.level}", name_answer(answer.verdict, answer.level).text, answer
    )


def decisions_to_re_review(study: Study) -> Sequence[Decision]:
    """Those whose basis changed, first to last."""
    rows = Decision.objects.filter(study=study, state=DecisionState.BASIS_CHANGED)
    return list(rows.order_by("number"))


def _readable(content: Mapping[str, Any]) -> dict[str, Any]:
    """A packet's content with times as times and codes as words; the content itself stays."""
    said = {key: _times(key, value) for key, value in content.items()}
    advice = said["recommendation"]
    advice["answer"] = _name(advice)
    advice["bound_marks"] = [_name(one) for one in advice["bounds"]]
    advice["rule_name"] = name_rule(advice["rule"])
    advice["flag_names"] = [name_flag(flag) for flag in advice["flags"]]
    advice["hinges_on"] = sorted(set(_subjects(advice.get("sensitivity", {}))))
    advice["split_lines"] = _split_lines(advice.get("split", {}))
    for level in said["levels"]:
        level["name"] = name_level(level["level"])
    for person in said["people"]:
        person["mark"] = name_letter(person["letter"])
        person["level_name"] = name_level(person["level"])
    for row in said["dlts"]:
        row["state_name"] = DltReportState(row["state"]).label
        row["level_name"] = name_level(row["level"])
    for row in said["event_rows"]:
        row["causality_name"] = (
            Causality(row["causality"]).label if row["causality"] else "not said"
        )
    for row in said["decisions"]:
        row["answer"] = _name({**row, **_outcome_of(row)})
        row["advised_mark"] = _name(row["advised"]) if row["advised"] else None
        row["state_name"] = DecisionState(row["state"]).label
        for signed in row["signatures"]:
            signed["role_name"] = Role(signed["role"]).label
        for one in row["re_reviews"]:
            one["verdict_name"] = ReReviewVerdict(one["verdict"]).label
    for row in said["holds"]:
        row["state_name"] = HoldState(row["state"]).label
        row["level_name"] = name_level(row["level"])
    said["change_lines"] = _change_lines(said["changes"])
    return said


def _subjects(value: Any) -> Iterator[str]:
    """Everybody named in what an answer hinges on."""
    if isinstance(value, dict):
        if "subject" in value:
            yield value["subject"]
        value = list(value.values())
    if isinstance(value, list):
        for inner in value:
            yield from _subjects(inner)


def _split_lines(split: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Counts by what is known, level by level: "DL2: 1 overdue, 1 DLT"."""
    lines = []
    for level, counts in split.items():
        known = [f"{n} {_known(name)}" for name, n in counts.items() if n and name != "reasons"]
        lines.append(f"{name_level(int(level))}: {', '.join(known) or 'nobody'}.")
    return lines


def _known(name: str) -> str:
    return name.replace("_", " ").replace("dlt", "DLT")


def _outcome_of(row: Mapping[str, Any]) -> dict[str, Any]:
    """A stop that was advised has the outcome of the advice."""
    advised = row["advised"]
    if advised is None or advised["verdict"] != row["verdict"]:
        return {}
    return {"outcome": advised["outcome"], "mtd": advised["mtd"]}


def _name(answer: Mapping[str, Any]) -> Mark:
    return name_answer(answer["verdict"], answer["level"], answer.get("outcome"), answer.get("mtd"))


def _times(key: str, value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _times(name, inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [_times("", inner) for inner in value]
    is_time = key.endswith("_at") or key == "since"
    return datetime.fromisoformat(value) if is_time and isinstance(value, str) else value


_LISTS: Final = {
    "dlts": "DLT reports",
    "event_rows": "events",
    "decisions": "decisions",
    "holds": "holds",
    "deviations": "deviations",
}


def _change_lines(changes: Mapping[str, Any] | None) -> list[str]:
    """What changed since the last packet, in sentences."""
    if changes is None:
        return []
    lines = [_person_line(row) for row in changes["people"]]
    for name, words in _LISTS.items():
        found = changes[name]
        parts = [
            f"{len(found[how])} {said}"
            for how, said in (("new", "new"), ("changed", "changed"), ("gone", "no longer there"))
            if found[how]
        ]
        if parts:
            lines.append(f"{words[0].upper()}{words[1:]}: {', '.join(parts)}.")
    return lines


def _person_line(row: Mapping[str, Any]) -> str:
    who, was, now = row["subject"], row["was"], row["is"]
    if now is None:
        return f"{who} no longer counts."
    present = name_letter(now["letter"]).text
    if was is None:
        return f"{who} is new at {name_level(now['level'])}: {present}."
    moved = (
        f" from {name_level(was['level'])} to {name_level(now['level'])}"
        if was["level"] != now["level"]
        else ""
    )
    return f"{who}{moved}: {name_letter(was['letter']).text}, now {present}."
