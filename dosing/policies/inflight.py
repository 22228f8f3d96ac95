"""What is in flight where a hold lands or a DLT is reported, and what lets an infusion go on."""

from __future__ import annotations

from collections.abc import Iterable

from django.db.models import QuerySet

from cohorts.states import ENDED
from dosing.models import Course, InFlight, Infusion
from dosing.policies.calls import dose_level_open, hold_gates_for_infusion
from dosing.states import LETS_THROUGH, CallState, InFlightState, InfusionState
from ntrust.errors import Gate, Refused, refuse_unless_clear
from ntrust.models import Study

_UNDECIDED = (InfusionState.PLANNED, InfusionState.HELD)


def planned_infusions(study: Study) -> QuerySet[Infusion]:
    """Infusions of any cycle that are planned or held, of people on study."""
    rows = Infusion.objects.filter(course__participant__study=study, state__in=_UNDECIDED)
    return (
        rows.exclude(course__participant__state__in=ENDED)
        .select_related(
            "course__participant__site", "course__participant__protocol_version", "course__level"
        )
        .order_by("course__started_at", "number")
    )


def open_questions(infusion: Infusion) -> list[InFlight]:
    """What the site has yet to answer about an infusion."""
    return list(infusion.in_flight.filter(state=InFlightState.OPEN).select_related("hold"))


def gates_for_proceeding(infusion: Infusion, questions: Iterable[InFlight]) -> list[Gate]:
    """What must be clear before a site may answer that an infusion goes on.

    Under a hold only the call answered about infusion 1 of this course lets it; after a DLT that
    call, or the medical monitor's signed instruction. Nothing gives a dose that DLTs have closed.
    """
    asked = [question for question in questions if question.hold_id is None]
    return [
        *hold_gates_for_infusion(infusion),
        dose_level_open(infusion),
        *([_instructed(infusion, asked)] if asked else []),
    ]


def _instructed(infusion: Infusion, questions: list[InFlight]) -> Gate:
    """One signed word covers every DLT that was reported before it."""
    waiting = [
        question
        for question in questions
        if not question.instruction
        and not (infusion.number == 1 and _is_called(infusion.course, question))
    ]
    sentence = (
        "The medical monitor has signed no instruction to proceed."
        if waiting
        else "The medical monitor has signed that it may proceed."
    )
    return Gate("instructed", not waiting, sentence, None, "medical monitor" if waiting else "")


def _is_called(course: Course, question: InFlight) -> bool:
    """Whether a call about the course was answered with proceed after the question was raised."""
    calls = course.monitor_calls.filter(
        state=CallState.ANSWERED, answer__in=LETS_THROUGH, answered_at__gte=question.raised_at
    )
    return calls.exists()


def check_proceeding(infusion: Infusion, questions: Iterable[InFlight]) -> None:
    """Refuse (`no_instruction`) with what nobody has signed yet."""
    refuse_unless_clear("no_instruction", gates_for_proceeding(infusion, questions))


def check_instruction(infusion: Infusion, questions: list[InFlight]) -> None:
    """Refuse an instruction where a hold is in force (`held`): infusion 1 is let through by the
    call, a later one by lifting the hold; a closed dose (`level_closed`); and no question."""
    if not questions:
        raise Refused("question_over", "Nothing is asked about this infusion any more.")
    closed = dose_level_open(infusion)
    if not closed.is_clear:
        raise Refused("level_closed", f"{closed.sentence} This dose cannot be given.", [closed])
    refuse_unless_clear("held", hold_gates_for_infusion(infusion))
