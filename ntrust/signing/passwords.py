"""How old a password may be."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.conf import settings

from ntrust.models import User


def is_password_expired(user: User, *, now: datetime) -> bool:
    """Whether a password has to be changed before anything else. Demo accounts keep theirs."""
    if user.is_demo or not settings.PASSWORD_DAYS or user.password_changed_at is None:
        return False
    return now - user.password_changed_at > timedelta(days=settings.PASSWORD_DAYS)
