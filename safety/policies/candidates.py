"""Which events of the window are open questions, and whether a word on one may be taken."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from django.db.models import QuerySet

from cohorts.engine.toxicity import Answer, Reading
from cohorts.models import Participant
from dosing.models import DltWindow
from ntrust.errors import Refused
from safety.models import AdverseEvent, DltCandidate, DltReport
from safety.policies.events import WORDS, is_fatal
from safety.policies.reports import began_in_window, is_of_window
from safety.states import COUNTED_REPORTS, OPEN_CANDIDATES, CandidateState, DltReportState

_STANDING: Final = (DltReportState.PROVISIONAL, *COUNTED_REPORTS)
_ORDER: Final = (Answer.MEETS, Answer.COULD_MEET, Answer.DOES_NOT, Answer.NOT_READ)
_GRADE: Final = "grade"


def strongest(readings: Sequence[Reading]) -> Answer:
    """What the criteria say of an event, taken together."""
    answers = {reading.answer for reading in readings}
    return next((answer for answer in _ORDER if answer in answers), Answer.NOT_READ)


def raised_by(readings: Sequence[Reading]) -> tuple[Reading, ...]:
    """The readings on which a person has to say something."""
    return tuple(reading for reading in readings if reading.is_candidate)


def settled_as(event: AdverseEvent, readings: Sequence[Reading]) -> dict[str, Any]:
    """The readings as a word on them keeps them."""
    return {**{one.criterion: str(one.answer) for one in readings}, _GRADE: event.grade}


def is_worse(event: AdverseEvent, readings: Sequence[Reading], settled: Mapping[str, Any]) -> bool:
    """Whether an event reads worse than when it was last answered: a criterion further on, or a
    higher grade where any criterion asks for a word."""
    if raised_by(readings) and event.grade > settled.get(_GRADE, 0):
        return True
    return any(
        reading.is_candidate
        and _ORDER.index(reading.answer)
        < _ORDER.index(Answer(settled.get(reading.criterion, Answer.NOT_READ)))
        for reading in readings
    )


def has_standing_report(event: AdverseEvent) -> bool:
    """Whether a report on the event counts, or may still count."""
    return _in_force(event).filter(state__in=_STANDING).exists()


def was_refuted(event: AdverseEvent) -> bool:
    """Whether the medical monitor's word on the last report in force was no."""
    last = _in_force(event).last()
    return last is not None and last.state == DltReportState.REFUTED


def _in_force(event: AdverseEvent) -> QuerySet[DltReport]:
    return DltReport.objects.filter(event=event, superseded_by__isnull=True).order_by("id")


def is_in_question(event: AdverseEvent) -> bool:
    """Whether an event can be dose-limiting: it lies in the window, or did before times were
    corrected."""
    window = DltWindow.objects.filter(participant_id=event.participant_id).first()
    if began_in_window(event, window) or hasattr(event, "candidate"):
        return True
    return any(is_of_window(report, window) for report in _in_force(event))


def state_of(
    event: AdverseEvent, readings: Sequence[Reading], candidate: DltCandidate | None
) -> CandidateState | None:
    """Where an event's question stands now; None when there is none.

    A disputed one stays until the medical monitor rules. What was answered is asked again once it
    reads worse; what was never answered goes when nothing asks any more.
    """
    is_raised = bool(raised_by(readings))
    if has_standing_report(event):
        return CandidateState.REPORTED if candidate is not None or is_raised else None
    if candidate is None:
        return CandidateState.OPEN if is_raised else None
    if candidate.state == CandidateState.DISPUTED:
        return CandidateState.DISPUTED
    if candidate.state == CandidateState.OPEN:
        return CandidateState.OPEN if is_raised else CandidateState.CLOSED
    if candidate.state == CandidateState.REPORTED:
        is_open = is_raised and not was_refuted(event)
        return CandidateState.OPEN if is_open else CandidateState.CLOSED
    is_open = is_worse(event, readings, candidate.settled)
    return CandidateState.OPEN if is_open else CandidateState.CLOSED


def rereads_at(readings: Sequence[Reading], now: datetime) -> datetime | None:
    """When time alone may change a reading; None when it cannot."""
    ends = [
        reading.clock_ends_at
        for reading in readings
        if reading.clock_ends_at is not None and reading.clock_ends_at > now
    ]
    return min(ends, default=None)


def open_candidates(participant: Participant) -> list[DltCandidate]:
    """The questions about a participant's events that nobody has answered."""
    rows = DltCandidate.objects.filter(
        event__participant=participant, state__in=OPEN_CANDIDATES
    ).select_related("event__participant__site", "event__participant__protocol_version")
    return list(rows)


def check_word(
    event: AdverseEvent, readings: Sequence[Reading], *, wanted: CandidateState
) -> DltCandidate:
    """The candidate a word is about. Refuses one that waits for no word (`no_candidate`) or not for
    the medical monitor's (`not_disputed`)."""
    candidate = DltCandidate.objects.filter(event=event).first()
    if candidate is not None and candidate.state == wanted:
        return candidate
    if wanted == CandidateState.DISPUTED:
        raise Refused(
            "not_disputed", "A ruling is asked for where the criteria and the investigator differ."
        )
    raise Refused("no_candidate", "No criterion waits for the investigator's word on this event.")


def check_facts(readings: Sequence[Reading]) -> None:
    """Refuse (`facts_missing`) a "no" on what is not known: that is entered first."""
    named = {what for reading in raised_by(readings) for what in reading.missing}
    missing = {what.partition(" ")[0] for what in named}
    if missing:
        words = "; ".join(WORDS.get(what, what) for what in sorted(missing))
        raise Refused("facts_missing", f"Not known yet, and a criterion asks for it: {words}.")


def check_not_fatal(event: AdverseEvent) -> None:
    """Refuse (`not_resolved`) to call an event resolved that somebody died of."""
    if is_fatal(event):
        raise Refused("not_resolved", "A death does not resolve.")


def check_committee(event: AdverseEvent, *, is_dlt: bool, reference: str) -> None:
    """Refuse (`committee_needed`) to call a death no DLT without the committee's minutes."""
    if is_fatal(event) and not is_dlt and not reference.strip():
        raise Refused(
            "committee_needed",
            "Only the committee may rule a death unrelated: name the minutes of its ruling.",
        )
