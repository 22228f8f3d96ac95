"""The second factor: a code from an authenticator app, good once."""

from __future__ import annotations

from datetime import datetime

from allauth.mfa import app_settings
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import format_hotp_value, hotp_value
from allauth.mfa.utils import decrypt
from django.conf import settings
from django.utils.crypto import constant_time_compare

from ntrust.models import Membership, UsedCode, User


def authenticator_of(user: User) -> Authenticator | None:
    """The authenticator app a person has set up; None before."""
    return Authenticator.objects.filter(user=user, type=Authenticator.Type.TOTP).first()


def is_enrolled(user: User) -> bool:
    """Whether this person has set an authenticator app up."""
    return authenticator_of(user) is not None


def use_code(user: User, code: str, *, now: datetime) -> Authenticator | None:
    """The authenticator whose code this is, used up by that; None for any other code.

    A code used before is no code, whether it was for a log-in or for a signature. To be called
    while the account's tries wait for one another (`begin_attempt`).
    """
    app = authenticator_of(user)
    typed = "".join(code.split())
    if app is None or not typed:
        return None
    secret = decrypt(app.data["secret"])
    present = int(now.timestamp()) // app_settings.TOTP_PERIOD
    slack = app_settings.TOTP_TOLERANCE
    for step in range(present - slack, present + slack + 1):
        if constant_time_compare(format_hotp_value(hotp_value(secret, step)), typed):
            _, is_new = UsedCode.objects.get_or_create(
                authenticator=app.pk, step=step, defaults={"user": user, "used_at": now}
            )
            return app if is_new else None
    return None


def use_recovery_code(user: User, code: str) -> Authenticator | None:
    """The recovery codes of which this is one, used up by that; None for any other code."""
    codes = Authenticator.objects.filter(user=user, type=Authenticator.Type.RECOVERY_CODES).first()
    return codes if codes is not None and codes.wrap().validate_code(code) else None


def needs_second_factor(user: User) -> bool:
    """Whether this person has to set an authenticator app up before anything else: in production,
    those who run the machine and those in a role that `SECOND_FACTOR_ROLES` names."""
    if settings.NTRUST_MODE != "production":
        return False
    has_duty = (
        user.is_superuser
        or Membership.objects.filter(
            user=user,
            revoked_at__isnull=True,
            study__is_replay=False,
            role__in=settings.SECOND_FACTOR_ROLES,
        ).exists()
    )
    return has_duty and not is_enrolled(user)
