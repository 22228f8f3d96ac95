"""One line of what needs somebody today, and how the time that is left is said."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from cohorts.queries.words import HARM, QUIET, Mark

SHOWN = 3
"""Sentences that a line shows; the list behind it has them all."""


@dataclass(frozen=True)
class Open:
    """One thing that is open. `due_at`: when it is owed, past for what is overdue."""

    name: str
    sentence: str
    due_at: datetime | None = None
    page: tuple[str, ...] = ()


@dataclass(frozen=True)
class Kind:
    """A kind of thing that needs somebody. `one` is the title of a single thing, with {name};
    `many` that of several, with {count}. `who` acts on it; `page`: name of the address of its list.
    """

    key: str
    one: str
    many: str
    who: str
    page: str
    tone: str
    shape: str


@dataclass(frozen=True)
class Need:
    """Everything open of one kind. `left` is about the first to fall due, `more` counts those
    without a sentence. `address`: name of the page where it is done, `about` what it is about."""

    key: str
    count: int
    mark: Mark
    sentences: tuple[str, ...]
    more: int
    who: str
    left: str
    left_tone: str
    due_at: datetime | None
    address: str
    about: tuple[str, ...]


def gather(kind: Kind, found: Sequence[Open], *, now: datetime) -> Need | None:
    """All of one kind as one line, in the order given; None when there is nothing."""
    if not found:
        return None
    only = found[0] if len(found) == 1 else None
    title = kind.one.format(name=only.name) if only else kind.many.format(count=len(found))
    due_at = min((one.due_at for one in found if one.due_at), default=None)
    left = say_left(due_at, now=now)
    address, *about = only.page if only and only.page else (kind.page,)
    is_late = due_at is not None and due_at <= now
    return Need(
        key=kind.key,
        count=len(found),
        mark=Mark(title, kind.tone, kind.shape),
        sentences=tuple(one.sentence for one in found[:SHOWN] if one.sentence),
        more=max(0, len(found) - SHOWN),
        who=kind.who,
        left=left,
        left_tone=HARM if is_late and kind.tone == HARM else kind.tone if left else QUIET,
        due_at=due_at,
        address=address,
        about=tuple(about),
    )


def say_left(due_at: datetime | None, *, now: datetime) -> str:
    """How much time is left, or how long it is overdue; the day from two days ahead on."""
    if due_at is None:
        return ""
    if due_at <= now:
        return f"{_span(now - due_at)} overdue"
    if due_at - now < timedelta(days=2):
        return f"{_span(due_at - now)} left"
    return f"by {due_at:%d-%b}"


def _span(length: timedelta) -> str:
    minutes = int(length.total_seconds()) // 60
    hours, days = minutes // 60, minutes // (60 * 24)
    if days >= 2:
        return f"{days} days"
    return f"{hours} h {minutes % 60:02d} min" if hours else f"{minutes} min"
