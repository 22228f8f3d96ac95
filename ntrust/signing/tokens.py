"""The secret of a token: made by chance, kept as a hash, found by it."""

from __future__ import annotations

import hashlib
import secrets
from datetime import datetime
from typing import Final

from ntrust.errors import Refused
from ntrust.models import ApiToken

_MARK: Final = "ntrust_"
"""So that a secret that has leaked is found by those who look for such."""


def new_secret() -> str:
    """256 bits of chance, as text."""
    return f"{_MARK}{secrets.token_urlsafe(32)}"


def hash_secret(secret: str) -> str:
    """What is kept of a secret."""
    return hashlib.sha256(secret.encode()).hexdigest()


def find_token(secret: str, *, now: datetime) -> ApiToken:
    """The token with this secret.

    Refuses (`bad_token`) what is none, one that was revoked (`token_revoked`), is over
    (`token_expired`), is older than its owner's password, or whose owner's account is closed.
    """
    rows = ApiToken.objects.select_related("user", "study")
    token = rows.filter(secret_hash=hash_secret(secret)).first()
    if token is None or not token.user.is_active:
        raise Refused("bad_token", "This is no token of ours.")
    if token.revoked_at is not None:
        raise Refused("token_revoked", "This token was revoked.")
    if token.ends_at <= now:
        raise Refused("token_expired", "This token has ended.")
    changed_at = token.user.password_changed_at
    if changed_at is not None and changed_at > token.made_at:
        raise Refused("token_expired", "This token ended with its owner's old password.")
    return token
