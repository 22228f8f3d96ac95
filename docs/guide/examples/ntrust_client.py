"""A client of ntrust's API in one file, with nothing but the standard library.

    study = Study("https://ntrust.example", token=os.environ["TOKEN"], key="ntrust-1")
    for row in study.rows("participants/"):
        print(row["screening_number"], row["state"])
    study.act("participants/S-001/seat/confirm/")

What the service refuses is raised as `Refused`, with its code, its sentence and its gates.
"""

from __future__ import annotations

import json
import urllib.error
import urllib.request
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias
from urllib.parse import urlencode

Json: TypeAlias = dict[str, Any]
Field: TypeAlias = str | int | float | bool | list[str] | None


class Refused(Exception):  # noqa: N818 - a refusal is an answer, not a fault
    """The service said no; nothing was changed. `errors` are sentences, field by field."""

    def __init__(self, status: int, body: Mapping[str, Any]) -> None:
        super().__init__(body.get("sentence", "The service did not say why."))
        self.status = status
        self.code: str = body.get("code", "")
        self.gates: list[Json] = body.get("gates", [])
        self.errors: dict[str, list[str]] = body.get("errors", {})


@dataclass(frozen=True)
class Answer:
    """What came back, and the ETag of what was read."""

    body: Json
    tag: str


@dataclass(frozen=True)
class Study:
    """One study as the bearer of a token may see it and change it."""

    service: str
    token: str
    key: str
    tries: int = 3
    timeout: float = 30.0

    def read(self, address: str = "", **filters: str) -> Json:
        """What a page of the study says now: `read("holds/")["data"]`."""
        return self._ask("GET", _with(address, filters)).body

    def rows(self, address: str, **filters: str) -> Iterator[Json]:
        """The rows of a list, from all its pages."""
        cursor: str | None = ""
        while cursor is not None:
            page = self.read(address, **filters, **({"cursor": cursor} if cursor else {}))
            yield from page["results"]
            cursor = page["next"]

    def events(self, since: int = 0) -> Iterator[Json]:
        """What happened after the event `since`, oldest first."""
        more = True
        while more:
            page = self.read("feed/", since=str(since))
            yield from page["results"]
            since, more = page["next"], page["has_more"]

    def ask_of(self, address: str) -> Json:
        """What an act asks for (`fields`) and what is in its way (`gates`)."""
        return self._ask("GET", address).body

    def act(self, address: str, *, key: str | None = None, **fields: Field) -> Json:
        """Do something, once, however often it has to be sent.

        What has changed since it was read here is refused (`stale_page`). To look at what an act
        asks before, and act on what was seen, take `ask_of` and send its revision as `seen`.
        """
        seen = fields.pop("seen", None)
        tag = self._ask("GET", address).tag if seen is None else f'"{seen}"'
        headers = {"If-Match": tag, "Idempotency-Key": key or str(uuid.uuid4())}
        return self._ask("POST", address, headers, fields).body

    def preview(self, address: str, **fields: Field) -> Json:
        """What an act would change (`effect`). Nothing is done."""
        return self._ask("POST", _with(address, {"preview": "true"}), {}, fields).body

    def alert(self, address: str, **fields: Field) -> Json:
        """Report an event. Nothing keeps it waiting: neither news nor many requests."""
        headers = {"Idempotency-Key": str(uuid.uuid4())}
        return self._ask("POST", address, headers, fields).body

    def _ask(
        self,
        method: str,
        address: str,
        headers: Mapping[str, str] | None = None,
        fields: Mapping[str, Field] | None = None,
    ) -> Answer:
        """Ask, and again where the line broke: what has a key is not done twice."""
        request = urllib.request.Request(
            f"{self.service}/api/v1/studies/{self.key}/{address}",
            data=None if fields is None else json.dumps(fields).encode(),
            headers={
                "Authorization": f"Bearer {self.token}",
                "Content-Type": "application/json",
                **(headers or {}),
            },
            method=method,
        )
        for left in reversed(range(self.tries)):
            try:
                with urllib.request.urlopen(request, timeout=self.timeout) as said:
                    return Answer(json.load(said), said.headers.get("ETag", ""))
            except urllib.error.HTTPError as error:
                raise Refused(error.code, _body_of(error)) from error
            except (urllib.error.URLError, TimeoutError, ConnectionError):
                if not left:
                    raise
        raise AssertionError("tries is at least 1")


def _with(address: str, filters: Mapping[str, str]) -> str:
    return f"{address}?{urlencode(filters)}" if filters else address


def _body_of(error: urllib.error.HTTPError) -> Json:
    try:
        body = json.load(error)
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}
