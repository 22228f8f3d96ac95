"""A signature as it is shown: who, as what, when, what it means, and whether it still holds."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from ntrust.models import Signature
from ntrust.signing.content import content_hash
from ntrust.states import Role

VALID: Final = "valid"
CHANGED: Final = "no longer valid: the signed content has changed since"


@dataclass(frozen=True)
class SignatureStatus:
    """A signature for `signature.html`: on screen and on paper the same words.

    `at` is the time in words, in UTC with its offset; `words` says whether it holds.
    """

    name: str
    role: str
    meaning: str
    signed_at: datetime
    at: str
    is_valid: bool
    words: str
    has_second_factor: bool


def is_valid(signature: Signature, content: Any) -> bool:
    """Whether this is what was signed. A signature on other content is none."""
    return signature.content_hash == content_hash(content)


def signature_status(signature: Signature, content_now: Any) -> SignatureStatus:
    """A signature beside the content as it is now."""
    return signature_on(signature, content_hash(content_now))


def signature_on(signature: Signature, hash_now: str) -> SignatureStatus:
    """The same beside the hash of the content as it is now."""
    holds = signature.content_hash == hash_now
    return SignatureStatus(
        name=signature.printed_name,
        role=Role(signature.role).label,
        meaning=signature.meaning,
        signed_at=signature.signed_at,
        at=moment_in_words(signature.signed_at),
        is_valid=holds,
        words=VALID if holds else CHANGED,
        has_second_factor=signature.has_second_factor,
    )


def moment_in_words(moment: datetime) -> str:
    """09-Sep-2026 14:05:33 UTC (+00:00)."""
    return f"{moment.astimezone(UTC):%d-%b-%Y %H:%M:%S} UTC (+00:00)"
