"""Rows of the audit trail: who changed what from what to what, when and why. Newest first.

A page costs the same number of statements however long the trail is: one for the keys of the rows,
one for the rows with the version before each, and one for each kind of thing they name.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from django.db import connection, models
from psycopg import sql

from cohorts.models import DoseLevel, Participant
from cohorts.queries.viewers import Mask, Viewer, mask_for
from ntrust.models import Site, User
from safety.queries.audit.filters import AuditFilter, conditions
from safety.queries.audit.tables import AuditTable, about, audit_tables
from safety.queries.audit.words import FieldChange, name_changes

PAGE: Final = 50
_ACTIONS: Final = {"insert": "entered", "update": "changed", "delete": "removed"}
_NAMED: Final = (User, Participant, Site, DoseLevel)
"""What is named by more than its number."""


@dataclass(frozen=True)
class AuditRow:
    """One version of one row. `at` is the server's time of the write, UTC."""

    at: datetime
    revision: int | None
    table: str
    label: str
    row: int
    subject: str
    action: str
    who: str
    username: str
    reason: str
    request: str
    changes: tuple[FieldChange, ...]


@dataclass(frozen=True)
class AuditPage:
    """`older` goes on before the last row; empty at the end."""

    rows: tuple[AuditRow, ...]
    older: str


@dataclass(frozen=True)
class Key:
    """Where a row stands in the trail."""

    at: datetime
    table: str
    number: int

    def __str__(self) -> str:
        return f"{self.at.isoformat()}~{self.table}~{self.number}"


def read_key(text: str) -> Key | None:
    """The key that an address names; None for anything else."""
    at, _, rest = text.partition("~")
    table, _, number = rest.partition("~")
    try:
        moment = datetime.fromisoformat(at)
        position = int(number)
    except ValueError:
        return None
    known = any(each.name == table for each in audit_tables())
    is_good = known and moment.tzinfo is not None and abs(position) < 2**62
    return Key(moment, table, position) if is_good else None


def read_audit(
    viewer: Viewer, asked: AuditFilter, *, before: Key | None = None, size: int = PAGE
) -> AuditPage:
    """A page of what this person may read and asked for."""
    keys = _keys(viewer, asked, before=before, size=size + 1)
    rows = read_versions(audit_tables(), keys[:size], mask_for(viewer))
    return AuditPage(rows, str(keys[size - 1]) if len(keys) > size else "")


def every_row(viewer: Viewer, asked: AuditFilter, *, size: int = 500) -> Iterator[AuditRow]:
    """All of it, newest first, `size` rows in memory."""
    mask, before = mask_for(viewer), None
    while keys := _keys(viewer, asked, before=before, size=size):
        yield from read_versions(audit_tables(), keys, mask)
        before = keys[-1]


def _keys(viewer: Viewer, asked: AuditFilter, *, before: Key | None, size: int) -> list[Key]:
    parts = []
    for table in audit_tables():
        wanted = conditions(table, viewer, asked)
        if wanted is not None:
            parts.append(_keys_of(table, [*wanted, *_after(table, before)], size))
    if not parts:
        return []
    query = sql.SQL("SELECT * FROM ({}) k ORDER BY 1 DESC, 2, 3 DESC LIMIT {}").format(
        sql.SQL(" UNION ALL ").join(parts), sql.Literal(size)
    )
    with connection.cursor() as cursor:
        cursor.execute(query)
        return [Key(*row) for row in cursor.fetchall()]


def _keys_of(table: AuditTable, wanted: list[Any], size: int) -> sql.Composed:
    return sql.SQL(
        "(SELECT h.pgh_created_at, {name}, h.pgh_id FROM {table} h WHERE {wanted} "
        "ORDER BY 1 DESC, 3 DESC LIMIT {size})"
    ).format(
        name=sql.Literal(table.name),
        table=table.sql_name,
        wanted=sql.SQL(" AND ").join(wanted),
        size=sql.Literal(size),
    )


def _after(table: AuditTable, before: Key | None) -> list[sql.Composed]:
    if before is None:
        return []
    at = sql.Literal(before.at)
    if table.name > before.table:
        return [sql.SQL("h.pgh_created_at <= {}").format(at)]
    if table.name < before.table:
        return [sql.SQL("h.pgh_created_at < {}").format(at)]
    return [
        sql.SQL("(h.pgh_created_at, h.pgh_id) < ({}, {})").format(at, sql.Literal(before.number))
    ]


