"""The infusions of one participant: planned, given, missed, and what can be done with each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

from cohorts.models import Outcome, Participant
from cohorts.policies import document_of
from cohorts.queries import Mark, Viewer
from cohorts.queries.words import PLAN, QUIET, SETTLED, WAITING, name_dose
from cohorts.states import DltStatus, OutcomeLetter
from dosing.models import Infusion, SafetyCheck
from dosing.policies import due_day, questions_before
from dosing.states import InfusionState
from ntrust.states import Role

_MARKS: Final[Mapping[str, tuple[str, str]]] = {
    InfusionState.PLANNED: (PLAN, "◔"),
    InfusionState.HELD: (WAITING, "▲"),
    InfusionState.GIVEN: (SETTLED, "●"),
    InfusionState.MISSED: (QUIET, "○"),
}
_OPEN: Final = (InfusionState.PLANNED, InfusionState.HELD)
_SITE_ACTS: Final[Mapping[str, tuple[str, ...]]] = {
    InfusionState.PLANNED: (
        "infusion_check",
        "infusion_give",
        "infusion_reschedule",
        "infusion_hold",
        "infusion_miss",
        "infusion_given_already",
    ),
    InfusionState.HELD: (
        "infusion_resume",
        "infusion_reschedule",
        "infusion_miss",
        "infusion_given_already",
    ),
    InfusionState.GIVEN: ("infusion_correct", "infusion_not_given"),
    InfusionState.MISSED: ("infusion_resume", "infusion_given_already"),
}
_USUAL: Final = frozenset({"infusion_check", "infusion_give", "infusion_resume", "infusion_lot"})
"""In sight at the infusion that is next; everything else is folded."""
_MONITOR_ACTS: Final = frozenset({"infusion_hold", "infusion_resume", "infusion_reschedule"})
LABELS: Final[Mapping[str, str]] = {
    "infusion_check": "Safety check",
    "infusion_give": "Enter as given",
    "infusion_given_already": "Already given, gates shut",
    "infusion_miss": "Missed",
    "infusion_hold": "Put off",
    "infusion_resume": "Plan again",
    "infusion_reschedule": "Another day",
    "infusion_lot": "Set a lot aside",
    "infusion_correct": "Correct",
    "infusion_not_given": "Was not given",
    "rule_out": "Confirm: not evaluable",
    "rule_counts": "Confirm: counts",
    "ruling_withdraw": "Take the ruling back",
}
"""Address to the words of its link."""


@dataclass(frozen=True)
class Link:
    """An address by name, and its words."""

    name: str
    label: str


@dataclass(frozen=True)
class InfusionRow:
    """One infusion. `check` is the last safety check in words; empty where none is asked for.
    `acts` are in sight, `folded` are rare or out of order."""

    cycle: int
    number: int
    mark: Mark
    planned_date: date
    first_day: date | None
    last_day: date | None
    assigned: str
    given: str
    given_at: datetime | None
    stopped_at: datetime | None
    lot: str
    check: str
    notes: tuple[str, ...]
    acts: tuple[Link, ...]
    folded: tuple[Link, ...]


@dataclass(frozen=True)
class InfusionsPanel:
    """The infusions, newest cycle first, and the rulings on what those of cycle 1 add up to."""

    rows: tuple[InfusionRow, ...]
    rulings: tuple[Link, ...]


def read_infusions(
    participant: Participant, *, viewer: Viewer, now: datetime
) -> InfusionsPanel | None:
    """None before lymphodepletion."""
    infusions = list(
        Infusion.objects.filter(course__participant=participant)
        .select_related(
            "lot",
            "course__participant__site",
            "course__participant__protocol_version",
        )
        .order_by("-course__cycle", "number")
    )
    if not infusions:
        return None
    unit = document_of(participant.protocol_version).ladder.unit
    checks: dict[int, SafetyCheck] = {
        check.infusion_id: check for check in SafetyCheck.objects.filter(infusion__in=infusions)
    }
    following = next((one for one in infusions if one.state in _OPEN), None)
    return InfusionsPanel(
        rows=tuple(
            _row(
                infusion,
                unit=unit,
                check=checks.get(infusion.pk),
                viewer=viewer,
                is_next=infusion is following,
            )
            for infusion in infusions
        ),
        rulings=_rulings(participant, viewer),
    )


def _row(
    infusion: Infusion,
    *,
    unit: str,
    check: SafetyCheck | None,
    viewer: Viewer,
    is_next: bool,
) -> InfusionRow:
    due = due_day(infusion)
    given = ""
    if infusion.given_cells is not None:
        share = infusion.given_cells / infusion.assigned_cells * 100
        given = f"{name_dose(infusion.given_cells, unit)}, {share:.4g}%"
    tone, shape = _MARKS[infusion.state]
    acts = _acts(infusion, viewer)
    in_sight = tuple(act for act in acts if is_next and act.name in _USUAL)
    return InfusionRow(
        cycle=infusion.course.cycle,
        number=infusion.number,
        mark=Mark(InfusionState(infusion.state).label, tone, shape),
        planned_date=infusion.planned_date,
        first_day=due.first,
        last_day=due.last,
        assigned=name_dose(infusion.assigned_cells, unit),
        given=given,
        given_at=infusion.given_at,
        stopped_at=infusion.stopped_at,
        lot=str(infusion.lot or ""),
        check=_word_check(infusion, check),
        notes=_notes(infusion),
        acts=in_sight,
        folded=tuple(act for act in acts if act not in in_sight),
    )


def _word_check(infusion: Infusion, check: SafetyCheck | None) -> str:
    questions = questions_before(infusion)
    if not questions:
        return ""
    if check is None:
        return "not entered"
    noes = [one.text for one in questions if check.answers.get(one.id) is not True]
    said = f"no to: {'; '.join(noes)}" if noes else "all yes"
    return f"{said} ({check.checked_at:%d-%b-%Y %H:%M} UTC)"


def _notes(infusion: Infusion) -> tuple[str, ...]:
    notes = []
    if infusion.interrupted_minutes:
        notes.append(
            f"Interrupted for {infusion.interrupted_minutes} min: {infusion.interrupted_because}"
        )
    if infusion.reduced_because:
        notes.append(f"Reduced: {infusion.reduced_because}")
    if infusion.state in (InfusionState.HELD, InfusionState.MISSED):
        what = "Missed for toxicity" if infusion.is_missed_for_toxicity else "Because"
        notes.append(f"{what}: {infusion.not_given_because}")
    return tuple(notes)


def _acts(infusion: Infusion, viewer: Viewer) -> tuple[Link, ...]:
    """What this person may try now; the pages check again."""
    site_id = infusion.course.participant.site_id
    names: list[str] = []
    if viewer.is_investigator_at(site_id):
        names += _SITE_ACTS[infusion.state]
    elif Role.MEDICAL_MONITOR.label in viewer.roles:
        names += [name for name in _SITE_ACTS[infusion.state] if name in _MONITOR_ACTS]
    is_open = infusion.state in _OPEN
    if is_open and Role.PHARMACIST.label in viewer.roles and site_id in viewer.site_ids:
        names.append("infusion_lot")
    if "infusion_check" in names and not questions_before(infusion):
        names.remove("infusion_check")
    return tuple(Link(name, LABELS[name]) for name in names)


def _rulings(participant: Participant, viewer: Viewer) -> tuple[Link, ...]:
    """What the medical monitor may rule on this participant's exposure."""
    outcome = Outcome.objects.filter(participant=participant).first()
    if outcome is None or Role.MEDICAL_MONITOR.label not in viewer.roles:
        return ()
    names = []
    if outcome.letter == OutcomeLetter.PENDING and outcome.dlt == DltStatus.NONE:
        names.append("rule_out")
        missed = any(row["state"] == "MISSED_FOR_TOXICITY" for row in outcome.infusions)
        if missed and not outcome.is_toxicity_adjudicated:
            names.append("rule_counts")
    if outcome.not_evaluable_because or outcome.is_toxicity_adjudicated:
        names.append("ruling_withdraw")
    return tuple(Link(name, LABELS[name]) for name in names)
