"""What the endpoints say of themselves (OpenAPI): made from the acts' forms and the rows' types.

drf-spectacular finds the endpoints and writes the document; what an operation says comes from
`told` of its endpoint (`ntrust.api.telling`). A new act or read is described by itself.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import asdict, is_dataclass
from functools import lru_cache
from typing import Any, Final

from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.plumbing import ComponentRegistry

from ntrust.api.asking import entry_of, schema_of_form, takes_files
from ntrust.api.plain import schema_of
from ntrust.api.shapes import example_of, named
from ntrust.api.telling import Query, Refusal, Told, first_sentence
from ntrust.errors import Gate

READ_REFUSALS: Final[tuple[int, ...]] = (401, 403, 404, 406, 429)
WRITE_REFUSALS: Final[tuple[int, ...]] = (400, 401, 403, 404, 406, 409, 412, 415, 422, 428, 429)
_REFUSED: Final[Mapping[int, tuple[str, str, str]]] = {
    400: ("Not readable, or not complete.", "key_needed",
          "Send an Idempotency-Key of your own choosing."),
    401: ("Nobody: no token, or one that is over.", "not_authenticated",
          "Log in, or send a token."),
    403: ("Not yours to do.", "wrong_role", "Only the study manager may do this."),
    404: ("Not there, or not yours to know.", "not_found",
          "There is no such thing, or it is not yours."),
    406: ("Nothing answers in the media type asked for.", "not_acceptable",
          "Could not satisfy the request Accept header."),
    409: ("Refused, with the gates in the way.", "no_statement", "The DLT window is open."),
    412: ("Something newer than what you have read: read again.", "stale_page",
          "The participant has changed since you looked."),
    413: ("Too large.", "too_large", "Send less at once."),
    415: ("Neither JSON nor a form.", "unsupported_media_type",
          'Unsupported media type "text/plain" in request.'),
    422: ("Fields that are not understood, or a key sent with something else.", "invalid",
          "Look at the fields named."),
    428: ("What you have read is not said.", "if_match_needed",
          "Send If-Match with the ETag of what you have read."),
    429: ("Too many requests; alerts are never counted.", "throttled",
          "Request was throttled. Expected available in 20 seconds."),
}  # fmt: skip
_VARIABLES: Final[Mapping[tuple[str, str], tuple[str, Any]]] = {
    ("slug", "key"): ("The study's key.", "ntrust-1"),
    ("str", "number"): ("The participant's screening number.", "S-001"),
    ("int", "number"): ("Its number, as lists name it.", 1),
    ("str", "code"): ("The code of the site or product lot.", "S1"),
    ("str", "label"): ("The name of the protocol version.", "C"),
    ("int", "infusion"): ("The number of the infusion: 1, 2 or 3.", 1),
    ("int", "cycle"): ("The number of the cycle, from 2 on.", 2),
    ("int", "days"): ("The days of the clock.", 7),
}
_KINDS: Final[Mapping[str, dict[str, Any]]] = {
    "int": {"type": "integer", "minimum": 0},
    "slug": {"type": "string", "pattern": "^[-a-zA-Z0-9_]+$"},
    "uuid": {"type": "string", "format": "uuid"},
}
_VARIABLE: Final = re.compile(r"<(?:(\w+):)?(\w+)>")


class EndpointSchema(AutoSchema):
    """One method of an endpoint, from what it tells."""

    def get_operation(
        self,
        path: str,
        path_regex: str,
        path_prefix: str,
        method: str,
        registry: ComponentRegistry,
    ) -> dict[str, Any] | None:
        """The operation, or None for what is no endpoint of ours."""
        tell = getattr(self.view, "tell", None)
        if tell is None:
            return None
        told: Told = tell(method)
        words = [told.words, *(["Nothing may keep it waiting."] if told.is_alert else [])]
        operation = {
            "operationId": _id_of(path, method),
            "summary": told.summary,
            "description": " ".join(filter(None, words)),
            "tags": [_tag_of(path)],
            "parameters": [
                *_variables(path_regex),
                *map(_query, told.asks),
                *(_headers(told) if method == "POST" and told.takes_key else ()),
            ],
            "responses": _answers(told, method),
            "security": [{"token": []}, {"session": []}],
        }
        if method == "POST" and told.form is not None:
            operation["requestBody"] = _body(told)
        return {name: said for name, said in operation.items() if said not in ([], "")}


@lru_cache(maxsize=1)
def describe() -> dict[str, Any]:
    """The whole description; the same for everybody, so it is made once in a process."""
    made: dict[str, Any] = SchemaGenerator().get_schema(request=None, public=True)
    return made


def finish(
    result: dict[str, Any], generator: SchemaGenerator, request: Any, public: bool
) -> dict[str, Any]:
    """The last step of drf-spectacular: objects get their names, and those who ask a way in."""
    parts: dict[str, Any] = {}
    paths = named(result["paths"], parts)
    refusal = named(schema_of(Refusal), parts)
    components = {
        "schemas": dict(sorted(parts.items())),
        "responses": {f"Refused{status}": _refusal(status, refusal) for status in _REFUSED},
        "securitySchemes": _WAYS_IN,
    }
    tags = sorted({tag for one in paths.values() for op in one.values() for tag in op["tags"]})
    return {
        **result, "paths": paths, "components": components, "tags": [{"name": t} for t in tags],
    }  # fmt: skip


_WAYS_IN: Final = {
    "token": {
        "type": "http",
        "scheme": "bearer",
        "description": "A token of your own (My tokens): to read, or to read and act; with an end.",
    },
    "session": {
        "type": "apiKey",
        "in": "cookie",
        "name": "sessionid",
        "description": "The session of the pages. A POST needs its CSRF token as X-CSRFToken.",
    },
}


def _id_of(path: str, method: str) -> str:
    words = re.findall(r"[\w-]+", path.removeprefix("/api/v1/"))
    return "_".join([method.lower(), *(word.replace("-", "_") for word in words)])


def _tag_of(path: str) -> str:
    """What it is about: the word after the study, or the part of a treatment."""
    words = [word for word in path.removeprefix("/api/v1/").split("/") if word and word[0] != "{"]
    about = words[1:] if words[:1] == ["studies"] else words
    if about[:1] == ["participants"]:
        parts = [word for word in about if word in ("infusions", "lymphodepletion", "seat")]
        return parts[0] if parts else "participants"
    return about[0] if about else "studies"


def _variables(route: str) -> Iterator[dict[str, Any]]:
    for kind, name in _VARIABLE.findall(route):
        words, example = _VARIABLES.get((kind, name), (f"The number of the {name}.", 1))
        yield {
            "name": name,
            "in": "path",
            "required": True,
            "description": words,
            "schema": _KINDS.get(kind, {"type": "string", "minLength": 1}),
            "example": example if kind == "int" or (kind, name) in _VARIABLES else "A1",
        }


def _query(asked: Query) -> dict[str, Any]:
    return {
        "name": asked.name,
        "in": "query",
        "description": asked.words,
        "schema": dict(asked.schema),
        "example": asked.example,
    }


def _headers(told: Told) -> Iterator[dict[str, Any]]:
    key = "A word of your own choosing: under it the thing is done once."
    yield {
        "name": "Idempotency-Key",
        "in": "header",
        "description": key + ("" if told.is_alert else " A token needs one."),
        "schema": {"type": "string", "pattern": "^[!-~]{1,120}$"},
        "example": "seat-S-001",
    }
    if told.has_tag:
        yield {
            "name": "If-Match",
            "in": "header",
            "required": told.needs_seen,
            "description": "The ETag of what you have read, so that nothing newer is missed."
            + (" Not for a preview." if told.previews else ""),
            "schema": {"type": "string", "pattern": '^(W/)?"?[0-9]{1,18}"?$'},
            "example": '"41"',
        }


def _body(told: Told) -> dict[str, Any]:
    assert told.form is not None
    schema = schema_of_form(told.form, varies=told.form_varies)
    media = "multipart/form-data" if takes_files(told.form) else "application/json"
    said = {"schema": schema, "examples": {"entered": {"value": entry_of(told.form)}}}
    return {"required": bool(schema.get("required")), "content": {media: said}}


def _answers(told: Told, method: str) -> dict[str, Any]:
    usual = READ_REFUSALS if method in ("GET", "HEAD") else WRITE_REFUSALS
    if method != "GET" and not told.has_tag:
        usual = tuple(status for status in usual if status not in (412, 428))
    refused = sorted({*usual, *told.refuses})
    more = {str(one): {"$ref": f"#/components/responses/Refused{one}"} for one in refused}
    return {str(told.status): _success(told), **more}


def _success(told: Told) -> dict[str, Any]:
    answer: dict[str, Any] = {"description": told.summary or "Done."}
    headers = {}
    if told.has_tag:
        headers["ETag"] = {
            "description": "The study's revision: send it as If-Match.",
            "schema": {"type": "string"},
            "example": '"41"',
        }
    schema = told.answer_schema
    if schema is not None:
        made = example_of(schema)
        example = {**made, **told.example} if isinstance(told.example, Mapping) else made
        examples = {"answer": {"value": example}}
        if told.previews is not None:
            effect = dict(told.previews)
            examples["preview"] = {"value": example_of(effect)}
            schema = {"anyOf": [schema, effect]}
        answer["content"] = {told.media: {"schema": schema, "examples": examples}}
    return {**answer, "headers": headers} if headers else answer


def _refusal(status: int, schema: dict[str, Any]) -> dict[str, Any]:
    words, code, sentence = _REFUSED[status]
    body: dict[str, Any] = {"code": code, "sentence": sentence, "gates": [], "errors": {}}
    if status == 409:
        gate = Gate("window_over", False, sentence, None, "Investigator")
        assert is_dataclass(gate)
        body["gates"] = [asdict(gate)]
    if status == 422:
        body["errors"] = {"grade": ["Select a valid choice. 9 is not one of the choices."]}
    answer: dict[str, Any] = {
        "description": words,
        "content": {
            "application/json": {"schema": schema, "examples": {"refusal": {"value": body}}}
        },
    }
    if status == 429:
        wait = {"description": "Seconds to wait.", "schema": {"type": "integer"}, "example": 20}
        answer["headers"] = {"Retry-After": wait}
    return answer


def words_of(endpoint: type, method: Any) -> tuple[str, str]:
    """Summary and description of a method: the docstrings of its class and its own."""
    summary, rest = first_sentence(endpoint.__doc__)
    own = first_sentence(method.__doc__)
    said = [rest, ". ".join(filter(None, own))]
    return summary, " ".join(filter(None, said))
