"""Columns of a record list: where a value is, and how it is said on a page and in a file."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any, Final

from django.core.exceptions import FieldDoesNotExist, ObjectDoesNotExist
from django.db import models
from django.utils.html import format_html

_LONGEST: Final = 160


@dataclass(frozen=True)
class Column:
    """A heading, and the way from a row to the value: "participant.site.code".

    A choice is said by its label, a row of another table by its name. `read` makes the value of
    what lies there; `order` is what the list is ordered by when it is not the way itself, "-" is
    nothing.
    """

    heading: str
    way: str
    order: str = ""
    read: Callable[[Any], Any] | None = None

    def value(self, row: Any) -> Any:
        """What stands in the cell: text, a number, a moment, a day, yes or no, or nothing."""
        holder, thing = None, row
        for name in self.way.split("."):
            holder = thing
            try:
                thing = getattr(holder, name)
            except ObjectDoesNotExist:
                thing = None
            if thing is None:
                return None
            label = getattr(holder, f"get_{name}_display", None)
            thing = _capital(label()) if label and thing != "" else thing
        if self.read is not None:
            thing = self.read(thing)
        return str(thing) if isinstance(thing, models.Model) else _plain(thing)

    def __call__(self, row: Any) -> str | None:
        """The cell on a page."""
        value = self.value(row)
        said = say(value)
        if said and isinstance(value, date):
            day, _, rest = said.partition(" ")
            return format_html('<span class="unbroken">{}</span> {}', day, rest)
        return f"{said[:_LONGEST]}…" if said and len(said) > _LONGEST else said

    @property
    def __name__(self) -> str:
        return self.heading.lower().replace(" ", "_")

    @property
    def short_description(self) -> str:
        """The heading, as the list asks for it."""
        return self.heading

    @property
    def admin_order_field(self) -> str | None:
        """What the heading orders by, as the list asks for it."""
        return None if self.order == "-" else self.order or self.way.replace(".", "__")


def say(value: Any) -> str | None:
    """A value on a page, as everywhere in the service; None for nothing."""
    if value is None or value == "":
        return None
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, datetime):
        return f"{value.astimezone(UTC):%d-%b-%Y %H:%M} UTC"
    if isinstance(value, date):
        return f"{value:%d-%b-%Y}"
    return f"{value:,f}" if isinstance(value, Decimal) else str(value)


def _plain(value: Any) -> Any:
    """Lists as one text, numbers without noughts that say nothing."""
    if isinstance(value, list | tuple):
        return ", ".join(str(one) for one in value)
    if isinstance(value, Decimal):
        return Decimal(f"{value.normalize():f}")
    return value


def _capital(text: Any) -> str:
    return f"{str(text)[:1].upper()}{str(text)[1:]}"


def joins_of(model: type[models.Model], ways: tuple[str, ...]) -> tuple[str, ...]:
    """The tables to read along with a list, so that no row asks again: those on its ways."""
    joins: set[str] = set()
    for way in ways:
        on_way: list[str] = []
        for holder, name in steps(model, way):
            if _related(holder, name) is None:
                break
            on_way.append(name)
            joins.add("__".join(on_way))
    return tuple(sorted(joins))


def steps(model: type[models.Model], way: str) -> list[tuple[type[models.Model], str]]:
    """Each step of a way, with the table it starts from, as far as tables go."""
    found, here = [], model
    for name in way.split("."):
        found.append((here, name))
        related = _related(here, name)
        if related is None:
            break
        here = related
    return found


def _related(model: type[models.Model], name: str) -> type[models.Model] | None:
    try:
        field = model._meta.get_field(name)
    except FieldDoesNotExist:
        return None
    is_one = field.many_to_one or field.one_to_one
    related = field.related_model if is_one else None
    return related if isinstance(related, type) else None


def heavy_of(
    model: type[models.Model], joins: tuple[str, ...], ways: tuple[str, ...]
) -> tuple[str, ...]:
    """The documents in a list's tables that none of its columns shows, and that stay where they
    are."""
    tables = {"": model}
    for join in joins:
        start, _, name = join.rpartition("__")
        related = _related(tables[start], name)
        assert related is not None
        tables[join] = related
    shown = {way.replace(".", "__") for way in ways}
    return tuple(
        path
        for join, table in tables.items()
        for field in table._meta.concrete_fields
        if isinstance(field, models.JSONField)
        and (path := f"{join}__{field.name}".removeprefix("__")) not in shown
    )
