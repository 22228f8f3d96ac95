"""The pages of what went wrong: no such page, not yours, not understood, and what nobody foresaw.

Django renders them in a thread that belongs to no request, and closes the connections of the
request's own thread only. What such a page read through is given back here: otherwise a few wrong
addresses would keep a web process's whole pool.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from django.conf import settings
from django.db import connections
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.template.loader import render_to_string
from django.views import defaults

from ntrust import clock
from ntrust.api.errors import SENTENCES, body_of

API: Final = "/api/"
"""Below this address everything is said in JSON."""

ErrorPage = Callable[[HttpRequest, Exception], HttpResponse]


def giving_back(page: ErrorPage) -> ErrorPage:
    """The page, and no connection kept."""

    def show(request: HttpRequest, exception: Exception) -> HttpResponse:
        try:
            return page(request, exception)
        finally:
            _give_back()

    return show


def _give_back() -> None:
    """As at the end of a request; what is inside a transaction belongs to whoever opened it."""
    for one in connections.all(initialized_only=True):
        if not one.in_atomic_block:
            one.close_if_unusable_or_obsolete()


def saying(status: int, code: str, page: ErrorPage) -> ErrorPage:
    """The page for people; for other systems the refusal."""

    def show(request: HttpRequest, exception: Exception) -> HttpResponse:
        if not request.path.startswith(API):
            return page(request, exception)
        return JsonResponse(body_of(code, SENTENCES[status]), status=status)

    return show


show_missing = giving_back(saying(404, "not_found", defaults.page_not_found))
show_forbidden = giving_back(saying(403, "permission_denied", defaults.permission_denied))
show_unreadable = giving_back(saying(400, "unreadable", defaults.bad_request))


def show_failure(request: HttpRequest) -> HttpResponse:
    """Say that it broke, when, and under which number the log has it; nothing of what broke.

    It asks neither database nor session: they may be why.
    """
    if request.path.startswith(API):
        number = getattr(request, "request_id", "")
        sentence = f"Something broke here. The log has it as {number}."
        return JsonResponse(body_of("broken", sentence), status=500)
    context = {
        "is_training": settings.NTRUST_MODE == "training",
        "page_time": clock.now(),
        "request_id": getattr(request, "request_id", ""),
    }
    return HttpResponse(render_to_string("500.html", context), status=500)
