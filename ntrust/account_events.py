"""What the log-in library tells us of an account is kept: log-outs, resets, second factors.

Row history keeps roles, the account's fields and the time of a new password; ntrust/signing keeps
every try to prove who one is.
"""

from __future__ import annotations

from typing import Any, Final

from allauth.account.signals import password_reset
from allauth.mfa.models import Authenticator
from allauth.mfa.signals import authenticator_added, authenticator_removed, authenticator_reset
from django.contrib.auth.signals import user_logged_out
from structlog.contextvars import get_contextvars

from ntrust import clock
from ntrust.actions import note_account_event
from ntrust.models import User
from ntrust.states import AccountEventKind

_KINDS: Final = {
    user_logged_out: AccountEventKind.LOGGED_OUT,
    password_reset: AccountEventKind.PASSWORD_RESET,
    authenticator_added: AccountEventKind.SECOND_FACTOR_ADDED,
    authenticator_removed: AccountEventKind.SECOND_FACTOR_REMOVED,
    authenticator_reset: AccountEventKind.RECOVERY_CODES_MADE,
}


def listen() -> None:
    """Have each of these signals kept."""
    for signal in _KINDS:
        signal.connect(_keep, dispatch_uid="ntrust.account_events")


def _keep(*, signal: Any, user: Any = None, **told: Any) -> None:
    if not isinstance(user, User):
        return
    kind = _KINDS[signal]
    authenticator = told.get("authenticator")
    is_codes = isinstance(authenticator, Authenticator) and (
        authenticator.type == Authenticator.Type.RECOVERY_CODES
    )
    if is_codes and kind == AccountEventKind.SECOND_FACTOR_ADDED:
        kind = AccountEventKind.RECOVERY_CODES_MADE
    request = str(get_contextvars().get("request_id") or "")
    note_account_event(kind, user=user, at=clock.now(), request=request)
