"""What was known then: a study as it was at the end of a past revision, rebuilt from history.

    with as_known(study, revision=41) as then:
        current_basis(then, active_protocol(then))

Inside, each clinical table is hidden by a temporary one of the same name, which holds the study's
rows as their history had them at that revision; so any query and any report answers as it would
have answered then. Nothing can be written that stays: the transaction is rolled back at the end,
and what is kept in memory goes by content alone. People, roles and notifications are those of
today: who may look is asked today.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from functools import cache

from django.apps import apps
from django.db import connection, models, transaction
from psycopg import sql

from ntrust.errors import Refused
from ntrust.models import Study


@contextmanager
def as_known(study: Study, *, revision: int) -> Iterator[Study]:
    """The study as it was known at the end of a revision; see the module's text.

    Refuses (`no_such_revision`) one that has not been.
    """
    now = Study.objects.values_list("revision", flat=True).get(pk=study.pk)
    if not 0 <= revision <= now:
        raise Refused("no_such_revision", f"The study's revisions are 0 to {now}.")
    with transaction.atomic():
        try:
            for model, history in clinical_models():
                _hide(model, history, study=study, revision=revision)
            _hide_study(study, revision)
            yield Study.objects.get(pk=study.pk)
        finally:
            transaction.set_rollback(True)


def revision_at(study: Study, moment: datetime) -> int:
    """The last revision whose change was made at or before a moment; 0 before the first."""
    parts = [
        sql.SQL(
            "SELECT max((pgh_context ->> 'revision')::bigint) FROM {} WHERE "
            "(pgh_context ->> 'study')::bigint = {study} "
            "AND (pgh_context ->> 'at')::timestamptz <= {moment}"
        ).format(sql.Identifier(_table(history)), **_values(study=study.pk, moment=moment))
        for _, history in clinical_models()
        if history is not None
    ]
    parts.append(
        sql.SQL(
            "SELECT max(revision) FROM ntrust_event WHERE study_id = {study} AND at <= {moment}"
        ).format(**_values(study=study.pk, moment=moment))
    )
    query = sql.SQL("SELECT COALESCE(max(max), 0) FROM ({}) found").format(
        sql.SQL(" UNION ALL ").join(parts)
    )
    with connection.cursor() as cursor:
        cursor.execute(query)
        (revision,) = cursor.fetchone()
    return int(revision)


@cache
def clinical_models() -> tuple[tuple[type[models.Model], type[models.Model] | None], ...]:
    """Every table that changes only inside a study change, with its history. A table without one
    is append-only, and its rows say their own revision."""
    histories = {
        model.pgh_tracked_model: model
        for model in apps.get_models()
        if hasattr(model, "pgh_tracked_model")
    }
    return tuple(
        (model, histories.get(model)) for model in apps.get_models() if _is_clinical(model)
    )


def _is_clinical(model: type[models.Model]) -> bool:
    return any(trigger.name == "needs_context" for trigger in getattr(model._meta, "triggers", []))


def _hide(
    model: type[models.Model],
    history: type[models.Model] | None,
    *,
    study: Study,
    revision: int,
) -> None:
    columns = [sql.Identifier(str(field.column)) for field in model._meta.concrete_fields]
    parts = {
        "name": sql.Identifier("pg_temp", _table(model)),
        "table": sql.Identifier("public", _table(history or model)),
        "columns": sql.SQL(", ").join(columns),
        **_values(study=study.pk, revision=revision),
    }
    if history is None:
        query = (
            "CREATE TEMPORARY TABLE {name} ON COMMIT DROP AS SELECT {columns} FROM {table} "
            "WHERE study_id = {study} AND revision <= {revision}"
        )
    else:
        query = (
            "CREATE TEMPORARY TABLE {name} ON COMMIT DROP AS SELECT {columns} FROM "
            "(SELECT DISTINCT ON (pgh_obj_id) * FROM {table} WHERE "
            "(pgh_context ->> 'study')::bigint = {study} AND "
            "(pgh_context ->> 'revision')::bigint <= {revision} "
            "ORDER BY pgh_obj_id, pgh_id DESC) last WHERE pgh_label <> 'delete'"
        )
    with connection.cursor() as cursor:
        cursor.execute(sql.SQL(query).format(**parts))


def _hide_study(study: Study, revision: int) -> None:
    """The study's own row: its state then, and the revision, which its history leaves out."""
    history = next(
        model for model in apps.get_models() if getattr(model, "pgh_tracked_model", None) is Study
    )
    kept = {field.column for field in history._meta.concrete_fields}
    columns = [str(field.column) for field in Study._meta.concrete_fields]
    values = [
        sql.Identifier(column) if column in kept else sql.Literal(revision) for column in columns
    ]
    query = sql.SQL(
        "CREATE TEMPORARY TABLE {name} ON COMMIT DROP AS SELECT {values} FROM {table} "
        "WHERE pgh_obj_id = {study} AND "
        "COALESCE((pgh_context ->> 'revision')::bigint, 0) <= {revision} "
        "ORDER BY pgh_id DESC LIMIT 1"
    ).format(
        name=sql.Identifier("pg_temp", _table(Study)),
        table=sql.Identifier("public", _table(history)),
        values=sql.SQL(", ").join(
            sql.SQL("{} AS {}").format(value, sql.Identifier(column))
            for value, column in zip(values, columns, strict=True)
        ),
        **_values(study=study.pk, revision=revision),
    )
    with connection.cursor() as cursor:
        cursor.execute(query)


def _table(model: type[models.Model]) -> str:
    return model._meta.db_table


def _values(**values: object) -> dict[str, sql.Literal]:
    return {name: sql.Literal(value) for name, value in values.items()}
