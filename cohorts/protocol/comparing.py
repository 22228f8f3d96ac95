"""Two protocol documents side by side, field by field; and what in one is illustrative.

A path is written in the schema's words; things with an id, key or ordinal are named by it:
`window.days`, `dlt_criteria[D2].clock_hours`, `ladder.levels[-1].dose`. Their order says nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import Enum
from typing import Any, Final

from cohorts.protocol.document import ProtocolDocument

ABSENT: Final = "not there"
_IDENTITIES: Final = ("id", "key", "ordinal", "drug")
_MARK: Final = "illustrative"
_EMPTY: Final[tuple[Any, ...]] = (None, "", (), {})


@dataclass(frozen=True)
class FieldChange:
    """A field that differs; a value that is on one side only is `ABSENT` on the other."""

    path: str
    old: str
    new: str

    @property
    def is_added(self) -> bool:
        return self.old == ABSENT

    @property
    def is_removed(self) -> bool:
        return self.new == ABSENT


@dataclass(frozen=True)
class FieldValue:
    """A field of a document; `is_illustrative`: it, or what it belongs to, is not public."""

    path: str
    value: str
    is_illustrative: bool


def compare_documents(old: ProtocolDocument, new: ProtocolDocument) -> tuple[FieldChange, ...]:
    """Every field that differs, in the schema's order. A thing of a list that came or went is one
    change; the order of named things is not compared."""
    return tuple(_changes(_plain(old), _plain(new), ""))


def _changes(old: Any, new: Any, path: str) -> Iterator[FieldChange]:
    before, after = _parts(old), _parts(new)
    if before is None or after is None or not (before and after):
        if old != new:
            yield FieldChange(path, say(old), say(new))
        return
    for part in (*before, *(part for part in after if part not in before)):
        at = f"{path}{part}".removeprefix(".")
        if part not in after:
            yield FieldChange(at, say(before[part]), ABSENT)
        elif part not in before:
            yield FieldChange(at, ABSENT, say(after[part]))
        else:
            yield from _changes(before[part], after[part], at)


def _parts(value: Any) -> dict[str, Any] | None:
    """The named parts of a value: a mapping's fields, a list's things; None for a plain value."""
    if isinstance(value, Mapping):
        return {f".{name}": each for name, each in value.items()}
    names = _names_of(value)
    if names is None:
        return None
    return {f"[{name}]": each for name, each in zip(names, value, strict=True)}


def read_fields(document: ProtocolDocument) -> tuple[FieldValue, ...]:
    """The whole document, field by field, without those that are empty."""
    return tuple(
        FieldValue(path, say(value), is_illustrative)
        for path, value, is_illustrative in _leaves(_plain(document), "", is_illustrative=False)
        if value not in _EMPTY
    )


def illustrative_paths(document: ProtocolDocument) -> tuple[str, ...]:
    """Paths of the parts that carry `illustrative: true`."""
    return tuple(_marked(_plain(document), ""))


def _marked(value: Any, path: str) -> Iterator[str]:
    if isinstance(value, Mapping) and value.get(_MARK) is True:
        yield path
    for part, each in (_parts(value) or {}).items():
        yield from _marked(each, f"{path}{part}".removeprefix("."))


def say(value: Any) -> str:
    """A value in words: yes and no, lists with commas, decimals without idle zeros."""
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Decimal):
        return format(value.normalize(), "f")
    if isinstance(value, Enum):
        return str(value.value)
    if isinstance(value, Mapping):
        given = {name: each for name, each in value.items() if each not in _EMPTY}
        if given.get(_MARK) is False:
            del given[_MARK]
        named = (f"{name}: {say(each)}" for name, each in given.items())
        return "; ".join(named) or "none"
    if isinstance(value, Sequence) and not isinstance(value, str):
        return ", ".join(map(say, value)) or "none"
    return str(value)


def _plain(document: ProtocolDocument) -> dict[str, Any]:
    return document.model_dump(mode="python", by_alias=True)


def _leaves(value: Any, path: str, *, is_illustrative: bool) -> Iterator[tuple[str, Any, bool]]:
    """Path, value and mark of every plain value; the marks themselves are left out."""
    parts = _parts(value)
    if not parts:
        yield path, value, is_illustrative
        return
    if isinstance(value, Mapping):
        is_illustrative = is_illustrative or value.get(_MARK) is True
    for part, each in parts.items():
        if part != f".{_MARK}":
            at = f"{path}{part}".removeprefix(".")
            yield from _leaves(each, at, is_illustrative=is_illustrative)


def _names_of(value: Any) -> list[str] | None:
    """How the things of a list are named: by identity, else by number; None for plain values."""
    if not isinstance(value, list | tuple) or not value:
        return None
    if not all(isinstance(each, Mapping) for each in value):
        return None
    for identity in _IDENTITIES:
        names = [say(each.get(identity)) for each in value]
        if all(identity in each for each in value) and len(set(names)) == len(names):
            return names
    return [str(number) for number in range(1, len(value) + 1)]
