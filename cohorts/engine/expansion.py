"""Where the Part 2 expansion stands against its toxicity boundary. Integer counts only.

`n` evaluated participants (a DLT, or a window completed without one), `x` of them with a DLT. Who
is pending may end with a DLT, without one, or as not evaluable; all of these are looked at.
"""

from __future__ import annotations

from dataclasses import dataclass

from cohorts.engine.monitoring import Boundary


@dataclass(frozen=True)
class Crossing:
    """A point of the boundary: `x` DLTs among `n` evaluated participants."""

    x: int
    n: int


@dataclass(frozen=True)
class Outlook:
    """Where a monitored group stands, and what its pending participants can make of it.

    `limit`: DLTs at which it stops at this `n`; None where no number does. `needed`: how many of
    the pending have to end with a DLT for it to be crossed; None when they cannot do it. `next`:
    the nearest crossing if every further participant had a DLT; None once crossed, or when the
    boundary ends before.
    """

    is_crossed: bool
    limit: int | None
    needed: int | None
    next: Crossing | None

    @property
    def is_certain(self) -> bool:
        """Whether nobody pending can change the answer."""
        return self.is_crossed or self.needed is None


def limit_at(boundary: Boundary, n: int) -> int | None:
    """DLTs that stop at `n` evaluated; beyond the boundary's end the last number it has, which is
    the stricter reading. None where no number stops."""
    known = [at for at in boundary if at <= n]
    return boundary[max(known)] if known else None


def is_crossed(boundary: Boundary, *, n: int, x: int) -> bool:
    """Whether `x` DLTs among `n` evaluated reach the boundary."""
    limit = limit_at(boundary, n)
    return limit is not None and x >= limit


def look_ahead(boundary: Boundary, *, n: int, x: int, pending: int) -> Outlook:
    """The outlook at these counts."""
    crossed = is_crossed(boundary, n=n, x=x)
    return Outlook(
        is_crossed=crossed,
        limit=limit_at(boundary, n),
        needed=None if crossed else _needed(boundary, n, x, pending),
        next=None if crossed else _next(boundary, n, x),
    )


def could_cross(boundary: Boundary, *, n: int, x: int, provisional: int) -> bool:
    """Whether counting some of the provisional DLTs would reach the boundary, now or on the way."""
    return any(is_crossed(boundary, n=n + k, x=x + k) for k in range(provisional + 1))


def _needed(boundary: Boundary, n: int, x: int, pending: int) -> int | None:
    """The fewest DLTs among the pending that cross; others of them who end without one, or do not
    count, never make it fewer."""
    return next((k for k in range(1, pending + 1) if is_crossed(boundary, n=n + k, x=x + k)), None)


def _next(boundary: Boundary, n: int, x: int) -> Crossing | None:
    last = max(boundary, default=0)
    return next(
        (
            Crossing(x + k, n + k)
            for k in range(1, last - n + 1)
            if is_crossed(boundary, n=n + k, x=x + k)
        ),
        None,
    )
