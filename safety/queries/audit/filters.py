"""What somebody looks for in the audit trail, as they typed it and as the database is asked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Final

from psycopg import sql

from cohorts.models import Participant
from cohorts.queries.viewers import Viewer
from ntrust.models import Membership
from safety.queries.audit.tables import AuditTable, Condition, among, of_sites, table_of

NAMES: Final = ("participant", "table", "field", "user", "since", "until", "reason")
_LONGEST: Final = 200


@dataclass(frozen=True)
class AuditFilter:
    """Empty means all. Moments are UTC."""

    participant: str = ""
    table: str = ""
    field: str = ""
    user: str = ""
    since: datetime | None = None
    until: datetime | None = None
    reason: str = ""

    def said(self) -> dict[str, str]:
        """What was asked for, in plain text; nothing for what was not."""
        return {
            name: value.isoformat() if isinstance(value, datetime) else value
            for name, value in asdict(self).items()
            if value
        }


def read_filter(asked: Mapping[str, str]) -> AuditFilter:
    """The filter of an address or a form; a moment that is none is left out."""
    words = {name: asked.get(name, "").replace("\x00", "").strip()[:_LONGEST] for name in NAMES}
    return AuditFilter(
        participant=words["participant"],
        table=words["table"],
        field=words["field"],
        user=words["user"],
        since=_moment(words["since"]),
        until=_moment(words["until"]),
        reason=words["reason"],
    )


def _moment(text: str) -> datetime | None:
    try:
        moment = datetime.fromisoformat(text)
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def conditions(table: AuditTable, viewer: Viewer, asked: AuditFilter) -> list[Condition] | None:
    """What the rows `h` of a table have to meet; None when none of them can."""
    if asked.table not in ("", table.name):
        return None
    found = [_of_study(table, viewer)]
    if not viewer.sees_every_site:
        found.append(of_sites(table.live, viewer.investigates))
    if asked.participant:
        found.append(among(table.live, Participant, _numbered(viewer, asked.participant)))
    if asked.field:
        changed = _changed(table, asked.field)
        if changed is None:
            return None
        found.append(changed)
    if asked.user:
        found.append(_equals("h.pgh_context ->> 'username'", asked.user))
    if asked.reason:
        found.append(
            sql.SQL("position(lower({}) in lower(h.pgh_context ->> 'reason')) > 0").format(
                sql.Literal(asked.reason)
            )
        )
    if asked.since:
        found.append(sql.SQL("h.pgh_created_at >= {}").format(sql.Literal(asked.since)))
    if asked.until:
        found.append(sql.SQL("h.pgh_created_at <= {}").format(sql.Literal(asked.until)))
    return found


def _of_study(table: AuditTable, viewer: Viewer) -> Condition:
    study = sql.Literal(viewer.study.pk)
    if table.live is Membership:
        return sql.SQL("h.study_id = {}").format(study)
    return sql.SQL("(h.pgh_context ->> 'study')::bigint = {}").format(study)


def _numbered(viewer: Viewer, number: str) -> sql.Composed:
    """Participants of the study who have, or had, this number."""
    table = table_of(Participant)
    assert table is not None
    return sql.SQL(
        "SELECT pgh_obj_id FROM {table} WHERE study_id = {study} "
        "AND {number} IN (lower(subject_number), lower(screening_number))"
    ).format(
        table=table.sql_name,
        study=sql.Literal(viewer.study.pk),
        number=sql.Literal(number.lower()),
    )


def _changed(table: AuditTable, name: str) -> Condition | None:
    """Whether the field was entered or changed with this row."""
    field = table.field(name)
    if field is None or field.primary_key:
        return None
    return sql.SQL(
        "(h.pgh_label <> 'update' OR h.{column} IS DISTINCT FROM (SELECT p.{column} FROM {table} p "
        "WHERE p.pgh_obj_id = h.pgh_obj_id AND p.pgh_id < h.pgh_id "
        "ORDER BY p.pgh_id DESC LIMIT 1))"
    ).format(column=sql.Identifier(str(field.column)), table=table.sql_name)


def _equals(expression: str, value: str) -> Condition:
    return sql.SQL("{} = {}").format(sql.SQL(expression), sql.Literal(value))
