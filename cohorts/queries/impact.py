"""What a protocol version would change, before it is in force: participants, gates, answers.

Nothing is written: gates are asked as if the version were in force, and every stored
recommendation is worked out again on its own basis under the version's design and pooling.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from django.db.models import Count

from cohorts.engine.basis import Basis, OutcomeRow, make_basis, recommend_basis
from cohorts.engine.design import Recommendation as Advice
from cohorts.models import DoseLevel, Outcome, Participant, ProtocolVersion, Recommendation
from cohorts.policies import (
    active_protocol,
    as_if_in_force,
    check_fits,
    document_of,
    gates_for_seat,
)
from cohorts.protocol import ProtocolDocument
from cohorts.queries.words import name_answer, name_level
from cohorts.states import ENDED, ParticipantState
from ntrust.errors import Gate, Refused
from ntrust.models import Study

Membership = Mapping[str, tuple[str, str]]
"""Version and regimen of each subject."""


@dataclass(frozen=True)
class OpenGroup:
    """Participants on study, by the version they are pinned to, which stays theirs, and state."""

    version: str
    state: str
    count: int


@dataclass(frozen=True)
class GateChange:
    """A gate of the next seat at a level that would say something else."""

    level: str
    rule: str
    is_clear: bool
    sentence: str
    would_be_clear: bool
    would_say: str


@dataclass(frozen=True)
class AnswerChange:
    """A stored recommendation that the version would have answered otherwise."""

    revision: int
    computed_at: datetime
    version: str
    said: str
    would_say: str
    rule: str
    would_fire: str
    is_current: bool


@dataclass(frozen=True)
class Impact:
    """The preview. `unfit`: why the version cannot come into force at all; then nothing else.

    `answers`: newest first, so the current one, if it differs, comes first; of `looked_at`.
    """

    unfit: str
    participants: tuple[OpenGroup, ...]
    gates: tuple[GateChange, ...]
    answers: tuple[AnswerChange, ...]
    looked_at: int
    not_pooled: tuple[str, ...]
    asks_reconsent: bool

    def as_dict(self) -> dict[str, Any]:
        """Plain data to be kept with the event."""
        plain = asdict(self)
        for row in plain["answers"]:
            row["computed_at"] = row["computed_at"].isoformat()
        return plain


def read_impact(version: ProtocolVersion, *, now: datetime) -> Impact:
    """What this version would change if it came into force now."""
    study, document = version.study, document_of(version)
    try:
        check_fits(study, document)
    except Refused as refusal:
        return Impact(refusal.sentence, (), (), (), 0, (), False)
    people = _membership(study)
    answers, looked_at = _answers(study, document, people)
    return Impact(
        unfit="",
        participants=tuple(_open_groups(study)),
        gates=tuple(_gates(study, version, now)),
        answers=tuple(answers),
        looked_at=looked_at,
        not_pooled=tuple(_not_pooled(document, people)),
        asks_reconsent=document.reconsent.required and active_protocol(study) is not None,
    )


def _membership(study: Study) -> Membership:
    rows = Outcome.objects.filter(study=study).order_by("participant_id")
    named = rows.values_list(
        "participant__subject_number", "participant__protocol_version__version", "regimen"
    )
    return {subject: (version, regimen) for subject, version, regimen in named}


def _open_groups(study: Study) -> Iterator[OpenGroup]:
    rows = (
        Participant.objects.filter(study=study)
        .exclude(state__in=ENDED)
        .order_by("protocol_version_id", "state")
        .values_list("protocol_version__version", "state")
        .annotate(count=Count("id"))
    )
    for pinned, state, count in rows:
        yield OpenGroup(pinned, ParticipantState(state).label, count)


def _gates(study: Study, version: ProtocolVersion, now: datetime) -> Iterator[GateChange]:
    """Gates of the next seat at each level. That another version is active is no news."""
    for level in DoseLevel.objects.filter(study=study).order_by("ordinal"):
        present = {gate.rule: gate for gate in gates_for_seat(study, level, now=now)}
        with as_if_in_force(version):
            future = {gate.rule: gate for gate in gates_for_seat(study, level, now=now)}
        for rule in dict.fromkeys([*present, *future]):
            is_now, would_be = present.get(rule), future.get(rule)
            if rule != "protocol_active" and is_now != would_be:
                yield _gate_change(level, rule, is_now, would_be)


def _gate_change(
    level: DoseLevel, rule: str, is_now: Gate | None, would_be: Gate | None
) -> GateChange:
    return GateChange(
        level=name_level(level.ordinal),
        rule=rule,
        is_clear=is_now is None or is_now.is_clear,
        sentence=is_now.sentence if is_now else "Not asked.",
        would_be_clear=would_be is None or would_be.is_clear,
        would_say=would_be.sentence if would_be else "Not asked.",
    )


def _answers(
    study: Study, document: ProtocolDocument, people: Membership
) -> tuple[list[AnswerChange], int]:
    rows = list(
        Recommendation.objects.filter(study=study)
        .select_related("protocol_version")
        .defer("protocol_version__document", "bounds", "reasons", "pending", "suspended_by")
        .order_by("-id")
    )
    known: dict[str, Advice] = {}
    changes = []
    for number, row in enumerate(_first_of_each_run(rows)):
        if row.basis_hash not in known:
            known[row.basis_hash] = recommend_basis(_rebase(row.basis, document, people))
        advice = known[row.basis_hash]
        said = (row.verdict, row.level, row.outcome or None, row.mtd)
        would_say = (advice.verdict, advice.level, advice.outcome, advice.mtd)
        if said != would_say:
            changes.append(
                AnswerChange(
                    revision=row.revision,
                    computed_at=row.computed_at,
                    version=row.protocol_version.version,
                    said=name_answer(*said).text,
                    would_say=name_answer(*would_say).text,
                    rule=row.rule,
                    would_fire=advice.rule,
                    is_current=number == 0,
                )
            )
    return changes, len(rows)


def _first_of_each_run(rows: Sequence[Recommendation]) -> list[Recommendation]:
    """Answers, the last first, without those that repeat the one before on the same basis: they
    are stored again when what is known of somebody changes."""
    older = [*rows[1:], None]
    return [
        row
        for row, before in zip(rows, older, strict=False)
        if before is None
        or (row.basis_hash, row.protocol_version_id)
        != (before.basis_hash, before.protocol_version_id)
    ]


def _rebase(basis: Basis, document: ProtocolDocument, people: Membership) -> Basis:
    """A stored basis under another version: its design, and those whom it pools."""
    rows = [*basis["outcomes"], *basis.get("excluded", ())]
    return make_basis(
        document.design(),
        current=basis["current"],
        outcomes=[row for row in rows if not _why_not(row, document, people)],
    )


def _why_not(row: OutcomeRow, document: ProtocolDocument, people: Membership) -> str:
    version, regimen = people.get(row["subject"], (document.version, ""))
    return document.pooling.why_not(version=version, regimen=regimen)


def _not_pooled(document: ProtocolDocument, people: Membership) -> Iterator[str]:
    for subject, (version, regimen) in people.items():
        why = document.pooling.why_not(version=version, regimen=regimen)
        if why:
            yield f"{subject}: {why}."
