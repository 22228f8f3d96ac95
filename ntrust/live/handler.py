"""What two hundred boards ask for at once takes a straight way to its view.

Django's way through an ASGI server opens a thread for each request and changes threads at every
middleware that looks at the view: more work than the answer itself. Here a few threads take the
requests in turn, each through the same middleware to the same view: nothing is asked less often.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from io import BytesIO
from typing import Any

from django.conf import settings
from django.core.handlers.asgi import ASGIHandler, ASGIRequest, get_script_prefix
from django.core.handlers.base import BaseHandler
from django.db import connections
from django.http.response import HttpResponseBase
from django.urls import set_script_prefix

THREADS = 4
"""While one waits for the database another works. Half of the connections of a web process."""

Scope = dict[str, Any]
Message = Mapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]


class Handler(ASGIHandler):
    """Django's, except for what boards ask."""

    def __init__(self) -> None:
        super().__init__()
        self._line = Line()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        if not is_asked_by_boards(scope):
            await super().__call__(scope, receive, send)
            return
        for message in await asyncio.wrap_future(self._line.ask(scope)):
            await send(message)


def is_asked_by_boards(scope: Scope) -> bool:
    """Whether boards ask this all at once: a part, or the revision. Not their stream of hints."""
    if scope["type"] != "http" or scope["method"] not in ("GET", "HEAD"):
        return False
    before, _, after = scope["path"].partition(settings.LIVE_PATH)
    return not before and "/" in after.rstrip("/")


class Line(BaseHandler):
    """Requests in the order they came, answered by a few threads.

    A thread keeps its connection to the database while others wait, and gives it back then. A
    request that fails gives it back at once: the next must not meet the same broken one.
    """

    def __init__(self) -> None:
        super().__init__()
        self.load_middleware()
        self._waiting: deque[tuple[Scope, Future[list[Message]]]] = deque()
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="boards")

    def ask(self, scope: Scope) -> Future[list[Message]]:
        """Put a request at the end of the line; the messages of its answer, once it is there."""
        asked: Future[list[Message]] = Future()
        self._waiting.append((scope, asked))
        self._threads.submit(self._answer_all)
        return asked

    def _answer_all(self) -> None:
        has_answered = False
        while (first := self._take()) is not None:
            scope, asked = first
            if asked.set_running_or_notify_cancel():
                has_answered = True
                try:
                    asked.set_result(self._answer(scope))
                except Exception as error:
                    asked.set_exception(error)
        if has_answered:
            connections.close_all()

    def _take(self) -> tuple[Scope, Future[list[Message]]] | None:
        try:
            return self._waiting.popleft()
        except IndexError:
            return None

    def _answer(self, scope: Scope) -> list[Message]:
        set_script_prefix(get_script_prefix(scope))
        response: HttpResponseBase
        response = self.get_response(ASGIRequest(scope, BytesIO()))
        if response.status_code >= 500:
            connections.close_all()
        headers = [(name.encode(), value.encode("latin-1")) for name, value in response.items()]
        headers += [
            (b"Set-Cookie", cookie.output(header="").strip().encode())
            for cookie in response.cookies.values()
        ]
        return [
            {"type": "http.response.start", "status": response.status_code, "headers": headers},
            {"type": "http.response.body", "body": b"".join(response)},
        ]
