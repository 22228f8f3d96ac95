"""Whether the trail is kept: live rows against their history, triggers against the code.

Who writes past the triggers leaves a row that differs from the last version in its history, or that
no history knows, or a history that goes on without its row. Who removes a trigger leaves a gap.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from django.apps import apps
from django.db import connection, models
from psycopg import sql

IGNORE_FUNCTION: Final = "_pgtrigger_should_ignore"
NEVER_IGNORED: Final = (
    f'CREATE OR REPLACE FUNCTION "public".{IGNORE_FUNCTION}(trigger_name NAME) RETURNS BOOLEAN '
    "AS $$ BEGIN RETURN FALSE; END; $$ LANGUAGE plpgsql"
)
"""Every trigger asks this function whether to stand aside; the library's own asks a setting that
any session may make. `manage.py migrate` puts this one in its place."""


@dataclass(frozen=True)
class Stray:
    """A live row and its history that do not agree."""

    table: str
    row: int
    revision: int | None
    sentence: str


def tracked_models() -> list[tuple[type[models.Model], type[models.Model]]]:
    """Every model whose versions are kept, with the model of its history."""
    return [
        (history.pgh_tracked_model, history)
        for history in apps.get_models()
        if hasattr(history, "pgh_tracked_model")
    ]


def find_strays(*, most: int) -> Iterator[Stray]:
    """Live rows that differ from the last version in their history; `most` of each table."""
    for live, history in tracked_models():
        yield from _strays_of(live, history, most)


def _kept_columns(live: type[models.Model], history: type[models.Model]) -> list[str]:
    kept = {field.column for field in history._meta.concrete_fields}
    return [str(field.column) for field in live._meta.concrete_fields if field.column in kept]


def _strays_of(live: type[models.Model], history: type[models.Model], most: int) -> Iterator[Stray]:
    columns = _kept_columns(live, history)
    values = {
        alias: sql.SQL(", ").join(sql.Identifier(alias, column) for column in columns)
        for alias in ("t", "h")
    }
    query = sql.SQL(
        "SELECT COALESCE(t.{key}, h.pgh_obj_id), t.{key} IS NOT NULL, h.pgh_label, "
        "h.pgh_context ->> 'revision', to_jsonb(t), to_jsonb(h) FROM "
        "(SELECT DISTINCT ON (pgh_obj_id) * FROM {history} ORDER BY pgh_obj_id, pgh_id DESC) h "
        "FULL JOIN {live} t ON t.{key} = h.pgh_obj_id WHERE "
        "(t.{key} IS NULL AND h.pgh_label <> 'delete') OR (t.{key} IS NOT NULL AND "
        "(h.pgh_label IS NULL OR h.pgh_label = 'delete' OR "
        "ROW({new}) IS DISTINCT FROM ROW({old}))) ORDER BY 1 LIMIT {most}"
    ).format(
        key=sql.Identifier(str(live._meta.pk.column)),
        history=sql.Identifier(history._meta.db_table),
        live=sql.Identifier(live._meta.db_table),
        new=values["t"],
        old=values["h"],
        most=sql.Literal(most),
    )
    with connection.cursor() as cursor:
        cursor.execute(query)
        found = cursor.fetchall()
    for row, is_there, label, revision, now, kept in found:
        said = _differs(columns, is_there, label, now, kept)
        yield Stray(live._meta.db_table, row, int(revision) if revision else None, said)


def _differs(columns: list[str], is_there: bool, label: str | None, now: Any, kept: Any) -> str:
    if not is_there:
        return "was removed, and its history does not say so"
    if label is None:
        return "was entered, and no history knows it"
    if label == "delete":
        return "is there, and its history says that it was removed"
    now, kept = _plain(now), _plain(kept)
    names = [column for column in columns if now.get(column) != kept.get(column)]
    return f"differs from the last version in its history: {', '.join(names)}"


def _plain(row: Any) -> dict[str, Any]:
    plain: dict[str, Any] = row if isinstance(row, dict) else json.loads(row)
    return plain


def find_trigger_faults() -> Iterator[tuple[str, str]]:
    """(table, sentence) for each trigger of the code that is missing, off or another."""
    there = _triggers_there()
    for model in apps.get_models():
        table = model._meta.db_table
        for trigger in getattr(model._meta, "triggers", []):
            name = trigger.get_pgid(model)
            is_on, body = there.get((table, name), (None, ""))
            if is_on is None:
                yield table, f"the trigger {trigger.name} is missing"
            elif not is_on:
                yield table, f"the trigger {trigger.name} is switched off"
            elif _flat(body) not in _flat(str(trigger.compile(model).install_sql)):
                yield table, f"the trigger {trigger.name} does something else than the code says"
    with connection.cursor() as cursor:
        cursor.execute("SELECT prosrc FROM pg_proc WHERE proname = %s", [IGNORE_FUNCTION])
        if any(_flat(body) not in _flat(NEVER_IGNORED) for (body,) in cursor.fetchall()):
            yield (
                IGNORE_FUNCTION,
                "a session can tell the triggers to stand aside: run `manage.py migrate`",
            )


def _triggers_there() -> dict[tuple[str, str], tuple[bool, str]]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT c.relname, t.tgname, t.tgenabled IN ('O', 'A'), p.prosrc FROM pg_trigger t "
            "JOIN pg_class c ON c.oid = t.tgrelid JOIN pg_proc p ON p.oid = t.tgfoid "
            "WHERE NOT t.tgisinternal"
        )
        return {(table, name): (is_on, body) for table, name, is_on, body in cursor.fetchall()}


def _flat(text: str) -> str:
    return " ".join(text.split())
