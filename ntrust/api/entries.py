"""Between JSON and the form of an act: what is asked, and what was entered."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from django import forms
from django.http import QueryDict
from rest_framework.request import Request

from ntrust.api.errors import Invalid, Unready
from ntrust.api.plain import plain

_KINDS: Final = (
    (forms.DateTimeField, "date-time"),
    (forms.DateField, "date"),
    (forms.FileField, "file"),
    (forms.MultipleChoiceField, "choices"),
    (forms.ChoiceField, "choice"),
    (forms.BooleanField, "boolean"),
    (forms.DecimalField, "number"),
    (forms.IntegerField, "integer"),
)


@dataclass(frozen=True)
class Choice:
    """One of the values a field takes, with its words."""

    value: str
    label: str


@dataclass(frozen=True)
class Asked:
    """A field of a form. `type`: date-time (of the site where it has no offset), date, file,
    choices (a list), choice, boolean, number, integer or text."""

    name: str
    label: str
    type: str
    is_required: bool
    is_secret: bool
    help: str
    choices: tuple[Choice, ...]
    initial: Any


def kind_of(field: forms.Field) -> str:
    """What a field takes, in one word."""
    return next((word for kind, word in _KINDS if isinstance(field, kind)), "text")


def asked_in(form: forms.Form) -> tuple[Asked, ...]:
    """What a form asks for, in its order."""
    return tuple(replace(one, initial=_initial(form, one.name)) for one in asked_of(form.fields))


def asked_of(fields: Mapping[str, forms.Field]) -> tuple[Asked, ...]:
    """What fields ask for, before anything is known of whom they are about."""
    return tuple(
        Asked(
            name=name,
            label=str(field.label or name),
            type=kind_of(field),
            is_required=field.required,
            is_secret=isinstance(field.widget, forms.PasswordInput) or name == "code",
            help=str(field.help_text),
            choices=tuple(choices_of(field)),
            initial=None,
        )
        for name, field in fields.items()
    )


def choices_of(field: forms.Field) -> Iterator[Choice]:
    """The choices of a field; those of a group one by one."""
    for key, label in getattr(field.widget, "choices", ()):
        pairs = label if isinstance(label, list | tuple) else [(key, label)]
        yield from (Choice(str(value), str(words)) for value, words in pairs)


def _initial(form: forms.Form, name: str) -> Any:
    value = form[name].value()
    prepared = form.fields[name].prepare_value(value)
    return plain(prepared)


def entered_in(request: Request) -> tuple[QueryDict, Any]:
    """What was sent, as a form reads it, and the files. A list is the values of one field.

    Refuses (400) what is no object, and (422) what is deeper than a form.
    """
    if isinstance(request.data, QueryDict):
        return request.data, request.FILES
    if not isinstance(request.data, Mapping):
        raise Unready(400, "parse_error", "Send one JSON object: field names and values.")
    entered, wrong = QueryDict(mutable=True), {}
    for name, value in request.data.items():
        values = value if isinstance(value, list) else [value]
        try:
            entered.setlist(name, [_text(one) for one in values if one is not None])
        except (TypeError, UnicodeEncodeError):
            wrong[name.encode(errors="replace").decode()] = ["Send text, a number, yes or no."]
    if wrong:
        raise Invalid(wrong)
    return entered, {}


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return str(value)
    if not isinstance(value, str):
        raise TypeError
    value.encode()  # half of a surrogate pair is no text
    return value


def check_entered(form: forms.Form, entered: QueryDict) -> None:
    """Refuse (422) what the form refuses, and what it does not ask for."""
    unknown = sorted({*entered} - {*form.fields} - {"csrfmiddlewaretoken"})
    form.is_valid()
    said = {name: [str(one) for one in errors] for name, errors in form.errors.items()}
    said.update((name, ["There is no such field here."]) for name in unknown)
    if said:
        raise Invalid(said)
