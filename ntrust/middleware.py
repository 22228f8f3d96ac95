"""What happens around every request: an id for the logs, the log-in, the end of old sessions."""

import re
import time
import uuid
from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode, urlsplit

import structlog
from django.conf import settings
from django.contrib import messages
from django.contrib.auth import logout
from django.contrib.auth.middleware import LoginRequiredMiddleware as DjangoLoginRequiredMiddleware
from django.contrib.sessions.middleware import SessionMiddleware as DjangoSessionMiddleware
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render, resolve_url
from rest_framework.views import APIView

from ntrust import clock
from ntrust.instruments import REQUESTS
from ntrust.models import User
from ntrust.signing.passwords import is_password_expired
from ntrust.signing.second_factor import needs_second_factor

logger = structlog.get_logger(__name__)

_GetResponse = Callable[[HttpRequest], HttpResponseBase]
_GOOD_ID = re.compile(r"[A-Za-z0-9-]{8,64}")
_METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
_QUIET_PATHS = ("/healthz", "/readyz", "/metrics", "/static/")


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
        vars(request)["request_id"] = request_id
        structlog.contextvars.clear_contextvars()
        structlog.contextvars.bind_contextvars(request_id=request_id)
        began = time.monotonic()
        response = self.get_response(request)
        response["X-Request-ID"] = request_id
        if not response.has_header("Cache-Control"):
            response["Cache-Control"] = "private, no-store"
        if not request.path.startswith(_QUIET_PATHS):
            logger.info("request", **_facts(request, response, began))
            _measure(request, response, time.monotonic() - began)
        return response


def _is_endpoint(view_func: Callable[..., HttpResponseBase]) -> bool:
    """Whether a view is the REST framework's, whose permissions say what is owed."""
    view_class = getattr(view_func, "cls", None)
    return isinstance(view_class, type) and issubclass(view_class, APIView)


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
        if _is_endpoint(view_func):
            return None
        return self.handle_no_permission(request, view_func)

    def handle_no_permission(  # type: ignore[override]
        self, request: HttpRequest, view_func: Callable[..., HttpResponseBase]
    ) -> HttpResponseBase:
        """To the log-in page, and from there back. A part of a page that htmx asked for is not
        answered with a whole one: the page itself goes, and the log-in leads back to it."""
        if "HX-Request" not in request.headers:
            return super().handle_no_permission(request, view_func)
        page = urlsplit(request.headers.get("HX-Current-URL", "")).path or "/"
        answer = HttpResponse(status=401)
        answer["HX-Redirect"] = f"{self.get_login_url(view_func)}?{urlencode({'next': page})}"
        return answer

    def get_login_url(self, view_func: Callable[..., HttpResponseBase]) -> str:
        """One log-in page for everybody, the administration included."""
        return resolve_url(settings.LOGIN_URL)


class AccountDutyMiddleware:
    """Leads somebody to what is owed before anything else: a new password where the old one has
    expired, and the two-step log-in where their role needs it.

    Pages named in settings.DUTY_EXEMPT_URL_NAMES stay open: there it is done, or one leaves.
    """

    def __init__(self, get_response: _GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        return self.get_response(request)

    def process_view(
        self,
        request: HttpRequest,
        view_func: Callable[..., HttpResponseBase],
        view_args: tuple[Any, ...],
        view_kwargs: dict[str, Any],
    ) -> HttpResponseBase | None:
        """Answer with the page where it is done, or let the view answer; endpoints say it."""
        if _is_endpoint(view_func):
            return None
        match = request.resolver_match
        name = match.view_name if match else ""
        if not isinstance(request.user, User) or name in settings.DUTY_EXEMPT_URL_NAMES:
            return None
        if is_password_expired(request.user, now=clock.now()):
            messages.warning(request, "Your password is too old: choose a new one to go on.")
            return redirect("account_change_password")
        if needs_second_factor(request.user):
            messages.warning(request, "Your role needs the two-step log-in: set it up to go on.")
            return redirect("mfa_activate_totp")
        return None


class RefusedMethodMiddleware:
    """Gives the bare "method not allowed" of a page's address a page that says what to do."""

    def __init__(self, get_response: _GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        if not isinstance(response, HttpResponseNotAllowed) or response.content:
            return response
        context = {"is_reading": request.method in ("GET", "HEAD")}
        page = render(request, "405.html", context, status=405)
        page["Allow"] = response["Allow"]
        return page


class AdminContentSecurityMiddleware:
    """Loosens the Content-Security-Policy for the administration's library, and no other page."""

    def __init__(self, get_response: _GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        if request.path.startswith(settings.ADMIN_PATHS):
            vars(response)["_csp_update"] = settings.ADMIN_CONTENT_SECURITY
        return response


class SessionMiddleware(DjangoSessionMiddleware):
    """A session lives on with each click. What an open board fetches by itself is no click: without
    somebody there, it ends when it would have ended without the board."""

    def process_response(self, request: HttpRequest, response: HttpResponse) -> HttpResponse:
        """Save the session and lengthen it, except for what nobody clicked on."""
        is_live = request.path.startswith(settings.LIVE_PATH) or "X-Ntrust-Live" in request.headers
        if is_live and not request.session.modified:
            return response
        return super().process_response(request, response)


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
        **({"study": match.kwargs["key"]} if match and "key" in match.kwargs else {}),
    }


def _measure(request: HttpRequest, response: HttpResponseBase, seconds: float) -> None:
    """Labels of which there are few: an address or a word that a stranger made up is none."""
    match = request.resolver_match
    method = request.method if request.method in _METHODS else "other"
    labels = (method, match.route if match else "none", str(response.status_code))
    REQUESTS.labels(*labels).observe(seconds)
