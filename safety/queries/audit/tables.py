"""The tables of the audit trail, and how their rows hang on a participant and a site."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from itertools import pairwise

from django.db import models
from psycopg import sql

from cohorts.models import Participant
from ntrust.models import Membership, Site, Study, User
from ntrust.past import clinical_models
from ntrust.tracking import tracked_models

Condition = sql.Composed | sql.SQL


@dataclass(frozen=True)
class AuditTable:
    """A table whose versions are kept: `live` and the model of its history."""

    live: type[models.Model]
    history: type[models.Model]

    @property
    def name(self) -> str:
        """In an address: the model's name in small letters."""
        return str(self.live._meta.model_name)

    @property
    def label(self) -> str:
        """For people: what one row is."""
        return str(self.live._meta.verbose_name).capitalize()

    @property
    def sql_name(self) -> sql.Identifier:
        return sql.Identifier(self.history._meta.db_table)

    def field(self, name: str) -> models.Field | None:  # type: ignore[type-arg]
        """The field of this name, where history keeps it."""
        kept = {field.name for field in self.history._meta.concrete_fields}
        fields = self.live._meta.concrete_fields
        return next((f for f in fields if f.name == name and name in kept), None)


@cache
def audit_tables() -> tuple[AuditTable, ...]:
    """Everything clinical that has history, and the roles; in order of their names."""
    clinical = [AuditTable(live, history) for live, history in clinical_models() if history]
    roles = [AuditTable(live, history) for live, history in tracked_models() if live is Membership]
    return tuple(sorted([*clinical, *roles], key=lambda table: table.name))


@cache
def table_of(live: type[models.Model]) -> AuditTable | None:
    """The audit table of a model."""
    return next((table for table in audit_tables() if table.live is live), None)


def field_names() -> list[str]:
    """Every field that a row of the trail can show, once."""
    return sorted(
        {
            field.name
            for table in audit_tables()
            for field in table.live._meta.concrete_fields
            if not field.primary_key
        }
    )


@cache
def way_to(live: type[models.Model], goal: type[models.Model]) -> tuple[str, ...] | None:
    """Columns that lead from a row to the row of `goal` it is about; None when it is about none.

    The shortest way, by the foreign keys of the tables that history keeps.
    """
    ways: list[tuple[type[models.Model], tuple[str, ...]]] = [(live, ())]
    seen = {live}
    while ways:
        model, way = ways.pop(0)
        if model is goal:
            return way
        for field in model._meta.concrete_fields:
            target = field.related_model
            if (
                isinstance(field, models.ForeignKey)
                and isinstance(target, type)
                and target not in seen
                and target not in (User, Study)
                and (target is goal or (goal is Participant and _may_pass(target)))
            ):
                seen.add(target)
                ways.append((target, (*way, str(field.column))))
    return None


def _may_pass(model: type[models.Model]) -> bool:
    """A site leads nowhere; neither does what belongs to the study as a whole."""
    return model is not Site and table_of(model) is not None


def about(live: type[models.Model], goal: type[models.Model], row: sql.SQL) -> sql.Composed | None:
    """An expression for the number of the `goal` that a row of history is about."""
    way = way_to(live, goal)
    if way is None:
        return None
    if not way:
        return sql.SQL("{}.pgh_obj_id").format(row)
    value = sql.SQL("{}.{}").format(row, sql.Identifier(way[0]))
    model = live
    for column, following in pairwise(way):
        model = _target(model, column)
        table = table_of(model)
        assert table is not None
        value = sql.SQL(
            "(SELECT w.{} FROM {} w WHERE w.pgh_obj_id = {} ORDER BY w.pgh_id LIMIT 1)"
        ).format(sql.Identifier(following), table.sql_name, value)
    return value


def _target(model: type[models.Model], column: str) -> type[models.Model]:
    field = next(f for f in model._meta.concrete_fields if f.column == column)
    target = field.related_model
    assert isinstance(target, type)
    return target


def among(live: type[models.Model], goal: type[models.Model], ids: sql.Composable) -> Condition:
    """Whether a row `h` of history is about a `goal` whose number is among `ids` (a query)."""
    way = way_to(live, goal)
    if way is None:
        return sql.SQL("false")
    if not way:
        return sql.SQL("h.pgh_obj_id IN ({})").format(ids)
    models_on_way = [live]
    for column in way[:-1]:
        models_on_way.append(_target(models_on_way[-1], column))
    for model, column in reversed(list(zip(models_on_way[1:], way[1:], strict=True))):
        table = table_of(model)
        assert table is not None
        ids = sql.SQL("SELECT pgh_obj_id FROM {} WHERE {} IN ({})").format(
            table.sql_name, sql.Identifier(column), ids
        )
    return sql.SQL("h.{} IN ({})").format(sql.Identifier(way[0]), ids)


def of_sites(live: type[models.Model], sites: frozenset[int]) -> Condition:
    """Whether a row `h` of history belongs to one of these sites: by its participant, or itself."""
    numbers = sql.Literal(sorted(sites))
    if way_to(live, Participant) is not None:
        table = table_of(Participant)
        assert table is not None
        people = sql.SQL("SELECT pgh_obj_id FROM {} WHERE site_id = ANY({})").format(
            table.sql_name, numbers
        )
        return among(live, Participant, people)
    if live is Membership:
        return sql.SQL("false")
    way = way_to(live, Site)
    if way is None:
        return sql.SQL("false")
    column = sql.Identifier("pgh_obj_id" if not way else way[0])
    return sql.SQL("h.{} = ANY({})").format(column, numbers)
