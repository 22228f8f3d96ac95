"""The day an infusion is due, its visit window, and what was given otherwise than planned."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from cohorts.policies import document_of
from dosing.models import Infusion
from dosing.policies.given import Given
from dosing.policies.lots import name_cells


@dataclass(frozen=True)
class Due:
    """The protocol's day of an infusion, and the days it may be given without a deviation.

    `first` and `last` are None when the protocol has no visit windows.
    """

    day: date
    first: date | None = None
    last: date | None = None


def site_day(moment: datetime, zone: str) -> date:
    """The calendar day of a moment at a site."""
    return moment.astimezone(ZoneInfo(zone)).date()


def due_day(infusion: Infusion) -> Due:
    """Infusion 1 is due on its planned day; it makes Day 0, from which the others are counted.

    While infusion 1 is not given, and when it was missed, its planned day is Day 0.
    """
    participant = infusion.course.participant
    schedule = document_of(participant.protocol_version).infusions
    first = infusion
    if infusion.number != 1:
        first = infusion.course.infusions.get(number=1)
    day = first.planned_date
    if infusion.number != 1 and first.given_at is not None:
        day = site_day(first.given_at, participant.site.timezone)
    day += timedelta(days=schedule.days[infusion.number - 1])
    if not schedule.windows:
        return Due(day)
    window = schedule.windows[infusion.number - 1]
    return Due(day, day - timedelta(days=window.early), day + timedelta(days=window.late))


def find_deviations(infusion: Infusion, given: Given) -> list[tuple[str, str]]:
    """Kind and sentence of each: outside the visit window, below or above the tolerance."""
    participant = infusion.course.participant
    found = []
    due = due_day(infusion)
    day = site_day(given.given_at, participant.site.timezone)
    if due.first is not None and due.last is not None and not due.first <= day <= due.last:
        found.append(
            (
                "INFUSION_OUTSIDE_WINDOW",
                f"infusion {infusion.number} was given on {day:%d-%b-%Y}; it was due on "
                f"{due.day:%d-%b-%Y}, and allowed from {due.first:%d-%b-%Y} to "
                f"{due.last:%d-%b-%Y}.",
            )
        )
    limits = document_of(participant.protocol_version).evaluability
    share = given.given_cells / infusion.assigned_cells
    what = (
        f"infusion {infusion.number}: {name_cells(given.given_cells)} viable cells were given, "
        f"{share * 100:.4g}% of the {name_cells(infusion.assigned_cells)} assigned; the protocol"
    )
    if share < limits.minimum_fraction:
        sentence = f"{what} asks for {name_cells(limits.minimum_fraction * 100)}% at least."
        found.append(("INFUSION_BELOW_TOLERANCE", sentence))
    if share > limits.upper_fraction:
        sentence = f"{what} allows {name_cells(limits.upper_fraction * 100)}% at most."
        found.append(("INFUSION_ABOVE_TOLERANCE", sentence))
    return found
