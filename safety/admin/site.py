"""The record lists' own site under /manage/records/, for those who read a whole study.

Roles in a study open it, not being staff. Nothing is written here but one's own saved views, and
who took a list away.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, Final

from allauth.account.views import logout as account_logout
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from unfold.sites import UnfoldAdminSite

from ntrust.models import User
from safety.queries.records import Reading, reading_of

_SAFE: Final = ("GET", "HEAD", "OPTIONS")
WRITES: Final = frozenset({"save_list_view", "delete_list_view", "export_list", "logout"})
"""The only ones that take a POST."""


def reading(request: HttpRequest) -> Reading:
    """What the person at this request may read, asked once."""
    known: Reading | None = getattr(request, "_record_reading", None)
    if known is None:
        assert isinstance(request.user, User)  # the log-in middleware lets nobody else through
        known = reading_of(request.user)
        vars(request)["_record_reading"] = known
    return known


class RecordsSite(UnfoldAdminSite):
    """Unfold's pages for lists, without any form that changes a row."""

    settings_name = "UNFOLD_RECORDS"
    index_title = "Records"
    index_template = "safety/records/index.html"
    enable_nav_sidebar = True

    def has_permission(self, request: HttpRequest) -> bool:
        """Whether this person reads any record list, in any study."""
        return reading(request).is_central

    def admin_view(
        self, view: Callable[..., HttpResponseBase], cacheable: bool = False
    ) -> Callable[..., HttpResponseBase]:
        """Refuse (403) people without such a role, and every write but those in `WRITES`."""
        inner = super().admin_view(view, cacheable)

        @wraps(view)
        def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
            is_own = request.method == "POST" and view.__name__ in WRITES
            if not self.has_permission(request) or not (is_own or request.method in _SAFE):
                raise PermissionDenied
            return inner(request, *args, **kwargs)

        return guarded

    def login(self, request: HttpRequest, extra_context: Any = None) -> HttpResponseBase:
        """One way in for everybody."""
        return redirect("account_login")

    def logout(self, request: HttpRequest, extra_context: Any = None) -> HttpResponseBase:
        """One way out for everybody."""
        answer: HttpResponseBase = account_logout(request)
        return answer

    def password_change(self, request: HttpRequest, extra_context: Any = None) -> HttpResponseBase:
        """Where everybody changes it."""
        return redirect("account_change_password")


records = RecordsSite(name="records")
