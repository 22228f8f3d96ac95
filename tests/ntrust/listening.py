"""A board without a browser: it holds a stream of hints open and reads what comes."""

from __future__ import annotations

import http.client
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from django.test import Client

from ntrust.models import User

SECONDS = 20.0


def cookie_of(user: User) -> dict[str, str]:
    """The headers of somebody who is logged in."""
    client = Client()
    client.force_login(user)
    return {"Cookie": f"sessionid={client.cookies['sessionid'].value}"}


@dataclass
class Stream:
    """An answer whose end has not come."""

    answer: http.client.HTTPResponse

    def event(self) -> bytes:
        """The next event to the byte, its empty line included; empty when the stream has ended."""
        said = b""
        while line := self.answer.readline():
            said += line
            if line == b"\n":
                break
        return said

    def revision(self) -> int:
        """The revision that the next event names; -1 when the stream has ended."""
        said = self.event()
        if not said:
            return -1
        data = dict(line.split(": ", 1) for line in said.decode().splitlines() if line)["data"]
        return int(json.loads(data)["revision"])

    def wait_for(self, revision: int) -> None:
        """Read until an event names this revision; the time limit of the line is the bound."""
        while (said := self.revision()) != revision:
            assert 0 <= said < revision, f"{said} instead of {revision}"


@contextmanager
def get(url: str, headers: dict[str, str]) -> Iterator[http.client.HTTPResponse]:
    """One GET, redirects not followed."""
    parts = urlsplit(url)
    line = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=SECONDS)
    try:
        line.request("GET", parts.path, headers=headers)
        yield line.getresponse()
    finally:
        line.close()


@contextmanager
def listening(url: str, headers: dict[str, str]) -> Iterator[Stream]:
    """A stream that has begun."""
    with get(url, headers) as answer:
        assert answer.status == 200, answer.status
        yield Stream(answer)


def asked(url: str, headers: dict[str, str]) -> tuple[int, Any]:
    """Status and JSON, or text, of one answer."""
    with get(url, headers) as answer:
        text = answer.read().decode()
        is_json = answer.headers.get_content_type() == "application/json"
        return answer.status, json.loads(text) if is_json else text