def read_versions(
    among: Iterable[AuditTable], keys: Sequence[Key], mask: Mask
) -> tuple[AuditRow, ...]:
    """The versions that keys name, in their order."""
    wanted = defaultdict(list)
    for key in keys:
        wanted[key.table].append(key.number)
    tables = {table.name: table for table in among if table.name in wanted}
    if not tables:
        return ()
    parts = [_versions(table, wanted[name]) for name, table in tables.items()]
    with connection.cursor() as cursor:
        cursor.execute(sql.SQL(" UNION ALL ").join(parts))
        found = {(row[0], row[1]): _version(tables, row) for row in cursor.fetchall()}
    versions = [found[key.table, key.number] for key in keys]
    names = _names(versions)
    return tuple(_row(version, names, mask) for version in versions)


@dataclass(frozen=True)
class _Version:
    """A version of a row, the version before it, and the participant it is about."""

    table: AuditTable
    row: int
    action: str
    at: datetime
    context: dict[str, Any]
    new: dict[str, Any]
    old: dict[str, Any]
    participant: int | None

    def foreign(self) -> Iterator[tuple[type[models.Model], int]]:
        """What its fields name: model and number."""
        for field in self.table.live._meta.concrete_fields:
            for values in (self.new, self.old):
                value, target = values.get(str(field.column)), field.related_model
                if value is not None and isinstance(target, type):
                    yield target, value


def _version(tables: Mapping[str, AuditTable], row: Sequence[Any]) -> _Version:
    name, _, number, action, at, context, new, old, participant = row
    said = [json.loads(text) if text else {} for text in (context, new, old)]
    return _Version(tables[name], number, action, at, said[0], said[1], said[2], participant)


def _versions(table: AuditTable, numbers: list[int]) -> sql.Composed:
    participant = about(table.live, Participant, sql.SQL("h"))
    return sql.SQL(
        "SELECT {name}, h.pgh_id, h.pgh_obj_id, h.pgh_label, h.pgh_created_at, h.pgh_context::text,"
        " to_jsonb(h)::text, (SELECT to_jsonb(p)::text FROM {table} p WHERE p.pgh_obj_id ="
        " h.pgh_obj_id AND p.pgh_id < h.pgh_id ORDER BY p.pgh_id DESC LIMIT 1), {participant}"
        " FROM {table} h WHERE h.pgh_id = ANY({numbers})"
    ).format(
        name=sql.Literal(table.name),
        table=table.sql_name,
        participant=participant or sql.SQL("NULL::bigint"),
        numbers=sql.Literal(numbers),
    )


Names = Mapping[tuple[type[models.Model], int], str]


def _names(versions: list[_Version]) -> Names:
    """What the rows name, in words: one statement for each model of `_NAMED` that they name."""
    wanted: defaultdict[type[models.Model], set[int]] = defaultdict(set)
    for version in versions:
        for model, number in version.foreign():
            wanted[model].add(number)
        if version.participant is not None:
            wanted[Participant].add(version.participant)
        if isinstance(by := version.context.get("user"), int):
            wanted[User].add(by)
    return {
        (model, number): str(thing)
        for model in _NAMED
        if wanted[model]
        for number, thing in model._default_manager.in_bulk(wanted[model]).items()
    }


def _row(version: _Version, names: Names, mask: Mask) -> AuditRow:
    context = version.context
    by = context.get("user")
    revision = context.get("revision")
    subject = names.get((Participant, version.participant or 0), "")
    return AuditRow(
        at=version.at,
        revision=revision if isinstance(revision, int) else None,
        table=version.table.name,
        label=version.table.label,
        row=version.row,
        subject=mask.cover(subject),
        action=_ACTIONS.get(version.action, version.action),
        who=names.get((User, by), "") if isinstance(by, int) else "the service",
        username=str(context.get("username") or ""),
        reason=mask.cover(str(context.get("reason") or "")),
        request=str(context.get("request") or ""),
        changes=name_changes(
            version.table.live, version.action, version.old, version.new, names, mask
        ),
    )
