"""What an endpoint says of itself: in words, what it takes, and what it answers.

    class InboxEndpoint(Endpoint):
        \"\"\"What this person was told.\"\"\"

        @tells(InboxAnswer)
        def get(self, request: Request, **kwargs: Any) -> Response:
            \"\"\"What waits for a word first.\"\"\"

The words are the class's and the method's own: the first sentence is the summary. The answer is a
type (`ntrust.api.plain.schema_of`) or a schema. tests/ntrust/test_api_schema.py holds that no
endpoint is without.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from inspect import cleandoc
from typing import Any, TypeVar

from django import forms

from ntrust.api.entries import Asked
from ntrust.api.plain import schema_of
from ntrust.errors import Gate
from ntrust.queries import MadeEvent

_Method = TypeVar("_Method", bound=Callable[..., Any])


@dataclass(frozen=True)
class Query:
    """Something that may stand after the `?` of an address."""

    name: str
    words: str
    schema: Mapping[str, Any]
    example: Any


@dataclass(frozen=True)
class Told:
    """What the description says of one method of an endpoint.

    `answer` is a type or a schema; None: no body. `status` is that of a success. `form` is what is
    sent; `form_varies`: its fields depend on what the address is about, and GET says them.
    `refuses` are statuses beyond those that every endpoint has. `needs_seen`: If-Match is needed.
    `previews`: the schema of what `?preview=true` answers. `example`: an answer truer than what the
    schema alone makes up. `takes_key`: whether it is done once under an Idempotency-Key.
    """

    summary: str = ""
    words: str = ""
    answer: Any = None
    asks: Sequence[Query] = ()
    form: type[forms.Form] | None = None
    form_varies: bool = False
    refuses: Sequence[int] = ()
    status: int = 200
    media: str = "application/json"
    needs_seen: bool = False
    has_tag: bool = False
    is_alert: bool = False
    takes_key: bool = True
    previews: Any = None
    example: Any = None

    @property
    def answer_schema(self) -> dict[str, Any] | None:
        """The schema of the body."""
        if self.answer is None:
            return None
        return dict(self.answer) if isinstance(self.answer, Mapping) else schema_of(self.answer)


def tells(answer: Any, **more: Any) -> Callable[[_Method], _Method]:
    """Say it of the method below; `more` are fields of `Told`."""

    def note(method: _Method) -> _Method:
        vars(method)["told"] = Told(answer=answer, **more)
        return method

    return note


def told_of(method: Any) -> Told:
    """What was said of it; nothing where nothing was."""
    said = getattr(method, "told", None)
    return said if isinstance(said, Told) else Told()


def first_sentence(text: str | None) -> tuple[str, str]:
    """A docstring's first sentence without its stop, and the rest."""
    whole = " ".join(cleandoc(text or "").split())
    first, stop, rest = whole.partition(". ")
    return first.removesuffix("."), rest if stop else ""


def page_of(row: Any) -> dict[str, Any]:
    """The answer of a list that comes in pages."""
    return _reading({"results": {"type": "array", "items": schema_of(row)}, "next": _CURSOR})


def data_of(kind: Any) -> dict[str, Any]:
    """The answer of a query that is no list."""
    return _reading({"data": schema_of(kind)})


_CURSOR = {"type": ["string", "null"], "description": "Send it as `cursor`; null at the end."}


def _reading(more: Mapping[str, Any]) -> dict[str, Any]:
    properties = {
        "as_of": {"type": "string", "format": "date-time", "description": "When it was read."},
        "revision": {"type": "integer", "description": "The study's revision it was read at."},
        **more,
    }
    return {"type": "object", "properties": properties, "required": list(properties)}


CURSOR = Query("cursor", "`next` of the answer before.", {"type": "string", "maxLength": 400}, "")
PREVIEW = Query(
    "preview", "`true`: say what it would change, and do nothing.",
    {"enum": ["true", "false"]}, "false",
)  # fmt: skip


@dataclass(frozen=True)
class ActAsked:
    """What an act asks for, and what is in its way. `facts`: label to value."""

    title: str
    facts: Mapping[str, Any]
    gates: tuple[Gate, ...]
    fields: tuple[Asked, ...]
    timezone: str
    revision: int
    has_preview: bool


@dataclass(frozen=True)
class ActDone:
    """What was done: a sentence, what it led to, and the events of the change. `secret`: what is
    told this once and kept nowhere, such as the key of a new webhook; "" for most."""

    said: str
    told: tuple[str, ...]
    revision: int | None
    events: tuple[MadeEvent, ...]
    secret: str = ""


@dataclass(frozen=True)
class Refusal:
    """The one shape of every refusal. `errors`: by field, for a 422."""

    code: str
    sentence: str
    gates: tuple[Gate, ...]
    errors: Mapping[str, tuple[str, ...]]


@dataclass(frozen=True)
class Acknowledged:
    """The word on an alert, kept."""

    said: str
    number: int
    acknowledged_at: datetime
