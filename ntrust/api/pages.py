"""The description as pages: /api/v1/docs/ lists the operations, and each has a page of its own."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import groupby
from typing import Any, Final

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from ntrust.api.schema import describe

_SHAPES: Final = "#/components/schemas/"
_ANSWERS: Final = "#/components/responses/"


@dataclass(frozen=True)
class Line:
    """A parameter or a field: its name, where it goes, what it may be, whether it must be there."""

    name: str
    place: str
    kind: str
    is_required: bool
    words: str
    example: str = ""


@dataclass(frozen=True)
class Sample:
    """Something that is sent or answered: its status and words, its shape, an example as JSON."""

    status: str
    words: str
    kind: str
    lines: tuple[Line, ...]
    examples: tuple[str, ...]


@dataclass(frozen=True)
class Operation:
    """One method of one address, as much as the lists of operations show."""

    name: str
    method: str
    address: str
    group: str
    summary: str
    said: Mapping[str, Any]


def operations() -> tuple[Operation, ...]:
    """All of them, group by group, in the order of their addresses."""
    found = (
        Operation(
            said["operationId"], method.upper(), address, said["tags"][0], said["summary"], said
        )
        for address, methods in describe()["paths"].items()
        for method, said in methods.items()
    )
    return tuple(sorted(found, key=lambda one: (one.group, one.address, one.method)))


@require_safe
def list_operations(request: HttpRequest) -> HttpResponse:
    """What another system can ask and do; for anybody who is logged in."""
    found = operations()
    groups = [(name, tuple(ones)) for name, ones in groupby(found, key=lambda one: one.group)]
    return render(request, "api/operations.html", {"groups": groups, "count": len(found)})


@require_safe
def show_operation(request: HttpRequest, operation: str) -> HttpResponse:
    """One operation: what is sent, what is answered, what is refused, and a call to begin with."""
    one = next((each for each in operations() if each.name == operation), None)
    if one is None:
        raise Http404
    sent = tuple(samples_of(one.said.get("requestBody", {}), status="", words=""))
    answers = one.said["responses"]
    page = {
        "operation": one,
        "asked": tuple(map(_parameter, one.said.get("parameters", ()))),
        "sent": sent,
        "answered": tuple(_answered(answers)),
        "refused": tuple(_refused(answers)),
        "shapes": tuple(_shapes(one.said)),
        "call": call_of(one, sent),
    }
    return render(request, "api/operation.html", page)


def call_of(operation: Operation, sent: tuple[Sample, ...]) -> str:
    """The operation by curl, with its own examples for everything that it needs."""
    address, headers = operation.address, ["Authorization: Bearer $TOKEN"]
    for one in operation.said.get("parameters", ()):
        if one["in"] == "path":
            address = address.replace("{" + one["name"] + "}", str(one["example"]))
        elif one["in"] == "header":
            headers.append(f"{one['name']}: {one['example']}")
    parts = [f"curl -X {operation.method} '{settings.NTRUST_PUBLIC_URL.rstrip('/')}{address}'"]
    if sent and sent[0].kind == "application/json" and sent[0].examples:
        headers.append("Content-Type: application/json")
    parts += [f'-H "{header}"' if "$" in header else f"-H {_quoted(header)}" for header in headers]
    if sent and sent[0].examples:
        parts += _entered(sent[0])
    return " \\\n  ".join(parts)


def _entered(sample: Sample) -> list[str]:
    body = json.loads(sample.examples[0])
    if sample.kind == "application/json":
        return [f"-d {_quoted(json.dumps(body, ensure_ascii=False))}"]
    files = {line.name for line in sample.lines if line.kind.startswith("file")}
    return [
        "-F " + _quoted(f"{name}={'@' if name in files else ''}{value}")
        for name, value in body.items()
    ]


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "'\\''") + "'"


def samples_of(body: Mapping[str, Any], *, status: str, words: str) -> Iterator[Sample]:
    """What a body may be, media type by media type."""
    for kind, content in body.get("content", {}).items():
        examples = (each["value"] for each in content.get("examples", {}).values())
        yield Sample(
            status, words, kind, tuple(fields_of(content.get("schema", {}))),
            tuple(json.dumps(one, indent=2, ensure_ascii=False) for one in examples),
        )  # fmt: skip


def _answered(answers: Mapping[str, Any]) -> Iterator[Sample]:
    for status, answer in answers.items():
        if "$ref" not in answer:
            yield from samples_of(answer, status=status, words=answer["description"])


def _refused(answers: Mapping[str, Any]) -> Iterator[Sample]:
    shared = describe()["components"]["responses"]
    for status, answer in answers.items():
        if "$ref" in answer:
            whole = shared[answer["$ref"].removeprefix(_ANSWERS)]
            yield from samples_of(whole, status=status, words=whole["description"])


def _parameter(said: Mapping[str, Any]) -> Line:
    return Line(
        said["name"], said["in"], kind_of(said["schema"]), bool(said.get("required")),
        said.get("description", ""), str(said.get("example", "")),
    )  # fmt: skip


def fields_of(schema: Mapping[str, Any]) -> Iterator[Line]:
    """The fields of an object; none of anything else."""
    needed = schema.get("required", ())
    for name, said in schema.get("properties", {}).items():
        yield Line(name, "", kind_of(said), name in needed, said.get("description", ""))


def kind_of(schema: Mapping[str, Any]) -> str:
    """What a value may be, in words: "text", "list of Gate", "one of: A, B", "text or nothing"."""
    if "$ref" in schema:
        return str(schema["$ref"]).removeprefix(_SHAPES)
    if "enum" in schema:
        return "one of: " + ", ".join(
            "nothing" if one is None else str(one) for one in schema["enum"]
        )
    if "contentMediaType" in schema:
        return "file"
    if "const" in schema:
        return f"always {schema['const']}"
    for several in ("anyOf", "oneOf"):
        if several in schema:
            return " or ".join(dict.fromkeys(map(kind_of, schema[several])))
    kinds = schema.get("type", "anything")
    names = [kinds] if isinstance(kinds, str) else kinds
    return " or ".join(_named(name, schema) for name in names)


_WORDS: Final = {
    "string": "text", "integer": "whole number", "number": "number", "boolean": "true or false",
    "null": "nothing", "object": "object",
}  # fmt: skip
_FORMATS: Final = {"date-time": "moment with offset", "date": "day", "binary": "file"}


def _named(name: str, schema: Mapping[str, Any]) -> str:
    if name == "array":
        return f"list of {kind_of(schema.get('items', {}))}"
    if name == "string" and "format" in schema:
        return _FORMATS.get(schema["format"], schema["format"])
    return _WORDS.get(name, name)


def _shapes(said: Mapping[str, Any]) -> Iterator[tuple[str, tuple[Line, ...]]]:
    """The objects that an operation names, and those that they name, each once."""
    parts, waiting, seen = describe()["components"]["schemas"], list(_names_in(said)), set()
    while waiting:
        name = waiting.pop(0)
        if name not in seen:
            seen.add(name)
            waiting += _names_in(parts[name])
            yield name, tuple(fields_of(parts[name]))


def _names_in(part: Any) -> Iterator[str]:
    if isinstance(part, Mapping):
        if str(part.get("$ref", "")).startswith(_SHAPES):
            yield str(part["$ref"]).removeprefix(_SHAPES)
        part = list(part.values())
    if isinstance(part, list):
        for one in part:
            yield from _names_in(one)
