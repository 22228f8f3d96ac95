"""What happened to the accounts of a study's people: log-ins, failures, roles, second factors."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import chain
from typing import Any, Final

from django.db.models import Model

from cohorts.queries.viewers import Mask, Viewer
from ntrust.models import AccountEvent, AccountLock, LoginAttempt, Membership, User
from ntrust.states import AccountEventKind, AttemptOutcome, Door, Role
from ntrust.tracking import tracked_models
from safety.queries.audit.rows import Key, read_versions
from safety.queries.audit.tables import AuditTable

ACCOUNT_READERS: Final = (Role.STUDY_MANAGER, Role.MEDICAL_MONITOR, Role.AUDITOR)
PAGE: Final = 100


@dataclass(frozen=True)
class AccountRow:
    """One thing that happened to one account. `who` did it, where somebody else did."""

    at: datetime
    account: str
    what: str
    who: str


@dataclass(frozen=True)
class AccountPage:
    """Newest first. `older` goes on before that moment; None at the end."""

    rows: tuple[AccountRow, ...]
    older: datetime | None


def may_read_accounts(viewer: Viewer) -> bool:
    """Managers, monitors and auditors read the history of accounts."""
    return viewer.holds(ACCOUNT_READERS)


def read_accounts(viewer: Viewer, *, before: datetime | None = None) -> AccountPage:
    """Of everybody who holds or held a role in the study. Nothing typed is shown.

    A page ends between two moments: what happened at one stands on one page, however much it is.
    """
    people = User.objects.filter(memberships__study=viewer.study).distinct()
    names = {person.pk: str(person) for person in people}
    size = PAGE
    while True:
        found = _newest(viewer, names, before, size + 1)
        if len(found) <= size:
            return AccountPage(tuple(found), None)
        rows = tuple(row for row in found[:size] if row.at > found[size].at)
        if rows:
            return AccountPage(rows, rows[-1].at)
        size *= 2


def _newest(
    viewer: Viewer, names: Mapping[int, str], before: datetime | None, size: int
) -> list[AccountRow]:
    """The newest of all tables; of each so many."""
    return sorted(
        chain(
            _attempts(names, before, size),
            _locks(names, before, size),
            _events(names, before, size),
            _versions(User, "pgh_obj", {"pgh_obj__in": names}, before, size, names),
            _versions(Membership, "user", {"study": viewer.study.pk}, before, size, names),
        ),
        key=lambda row: row.at,
        reverse=True,
    )


def _at(field: str, before: datetime | None) -> dict[str, datetime]:
    return {f"{field}__lt": before} if before else {}


def _attempts(names: Mapping[int, str], before: datetime | None, size: int) -> Iterator[AccountRow]:
    """Tries to prove who one is, good and bad."""
    rows = LoginAttempt.objects.filter(user__in=names, **_at("at", before)).order_by("-at")
    for user, door, outcome, at in rows.values_list("user", "door", "outcome", "at")[:size]:
        said = f"{Door(door).label}: {AttemptOutcome(outcome).label}"
        yield AccountRow(at, names[user], said, "")


def _locks(names: Mapping[int, str], before: datetime | None, size: int) -> Iterator[AccountRow]:
    """Locks after many wrong tries."""
    rows = AccountLock.objects.filter(user__in=names, **_at("locked_at", before))
    for user, at, until in rows.order_by("-locked_at").values_list("user", "locked_at", "until")[
        :size
    ]:
        yield AccountRow(at, names[user], f"locked until {until:%d-%b-%Y %H:%M} UTC", "")


def _events(names: Mapping[int, str], before: datetime | None, size: int) -> Iterator[AccountRow]:
    """Log-outs, resets, second factors."""
    rows = AccountEvent.objects.filter(user__in=names, **_at("at", before)).order_by("-at")
    for user, kind, at in rows.values_list("user", "kind", "at")[:size]:
        yield AccountRow(at, names[user], AccountEventKind(kind).label, "")


def _versions(  # noqa: PLR0913 - which rows, and how many of them
    live: type[Model],
    owner: str,
    of: Mapping[str, Any],
    before: datetime | None,
    size: int,
    names: Mapping[int, str],
) -> Iterator[AccountRow]:
    """What row history keeps: the account's own fields, and its roles."""
    history = next(history for model, history in tracked_models() if model is live)
    table = AuditTable(live, history)
    rows = history._default_manager.filter(**of, **_at("pgh_created_at", before))
    newest = rows.order_by("-pgh_created_at", "-pk").values_list("pgh_created_at", "pk", owner)
    keys = [(Key(at, table.name, number), person) for at, number, person in newest[:size]]
    versions = read_versions([table], [key for key, _ in keys], Mask(None))
    for row, (_, person) in zip(versions, keys, strict=True):
        said = "; ".join(_say(change.name, change.old, change.new) for change in row.changes)
        yield AccountRow(row.at, names[person], f"{row.label} {row.action}: {said}", row.who)


def _say(name: str, old: str, new: str) -> str:
    return f"{name} {old} → {new or 'nothing'}" if old else f"{name} {new}"
