"""Whether a provisional DLT has resolved, in the way and in the time its criterion asks for."""

from __future__ import annotations

from datetime import datetime

from cohorts.engine.toxicity import Answer, read_criterion
from cohorts.policies import document_of
from ntrust.errors import Refused
from safety.models import DltReport
from safety.policies.course import course_of
from safety.policies.events import facts_of


def resolves_to(report: DltReport) -> int:
    """The highest grade that counts as resolved; 0 where the criterion asks that the event be
    over, or is words alone."""
    if not report.criterion:
        return 0
    document = document_of(report.event.participant.protocol_version)
    reads = document.criterion(report.criterion).reads
    return reads.down_to if reads is not None else 0


def waits_for_nothing(report: DltReport, *, now: datetime) -> bool:
    """Whether the clock of a provisional report no longer matters: its event meets the criterion
    by now, having got worse, or lasted too long already."""
    if not report.criterion:
        return True
    event = report.event
    rule = document_of(event.participant.protocol_version).criterion(report.criterion)
    if rule.reads is None:
        return rule.at_once_from is not None and event.grade >= rule.at_once_from
    return read_criterion(rule.criterion(), facts_of(event), now).answer == Answer.MEETS


def check_resolution(report: DltReport, *, resolved_at: datetime, grade: int) -> None:
    """Refuse (`not_resolved`) a grade above what the criterion asks for, and one that the course
    has gone above again inside the limit; (`too_late`) a resolution after the limit."""
    most = resolves_to(report)
    if grade > most:
        wanted = f"grade {most} or less" if most else "that the event is over"
        raise Refused("not_resolved", f"Resolved means {wanted}; grade {grade} is not.")
    if report.counts_at is not None and resolved_at > report.counts_at:
        raise Refused("too_late", "It resolved after the limit: it counts as a DLT.")
    ended_at = report.event.ended_at
    if ended_at is not None and ended_at > resolved_at and grade == 0:
        raise Refused(
            "not_resolved",
            f"Its end is entered as {ended_at:%d-%b-%Y %H:%M} UTC: correct it first.",
        )
    again = [step for step in course_of(report.event) if step.since >= resolved_at]
    worse = next((step for step in again if step.grade > most), None)
    if worse is not None:
        raise Refused(
            "not_resolved",
            f"The course has grade {worse.grade} since {worse.since:%d-%b-%Y %H:%M} UTC, after "
            "this resolution.",
        )
