"""What happens around every request: an id for the logs, the log-in, the end of old sessions."""

import re
import time
import uuid
from collections.abc import Callable
from typing import Any

import structlog
from django.conf import settings
from django.contrib.auth import logout
from django.contrib.auth.middleware import LoginRequiredMiddleware as DjangoLoginRequiredMiddleware
from django.http import Http404, HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import resolve_url
from rest_framework.views import APIView

logger = structlog.get_logger(__name__)

_GetResponse = Callable[[HttpRequest], HttpResponseBase]
_GOOD_ID = re.compile(r"[A-Za-z0-9-]{8,64}")
_QUIET_PATHS = ("/healthz", "/readyz", "/static/")


class RequestContextMiddleware:
    """Gives each request an id, found in every log line and in the X-Request-ID answer header.

    An id sent by a proxy in front is kept when it is harmless. A page that does not say otherwise
    is not kept by browsers: nobody pages back to it after the log-out.
    """

    def __init__(self, get_response: _GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        sent = request.headers.get("X-Request-ID", "")
        request_id = sent if _GOOD_ID.fullmatch(sent) else uuid.uuid4().hex
        structlog.contextvars.clear_contextvars()
        structlog.contextvars.bind_contextvars(request_id=request_id)
        began = time.monotonic()
        response = self.get_response(request)
        response["X-Request-ID"] = request_id
        if not response.has_header("Cache-Control"):
            response["Cache-Control"] = "private, no-store"
        if not request.path.startswith(_QUIET_PATHS):
            logger.info("request", **_facts(request, response, began))
        return response


class LoginRequiredMiddleware(DjangoLoginRequiredMiddleware):
    """Every page needs a log-in, except those named in settings.LOGIN_EXEMPT_URL_NAMES.

    Marks on a view do not count, so the list is the whole truth. Views of the REST framework are
    left to it: it answers 401 or 403 itself, and knows other ways to log in than a session.
    """

    def process_view(
        self,
        request: HttpRequest,
        view_func: Callable[..., HttpResponseBase],
        view_args: tuple[Any, ...],
        view_kwargs: dict[str, Any],
    ) -> HttpResponseBase | None:
        """Answer with a redirect to the log-in page, or let the view answer. No address of ours has
        a NUL in it, and the database takes none."""
        match = request.resolver_match
        if any("\x00" in value for value in view_kwargs.values() if isinstance(value, str)):
            raise Http404
        if request.user.is_authenticated:
            structlog.contextvars.bind_contextvars(user_id=request.user.pk)
            return None
        if match is not None and match.view_name in settings.LOGIN_EXEMPT_URL_NAMES:
            return None
        view_class = getattr(view_func, "cls", None)
        if isinstance(view_class, type) and issubclass(view_class, APIView):
            return None
        return self.handle_no_permission(request, view_func)

    def get_login_url(self, view_func: Callable[..., HttpResponseBase]) -> str:
        """One log-in page for everybody, the administration included."""
        return resolve_url(settings.LOGIN_URL)


class AdminContentSecurityMiddleware:
    """Loosens the Content-Security-Policy for the administration's pages, and no others."""

    def __init__(self, get_response: _GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        if request.path.startswith(settings.ADMIN_PATH):
            vars(response)["_csp_update"] = settings.ADMIN_CONTENT_SECURITY
        return response


class SessionLifetimeMiddleware:
    """Ends a session some hours after it began, however busy it was."""

    def __init__(self, get_response: _GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if request.user.is_authenticated:
            now = int(time.time())
            began = request.session.setdefault("began_at", now)
            if now - began > settings.SESSION_LONGEST_SECONDS:
                logout(request)
        return self.get_response(request)


def _facts(request: HttpRequest, response: HttpResponseBase, began: float) -> dict[str, Any]:
    """What the log line says: the pattern, not the address, which may hold a subject number."""
    match = request.resolver_match
    return {
        "method": request.method,
        "route": match.route if match else None,
        "status": response.status_code,
        "milliseconds": round((time.monotonic() - began) * 1000),
    }
