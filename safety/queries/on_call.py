"""Who is on call now and next, who is away with whom instead, and where nobody is."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from cohorts.queries import Viewer
from cohorts.queries.viewers import INSPECTORS
from ntrust.models import Absence, Deputyship, Shift
from ntrust.notifications.rota import Rota, read_rota
from ntrust.states import Role

AHEAD: Final = timedelta(days=28)
"""How far ahead the page looks for times in which nobody is on call."""
_CENTRAL: Final = (Role.MEDICAL_MONITOR, Role.STUDY_MANAGER)


@dataclass(frozen=True)
class ShiftRow:
    """One shift; `instead`: who is told while that person is away."""

    number: int
    person: str
    role: str
    starts_at: datetime
    ends_at: datetime
    is_now: bool
    instead: str


@dataclass(frozen=True)
class Duty:
    """One role: who is on call now and next, and the times ahead in which nobody is. Then everybody
    who holds the role is told."""

    role: str
    now: tuple[ShiftRow, ...]
    later: tuple[ShiftRow, ...]
    gaps: tuple[tuple[datetime, datetime], ...]


@dataclass(frozen=True)
class AbsenceRow:
    """Somebody who is or will be away."""

    number: int
    person: str
    deputy: str
    starts_at: datetime
    ends_at: datetime
    is_now: bool
    is_covered: bool


@dataclass(frozen=True)
class OnCall:
    """The page. `deputies`: person to who is told when they do not answer."""

    duties: tuple[Duty, ...]
    absences: tuple[AbsenceRow, ...]
    deputies: tuple[tuple[str, str], ...]


def may_read_on_call(viewer: Viewer) -> bool:
    """Manager, monitor and auditor."""
    return viewer.holds(INSPECTORS)


def read_on_call(viewer: Viewer, *, now: datetime) -> OnCall:
    """The rota from now on. Seven statements."""
    study = viewer.study
    rota = read_rota(study, now=now)
    ahead = {"study": study, "withdrawn_at__isnull": True, "ends_at__gt": now}
    shifts = list(Shift.objects.filter(**ahead).select_related("user", "site"))
    absences = list(Absence.objects.filter(**ahead).select_related("user", "deputy"))
    named = Deputyship.objects.filter(study=study, ended_at__isnull=True)
    roles = dict.fromkeys([*((str(role), None) for role in _CENTRAL), *map(_key, shifts)])
    return OnCall(
        duties=tuple(
            _duty(key, [one for one in shifts if _key(one) == key], absences, now=now)
            for key in roles
        ),
        absences=tuple(_absence(row, rota, now=now) for row in absences),
        deputies=tuple(
            (str(row.user), str(row.deputy))
            for row in named.select_related("user", "deputy").order_by("user__printed_name", "id")
        ),
    )


def _key(shift: Shift) -> tuple[str, str | None]:
    return shift.role, shift.site.code if shift.site else None


def _duty(
    key: tuple[str, str | None], shifts: list[Shift], absences: list[Absence], *, now: datetime
) -> Duty:
    role, site = key
    rows = [_shift(one, absences, now=now) for one in shifts]
    return Duty(
        role=f"{Role(role).label} at {site}" if site else str(Role(role).label),
        now=tuple(row for row in rows if row.is_now),
        later=tuple(row for row in rows if not row.is_now),
        gaps=tuple(_gaps(shifts, now=now)),
    )


def _shift(shift: Shift, absences: list[Absence], *, now: datetime) -> ShiftRow:
    instead = [
        str(one.deputy)
        for one in absences
        if one.user_id == shift.user_id
        and one.starts_at < shift.ends_at
        and one.ends_at > shift.starts_at
    ]
    return ShiftRow(
        number=shift.pk,
        person=str(shift.user),
        role=shift.role,
        starts_at=shift.starts_at,
        ends_at=shift.ends_at,
        is_now=shift.starts_at <= now < shift.ends_at,
        instead=", ".join(dict.fromkeys(instead)),
    )


def _gaps(shifts: list[Shift], *, now: datetime) -> list[tuple[datetime, datetime]]:
    """Times ahead in which nobody is on call; of a role that never had anybody, all of it."""
    covered, end, found = now, now + AHEAD, []
    for shift in sorted(shifts, key=lambda one: one.starts_at):
        if shift.starts_at > covered:
            found.append((covered, min(shift.starts_at, end)))
        covered = max(covered, shift.ends_at)
        if covered >= end:
            break
    if covered < end:
        found.append((covered, end))
    return [(start, stop) for start, stop in found if start < stop]


def _absence(row: Absence, rota: Rota, *, now: datetime) -> AbsenceRow:
    is_now = row.starts_at <= now < row.ends_at
    is_there = rota.stand_in(row.user_id) is not None if is_now else row.deputy_id in rota.members
    return AbsenceRow(
        number=row.pk,
        person=str(row.user),
        deputy=str(row.deputy),
        starts_at=row.starts_at,
        ends_at=row.ends_at,
        is_now=is_now,
        is_covered=is_there,
    )
