"""Ask the service for addresses as somebody, and say each answer in one letter."""

from __future__ import annotations

import re
from typing import Any, Final

from django.conf import settings
from django.core.signals import request_finished
from django.db import close_old_connections, transaction
from django.http import HttpResponse
from django.test import Client, RequestFactory
from django.test.client import ClientHandler

from ntrust.models import User

_LETTERS: Final = {
    200: "o",
    302: "r",
    301: "r",
    400: "x",
    401: "l",
    403: "-",
    404: ".",
    405: "m",
    409: "x",
    415: "x",
    422: "x",
    428: "x",
}
_SAFE: Final = ("GET", "HEAD")
_NUMBERS: Final = re.compile(r"\b[SP]-\d{3}\b")
_LOG_INS: Final = ("/accounts/login/", "/admin/login/")


class Browser:
    """Somebody's session. Unlike Django's client it keeps no template's context, which would take
    most of the time."""

    def __init__(self, user: User | None, handler: ClientHandler) -> None:
        self._requests, self._handler = RequestFactory(), handler
        if user is not None:
            client = Client()
            client.force_login(user)
            name = settings.SESSION_COOKIE_NAME
            self._requests.cookies[name] = client.cookies[name].value

    def ask(self, method: str, address: str) -> tuple[str, frozenset[str]]:
        """The answer's letter, and the participants' numbers that stand in it. What it writes is
        undone."""
        is_endpoint = address.startswith("/api/")
        kind = "application/json" if is_endpoint else "application/x-www-form-urlencoded"
        asked: Any = self._requests.generic(method, address, "{}" if is_endpoint else "", kind)
        if method in _SAFE:
            answer = self._handler(asked.environ)
        else:
            answer = self._and_undo(asked.environ)
        if answer.streaming:
            _put_away(answer)
        return _letter(answer), _numbers_in(answer)

    def _and_undo(self, asked: dict[str, Any]) -> Any:
        point = transaction.savepoint()
        try:
            return self._handler(asked)
        finally:
            transaction.savepoint_rollback(point)
            transaction.savepoint_commit(point)


def new_handler() -> ClientHandler:
    """The service with all its middleware but the one of static files."""
    handler = ClientHandler(enforce_csrf_checks=False)
    handler.load_middleware()
    return handler


def _put_away(answer: Any) -> None:
    """Close what would be sent bit by bit, and not the tests' connection with it."""
    request_finished.disconnect(close_old_connections)
    answer.close()
    request_finished.connect(close_old_connections)


def _letter(answer: Any) -> str:
    if answer.status_code == 302 and answer["Location"].startswith(_LOG_INS):
        return "l"
    return _LETTERS.get(answer.status_code, "!")


def _numbers_in(answer: Any) -> frozenset[str]:
    if answer.streaming or not isinstance(answer, HttpResponse):
        return frozenset()
    if not answer["Content-Type"].startswith(("text/", "application/json")):
        return frozenset()
    return frozenset(_NUMBERS.findall(answer.content.decode()))
