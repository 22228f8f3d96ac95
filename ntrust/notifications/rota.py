"""Who is on call and who stands in for whom, at one moment."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from ntrust.models import Absence, Deputyship, Membership, Shift, Study


@dataclass(frozen=True)
class Rota:
    """A study's people at one moment: only those who still hold a role and can log in.

    `members`: person to the roles they hold, each with its site. `away`: who is absent, to their
    deputy. `deputies`: who is told when somebody does not answer. `on_call`: role and site to those
    on call, in the order in which they began.
    """

    members: dict[int, tuple[tuple[str, int | None], ...]]
    away: dict[int, int]
    deputies: dict[int, int]
    on_call: dict[tuple[str, int | None], tuple[int, ...]]

    def stand_in(self, person: int) -> int | None:
        """Who is told in place of somebody who is away; of one who is away as well, the next one.
        None for somebody who is there, and where nobody is found."""
        seen, found = {person}, self.away.get(person)
        while found is not None and found in self.away:
            if found in seen:
                return None
            seen.add(found)
            found = self.away[found]
        return found if found in self.members and found not in seen else None

    def deputy(self, person: int) -> int | None:
        """Who is told when a person does not answer: the absent one's stand-in, else the deputy
        who was named, or whoever stands in for that one."""
        if person in self.away:
            return self.stand_in(person)
        named = self.deputies.get(person)
        if named in self.away:
            named = self.stand_in(named)
        return named if named in self.members and named != person else None

    def in_role(self, role: str, site: int | None) -> tuple[int, ...]:
        """Everyone who holds a role; of a role bound to a site, at that site."""
        return tuple(
            person
            for person, held in self.members.items()
            if any(one == role and where in (None, site) for one, where in held)
        )

    def called(self, role: str, site: int | None) -> tuple[int, ...]:
        """Who is to be called in a role: those on call, or who stands in for them; everyone who
        holds it while nobody is on call."""
        holders = self.in_role(role, site)
        on_call = self.on_call.get((role, site), ()) or self.on_call.get((role, None), ())
        return self._there(on_call) or self._there(holders) or holders

    def _there(self, people: Iterable[int]) -> tuple[int, ...]:
        """Each of `people`, or who stands in for one who is away; nobody twice."""
        found = (self.stand_in(one) if one in self.away else one for one in people)
        return tuple(dict.fromkeys(one for one in found if one in self.members))


def read_rota(study: Study, *, now: datetime) -> Rota:
    """The rota at a moment. Four statements."""
    members: dict[int, list[tuple[str, int | None]]] = {}
    rows = Membership.objects.filter(study=study, revoked_at__isnull=True, user__is_active=True)
    for row in rows.order_by("id"):
        members.setdefault(row.user_id, []).append((row.role, row.site_id))
    on_call: dict[tuple[str, int | None], list[int]] = {}
    shifts = Shift.objects.filter(
        study=study, withdrawn_at__isnull=True, starts_at__lte=now, ends_at__gt=now
    )
    for shift in shifts.order_by("starts_at", "id"):
        on_call.setdefault((shift.role, shift.site_id), []).append(shift.user_id)
    named = Deputyship.objects.filter(study=study, ended_at__isnull=True)
    return Rota(
        members={person: tuple(held) for person, held in members.items()},
        away=read_away(study, now=now),
        deputies=dict(named.values_list("user_id", "deputy_id")),
        on_call={key: tuple(people) for key, people in on_call.items()},
    )


def read_away(study: Study, *, now: datetime) -> dict[int, int]:
    """Who is absent at a moment, to their deputy. One statement."""
    rows = Absence.objects.filter(
        study=study, withdrawn_at__isnull=True, starts_at__lte=now, ends_at__gt=now
    )
    return dict(rows.order_by("id").values_list("user_id", "deputy_id"))


def without(people: Iterable[int], told: Iterable[int]) -> list[int]:
    """Those of `people` who have not been told, each once, in order."""
    known = set(told)
    return [one for one in dict.fromkeys(people) if one not in known]
