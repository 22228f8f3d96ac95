"""May this participant begin another cycle, or end follow-up, and if not, why."""

from __future__ import annotations

from datetime import datetime

from cohorts.models import DoseLevel, Outcome, Participant
from cohorts.policies import consent_gate, hold_gates, open_gate, site_gate
from cohorts.states import DltStatus, ParticipantState
from dosing.models import Course, DltWindow, Infusion
from dosing.policies.lymphodepletion import level_open
from dosing.states import InfusionState, WindowState
from ntrust.errors import Gate, refuse_unless_clear


def gates_for_cycle(participant: Participant, *, now: datetime) -> list[Gate]:
    """A later cycle: in follow-up, nothing owed or open, the site active, no DLT of one's own,
    the level open."""
    gates = [_in_follow_up(participant), _treatment_settled(participant), _statement(participant)]
    last = last_course(participant)
    if last is None:
        return gates
    level = level_of_next_cycle(last)
    return [
        *gates,
        site_gate(participant.site),
        consent_gate(participant),
        _no_dlt_ever(participant),
        level_open(participant.study, level),
        open_gate(participant.study),
        *hold_gates(
            participant.study, level=level.ordinal, site=participant.site, participant=participant
        ),
    ]


def check_cycle(participant: Participant, *, now: datetime) -> None:
    """Refuse (`no_cycle`) with every gate that is not clear."""
    refuse_unless_clear("no_cycle", gates_for_cycle(participant, now=now))


def gates_for_end(participant: Participant, *, now: datetime) -> list[Gate]:
    """Follow-up ends with every question answered and no infusion planned."""
    return [_in_follow_up(participant), _treatment_settled(participant), _statement(participant)]


def check_end(participant: Participant, *, now: datetime) -> None:
    """Refuse (`not_complete`) with every gate that is not clear."""
    refuse_unless_clear("not_complete", gates_for_end(participant, now=now))


def last_course(participant: Participant) -> Course | None:
    """The newest cycle's course."""
    courses = Course.objects.filter(participant=participant).select_related("level")
    return courses.order_by("cycle").last()


def level_of_next_cycle(course: Course) -> DoseLevel:
    """The highest level not above any dose assigned in the last cycle: never a dose that was
    lowered before."""
    doses = [infusion.assigned_cells for infusion in course.infusions.all()]
    levels = DoseLevel.objects.filter(study_id=course.level.study_id, dose__lte=min(doses))
    return levels.order_by("dose").last() or course.level


def _in_follow_up(participant: Participant) -> Gate:
    is_there = participant.state == ParticipantState.FOLLOW_UP
    label = ParticipantState(participant.state).label
    return Gate("in_follow_up", is_there, f"{participant} is in state: {label}.")


def _treatment_settled(participant: Participant) -> Gate:
    waiting = Infusion.objects.filter(
        course__participant=participant, state__in=[InfusionState.PLANNED, InfusionState.HELD]
    ).exists()
    if waiting:
        sentence = "An infusion is still planned or held."
        return Gate("treatment_settled", False, sentence, None, "investigator")
    return Gate("treatment_settled", True, "Every planned infusion was given or missed.")


def _statement(participant: Participant) -> Gate:
    window = DltWindow.objects.filter(participant=participant).first()
    if window is not None and window.state == WindowState.CLOSED:
        return Gate("statement_signed", True, "The window statement is signed.")
    sentence = "The window statement is not signed."
    return Gate("statement_signed", False, sentence, None, "investigator")


def _no_dlt_ever(participant: Participant) -> Gate:
    """In or outside the window, counted or still possible."""
    outcome = Outcome.objects.get(participant=participant)
    is_clear = outcome.dlt == DltStatus.NONE and not outcome.has_dlt_elsewhere
    sentence = f"{participant} has {'no' if is_clear else 'a'} DLT report in force."
    return Gate("no_dlt_of_ones_own", is_clear, sentence, None, "" if is_clear else _MONITOR)


_MONITOR = "medical monitor"
