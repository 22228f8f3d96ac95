"""Forms as JSON schemas, with an entry that is one: what to send to an act."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

from django import forms
from django.core.validators import RegexValidator

from ntrust.acts import SignForm
from ntrust.api.entries import choices_of, kind_of

WHEN: Final = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
"""The moment of examples."""
_ENTRIES: Final[Mapping[str, Any]] = {
    "username": "your.name",
    "password": "your password",
    "code": "A12",
    "reason": "Agreed with the site on the telephone.",
    "term": "Fever",
    "grading_system": "CTCAE v5.0",
    "criterion": "NOW",
    "disease": "lupus nephritis",
    "viability": 0.9,
    "url": "https://hooks.example.org/ntrust",
    "screening_number": "S-001",
    "level": 1,
    "lot": 1,
    "site": "S1",
    "time": "09:30",
    "dose": 500,
}
_DEPENDS: Final = "Its choices depend on the study: GET says them."


def schema_of_form(form: type[forms.Form], *, varies: bool) -> dict[str, Any]:
    """What a form takes, as an object. Where it `varies`, fields beyond these may be asked for."""
    fields = fields_of(form)
    schema: dict[str, Any] = {
        "type": "object",
        "properties": {name: schema_of_field(name, field) for name, field in fields.items()},
        "required": [name for name, field in fields.items() if _is_needed(form, name, field)],
        "additionalProperties": varies,
    }
    if varies:
        schema["description"] = "Its fields depend on what it is about: GET says them, all."
    return {key: value for key, value in schema.items() if value != []}


def fields_of(form: type[forms.Form]) -> dict[str, forms.Field]:
    """The fields of a form by name."""
    fields: dict[str, forms.Field] = form.base_fields
    return fields


def takes_files(form: type[forms.Form] | None) -> bool:
    """Whether a form takes a file: it is sent as multipart/form-data then."""
    fields = fields_of(form).values() if form is not None else ()
    return any(isinstance(field, forms.FileField) for field in fields)


def _is_needed(form: type[forms.Form], name: str, field: forms.Field) -> bool:
    is_own_code = issubclass(form, SignForm) and name == "code"
    return field.required and not is_own_code


def schema_of_field(name: str, field: forms.Field) -> dict[str, Any]:
    """One field: its type, its limits, its choices and its words."""
    schema = {**_typed(field), **_worded(name, field)}
    if not field.required:
        kinds = schema.get("type")
        if isinstance(kinds, str | list):
            schema["type"] = [*([kinds] if isinstance(kinds, str) else kinds), "null"]
        if "enum" in schema:
            schema["enum"] = list(dict.fromkeys([*schema["enum"], "", None]))
    return schema


def _typed(field: forms.Field) -> dict[str, Any]:
    kind = kind_of(field)
    if kind in ("date-time", "date"):
        return {"type": "string", "format": kind}
    if kind == "file":
        return {"type": "string", "contentMediaType": "application/octet-stream"}
    if kind == "choices":
        return {"type": "array", "items": _choice(field)}
    if kind == "choice":
        return _choice(field)
    if kind == "boolean":
        return {"type": "boolean"}
    if kind in ("number", "integer"):
        return {"type": kind, **_between(field)}
    return {"type": "string", **_long(field)}


def _choice(field: forms.Field) -> dict[str, Any]:
    values = [choice.value for choice in choices_of(field)]
    if not [value for value in values if value] or isinstance(field, forms.ModelChoiceField):
        return {"type": ["string", "integer"]}
    return {"enum": values}


def _between(field: forms.Field) -> dict[str, Any]:
    limits = {"minimum": "min_value", "maximum": "max_value"}
    found = {word: getattr(field, name, None) for word, name in limits.items()}
    return {word: _number(limit) for word, limit in found.items() if limit is not None}


def _number(limit: Any) -> int | float:
    value = float(limit() if callable(limit) else limit)
    return int(value) if value.is_integer() else value


def _long(field: forms.Field) -> dict[str, Any]:
    said: dict[str, Any] = {"minLength": 1} if field.required else {}
    longest = getattr(field, "max_length", None)
    if longest:
        said["maxLength"] = longest
    if isinstance(field, forms.URLField):
        said["format"] = "uri"
    for one in field.validators:
        if isinstance(one, RegexValidator) and not isinstance(field, forms.URLField):
            said["description"] = str(one.message)
    return said


def _worded(name: str, field: forms.Field) -> dict[str, Any]:
    label = str(field.label or name.replace("_", " "))
    said = [label.rstrip(".") + "."]
    if field.help_text:
        said.append(str(field.help_text))
    if isinstance(field.widget, forms.PasswordInput):
        said.append("Not kept.")
    is_code = name == "code" and field.label == fields_of(SignForm)["code"].label
    if is_code:
        said.append("Asked for only where you have set such an app up.")
    if kind_of(field) == "date-time":
        said.append("Without an offset it is the site's time.")
    if kind_of(field) == "choice" and "enum" not in _choice(field):
        said.append(_DEPENDS)
    words = {choice.value: choice.label for choice in choices_of(field) if choice.value}
    if words and "enum" in _choice(field):
        said.append("; ".join(f"`{value}`: {label}" for value, label in words.items()))
    return {"description": " ".join(said)}


def entry_of(form: type[forms.Form]) -> dict[str, Any]:
    """An entry that the form takes: what it needs. Where a field's choices depend on the study, its
    value is one that a study may have; of a file it is the name."""
    return {
        name: value_for(name, field)
        for name, field in fields_of(form).items()
        if _is_needed(form, name, field)
    }


def value_for(name: str, field: forms.Field) -> Any:
    """A value that a field takes."""
    kind = kind_of(field)
    if kind == "date-time":
        return WHEN.isoformat()
    if kind == "date":
        return WHEN.date().isoformat()
    if kind in ("choice", "choices"):
        values = [choice.value for choice in choices_of(field) if choice.value]
        one = values[0] if values else _ENTRIES.get(name, "1")
        return [one] if kind == "choices" else one
    if kind == "boolean":
        return True
    if kind in ("number", "integer"):
        return _ENTRIES.get(name, _between(field).get("minimum", 1) or 1)
    if kind == "file":
        return f"{name}.xlsx"
    return _ENTRIES.get(name, "As discussed at the visit.")
