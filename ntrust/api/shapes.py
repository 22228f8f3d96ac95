"""JSON schemas as parts with names, and a value that fits one."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from ntrust.api.asking import WHEN

_BY_FORMAT: Final = {
    "date-time": WHEN.isoformat(),
    "date": WHEN.date().isoformat(),
    "decimal": "1.5",
    "uri": "https://ntrust.example/",
}
_BY_NAME: Final[Mapping[str, Any]] = {
    "as_of": WHEN.isoformat(),
    "acknowledged_by": "the investigator",
    "counts_after": "1/3 at level 1",
    "counts_before": "0/3 at level 1",
    "dose": "1 x 10^9 cells",
    "code": "S1",
    "criterion": "NOW",
    "disease": "lupus nephritis",
    "key": "ntrust-1",
    "kind": "DLT_REPORTED",
    "next": None,
    "person": "S-001",
    "revision": 41,
    "role": "INVESTIGATOR",
    "rule": "window_over",
    "said": "The seat is confirmed.",
    "screening_number": "S-001",
    "sentence": "The DLT window is open until 30-Mar-2026.",
    "site": "S1",
    "study": "ntrust-1",
    "subject": "P-001",
    "subject_number": "P-001",
    "term": "Fever",
    "timezone": "Europe/Berlin",
    "title": "Confirm the seat",
    "told": ["The medical monitor is told."],
    "label": "Reason",
    "name": "Site 1",
    "shape": "●",
    "text": "Enrol at dose level 1",
    "tone": "plan",
    "trouble": "",
    "unit": "1e9 cells",
    "what": "Signed the decision",
    "who": "the study manager",
    "words": "waiting",
    "url": "/studies/ntrust-1/",
    "version": "C",
    "who_can_clear": "Investigator",
}
_DEEPEST: Final = 14


def named(schema: Any, parts: dict[str, Any]) -> Any:
    """The schema with every object that has a title put into `parts`, once, and referred to."""
    if isinstance(schema, list):
        return [named(one, parts) for one in schema]
    if not isinstance(schema, Mapping):
        return schema
    inside = {key: named(value, parts) for key, value in schema.items()}
    title = inside.get("title")
    if not isinstance(title, str) or "properties" not in inside:
        return inside
    name = title
    while parts.setdefault(name, inside) != inside:
        last = re.search(r"\d+$", name)
        name = f"{title}{int(last.group()) + 1 if last else 2}"
    return {"$ref": f"#/components/schemas/{name}"}


def example_of(schema: Mapping[str, Any], *, name: str = "", depth: int = 0) -> Any:
    """A value that fits the schema; a list of one, nothing that goes on for ever."""
    if "example" in schema:
        return schema["example"]
    if "anyOf" in schema:
        return example_of(schema["anyOf"][0], name=name, depth=depth)
    if "enum" in schema:
        return schema["enum"][0]
    kinds = schema.get("type")
    kind = kinds[0] if isinstance(kinds, list) else kinds
    if kind == "object":
        return _object(schema, depth)
    if kind == "array":
        return _array(schema, name, depth)
    if name in _BY_NAME and _fits(_BY_NAME[name], kinds):
        return _BY_NAME[name]
    if kind == "string":
        return _BY_FORMAT.get(schema.get("format", ""), name.replace("_", " ") or "text")
    return {"integer": 1, "number": 1, "boolean": True}.get(str(kind))


def _object(schema: Mapping[str, Any], depth: int) -> dict[str, Any]:
    if depth > _DEEPEST:
        return {}
    properties = schema.get("properties", {})
    return {
        name: example_of(inside, name=name, depth=depth + 1) for name, inside in properties.items()
    }


def _array(schema: Mapping[str, Any], name: str, depth: int) -> list[Any]:
    if isinstance(_BY_NAME.get(name), list):
        return list(_BY_NAME[name])
    if depth > _DEEPEST or not schema.get("items"):
        return []
    return [example_of(schema["items"], name=name.removesuffix("s"), depth=depth + 1)]


def _fits(value: Any, kinds: Any) -> bool:
    allowed = kinds if isinstance(kinds, list) else [kinds]
    word = {str: "string", int: "integer", type(None): "null"}.get(type(value))
    return word in allowed
