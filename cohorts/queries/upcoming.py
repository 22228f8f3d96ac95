"""What a level waits for next, and until when."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from cohorts.queries.people import NOTHING_REPORTED, OVERDUE, PROVISIONAL, TO_RULE, Person
from cohorts.queries.words import QUIET, WAITING


@dataclass(frozen=True)
class NextStep:
    """One thing awaited; `at` is its date, past for what is overdue."""

    text: str
    at: datetime | None
    tone: str
    shape: str


def next_steps(people: list[Person]) -> tuple[NextStep, ...]:
    """What is overdue first, then open questions, then the earliest window to close."""
    steps = []
    overdue = [person for person in people if person.mark == OVERDUE]
    if overdue:
        since = min((p.window_closes_at for p in overdue if p.window_closes_at), default=None)
        text = f"{name_people(overdue)}: statement overdue, window closed"
        steps.append(NextStep(text, since, WAITING, "◔"))
    provisional = [person for person in people if person.mark == PROVISIONAL]
    if provisional:
        text = f"{name_people(provisional)}: provisional DLT, its clock runs"
        steps.append(NextStep(text, None, WAITING, "▲"))
    to_rule = [person for person in people if person.mark == TO_RULE]
    if to_rule:
        text = f"{name_people(to_rule)}: waits for a ruling"
        steps.append(NextStep(text, None, WAITING, "◔"))
    steps += _windows([person for person in people if person.mark == NOTHING_REPORTED])
    return tuple(steps)


def _windows(waiting: list[Person]) -> list[NextStep]:
    """The earliest close among open windows; else who has no window yet."""
    closes = [person.window_closes_at for person in waiting if person.window_closes_at]
    if closes:
        first = [person for person in waiting if person.window_closes_at == min(closes)]
        return [NextStep(f"{name_people(first)}: window closes", min(closes), QUIET, "◔")]
    treated = [person for person in waiting if person.is_treated]
    if treated:
        return [NextStep(f"{name_people(treated)}: window close not known", None, QUIET, "◔")]
    if waiting:
        return [NextStep(f"{name_people(waiting)}: infusion 1 awaited", None, QUIET, "◔")]
    return []


def name_people(people: list[Person]) -> str:
    """Those the viewer may know by number, the others as a count."""
    names = [person.subject for person in people if person.is_seen]
    hidden = len(people) - len(names)
    if hidden:
        names.append("1 of another site" if hidden == 1 else f"{hidden} of other sites")
    return ", ".join(names)
