"""The course of an event: its grades in force."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from django.db.models import prefetch_related_objects

from dosing.models import DltWindow
from safety.models import AdverseEvent, EventGrade


def course_of(event: AdverseEvent) -> tuple[EventGrade, ...]:
    """The steps in force, in order of time; none of an event that is not entered."""
    if event._state.adding:
        return ()
    steps = sorted(event.course.all(), key=lambda step: (step.since, step.pk))
    superseded = {step.supersedes_id for step in steps}
    return tuple(step for step in steps if step.pk not in superseded)


def load_courses(pairs: Iterable[tuple[AdverseEvent, DltWindow | None]]) -> None:
    """One statement for the courses of all events that `emerged_at` would read one by one; none
    where every event began in its window, or has none."""
    before = [
        event
        for event, window in pairs
        if window is not None and window.opened_at is not None and event.onset_at < window.opened_at
    ]
    prefetch_related_objects(before, "course")


def emerged_at(event: AdverseEvent, *, opened_at: datetime) -> datetime | None:
    """When an event began, or got worse than it ever was before `opened_at`; None when it only
    began before."""
    if event.onset_at >= opened_at:
        return event.onset_at
    steps = course_of(event)
    before = max((step.grade for step in steps if step.since < opened_at), default=event.grade)
    worse = (step.since for step in steps if step.since >= opened_at and step.grade > before)
    return min(worse, default=None)
