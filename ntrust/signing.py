"""Signatures: canonical content, its hash, and a person who proves who they are."""

from __future__ import annotations

import hashlib
import json
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from ntrust.change import Change
from ntrust.errors import Refused
from ntrust.models import Signature, User


def canonical(content: Any) -> str:
    """JSON with sorted keys and no spaces: equal content, equal text."""
    return json.dumps(
        content, sort_keys=True, separators=(",", ":"), ensure_ascii=False, default=_plain
    )


def content_hash(content: Any) -> str:
    """SHA-256 of the canonical content, in hexadecimal."""
    return hashlib.sha256(canonical(content).encode()).hexdigest()


def _plain(value: Any) -> str:
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, Decimal):
        return str(value.normalize())
    raise TypeError(f"{type(value).__name__} has no canonical form")


def sign(
    change: Change, *, signer: User, role: str, password: str, meaning: str, hash_of: str
) -> Signature:
    """Record a signature on content with hash `hash_of`.

    The signer gives their password again at each signature. Refuses a wrong one
    (`signature_refused`) and an account without a printed name (`no_printed_name`).
    """
    if not (signer.is_active and signer.check_password(password)):
        raise Refused("signature_refused", "The password is not right. Nothing was signed.")
    if not signer.printed_name:
        raise Refused("no_printed_name", "A signature needs the account's printed name.")
    return Signature.objects.create(
        study=change.study,
        signer=signer,
        printed_name=signer.printed_name,
        role=role,
        meaning=meaning,
        signed_at=change.now,
        content_hash=hash_of,
    )
