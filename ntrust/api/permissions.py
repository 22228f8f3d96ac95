"""Who may come in at all, and how often. Roles are the acts' and queries' own to check."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.cache import caches
from rest_framework.exceptions import PermissionDenied
from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.throttling import UserRateThrottle

from ntrust import clock
from ntrust.models import User
from ntrust.signing.passwords import is_password_expired
from ntrust.signing.second_factor import needs_second_factor


class HasDoneDuties(BasePermission):
    """Nobody comes this way around a new password or the two-step log-in that they owe."""

    def has_permission(self, request: Request, view: Any) -> bool:
        """True, or a refusal that says what is owed."""
        user = request.user
        if not isinstance(user, User):
            return False
        if is_password_expired(user, now=clock.now()):
            raise PermissionDenied(
                "Your password is too old: log in and choose a new one.", code="password_expired"
            )
        if needs_second_factor(user):
            raise PermissionDenied(
                "Your role needs the two-step log-in: log in and set it up.",
                code="second_factor_needed",
            )
        return True


class Pace(UserRateThrottle):
    """So many requests a minute and person, in each process. An alert is never kept waiting."""

    cache = caches["pace"]

    def get_rate(self) -> str:
        """From the settings."""
        return f"{settings.API_REQUESTS_A_MINUTE}/minute"

    def allow_request(self, request: Request, view: Any) -> bool:
        """Whether it goes on; counted unless it is an alert."""
        if getattr(view, "is_alert", False) and request.method == "POST":
            return True
        return bool(super().allow_request(request, view))
