"""Rows of queries as JSON, and what such JSON looks like, both from the dataclasses themselves.

A field is what its type says: moments in ISO 8601 with their offset, decimal numbers as text,
spans in seconds. Of a row of a table its number alone: nothing is said by the way. A name that
begins with _ stays here.
"""

from __future__ import annotations

import types
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from enum import Enum
from functools import cache
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from django.db.models import Model
from django.utils.functional import Promise


def plain(value: Any) -> Any:
    """The value as JSON has it."""
    if isinstance(value, Enum):
        return plain(value.value)
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, str):
        return str(value)
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, timedelta):
        return value.total_seconds()
    if is_dataclass(value) and not isinstance(value, type):
        return {name: plain(getattr(value, name)) for name in _names(type(value))}
    if isinstance(value, Mapping):
        return {str(key): plain(one) for key, one in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(one) for one in value]
    if isinstance(value, Model):
        return value.pk
    return str(value)


def _names(kind: type) -> list[str]:
    return [field.name for field in fields(kind) if not field.name.startswith("_")]


_SCALARS: dict[Any, dict[str, Any]] = {
    bool: {"type": "boolean"},
    int: {"type": "integer"},
    float: {"type": "number"},
    str: {"type": "string"},
    Promise: {"type": "string"},
    Decimal: {"type": "string", "format": "decimal"},
    datetime: {"type": "string", "format": "date-time"},
    date: {"type": "string", "format": "date"},
    timedelta: {"type": "number", "description": "seconds"},
    Any: {},
    object: {},
}


def schema_of(hint: Any, *, inside: tuple[Any, ...] = ()) -> dict[str, Any]:
    """The JSON schema of what `plain` makes of a value of this type."""
    if hint in _SCALARS:
        return dict(_SCALARS[hint])
    if hint in inside:
        return {"type": "object"}
    origin, arguments = get_origin(hint), get_args(hint)
    if origin in (Union, types.UnionType):
        return _either(arguments, inside)
    if origin is Literal:
        return {"enum": list(arguments)}
    kind = origin or hint
    if isinstance(kind, type):
        if is_dataclass(kind):
            return _object(kind, inside)
        if issubclass(kind, Model):
            return {"type": "integer"}
        if issubclass(kind, Enum):
            return {"enum": [plain(one) for one in kind]}
        if issubclass(kind, Mapping):
            more = schema_of(arguments[1], inside=inside) if arguments else {}
            return {"type": "object", "additionalProperties": more}
        if issubclass(kind, list | tuple | set | frozenset) or _is_sequence(kind):
            return {"type": "array", "items": _items(arguments, inside)}
    return {"type": "string"}


def _is_sequence(kind: type) -> bool:
    return kind.__module__ == "collections.abc" and kind.__name__ in ("Sequence", "Iterable")


def _items(arguments: tuple[Any, ...], inside: tuple[Any, ...]) -> dict[str, Any]:
    kinds = [one for one in dict.fromkeys(arguments) if one is not Ellipsis]
    return _either(tuple(kinds), inside) if kinds else {}


def _either(kinds: tuple[Any, ...], inside: tuple[Any, ...]) -> dict[str, Any]:
    found = [schema_of(one, inside=inside) for one in kinds if one is not type(None)]
    if type(None) in kinds:
        found.append({"type": "null"})
    return found[0] if len(found) == 1 else {"anyOf": found}


@cache
def _hints_of(kind: type) -> dict[str, Any]:
    """Reading them from the source's text takes a while."""
    return get_type_hints(kind)


def _object(kind: type, inside: tuple[Any, ...]) -> dict[str, Any]:
    hints = _hints_of(kind)
    within = (*inside, kind)
    names = _names(kind)
    return {
        "type": "object",
        "title": kind.__name__,
        "properties": {name: schema_of(hints[name], inside=within) for name in names},
        "required": names,
    }
