"""Signatures: canonical content, its hash, and a person who proves who they are."""

from __future__ import annotations

from typing import Final

from django.conf import settings

from ntrust import clock
from ntrust.change import Change, is_rehearsal
from ntrust.errors import Refused
from ntrust.models import Signature, User
from ntrust.signing.attempts import (
    Attempt,
    begin_attempt,
    end_attempt,
    lock_in_words,
    record_attempt,
)
from ntrust.signing.content import canonical, content_hash
from ntrust.signing.passwords import is_password_expired
from ntrust.signing.proof import Proof
from ntrust.signing.second_factor import is_enrolled, use_code
from ntrust.signing.status import (
    SignatureStatus,
    is_valid,
    moment_in_words,
    signature_on,
    signature_status,
)
from ntrust.states import AttemptOutcome, Door

__all__ = [
    "SIGNATURE_REFUSALS",
    "Proof",
    "SignatureStatus",
    "canonical",
    "content_hash",
    "is_valid",
    "moment_in_words",
    "sign",
    "signature_on",
    "signature_status",
]

SIGNATURE_REFUSALS: Final = frozenset({"signature_refused", "account_locked", "code_needed"})
"""Codes of refusals that concern what was typed to sign, and nothing else."""


def sign(
    change: Change, *, signer: User, role: str, password: str, meaning: str, hash_of: str
) -> Signature:
    """Record a signature on content with hash `hash_of`.

    The signer types identifier and password again at each signature (a `Proof`), and the code of
    their authenticator app when they have one. Refuses an account that is closed, locked
    (`account_locked`), without a printed name (`no_printed_name`) or with an expired password
    (`password_expired`); a wrong identifier, password or code (`signature_refused`); a code that
    is missing (`code_needed`); and, in production, no identifier (`identifier_needed`) and no
    second factor in a role that needs one (`second_factor_needed`). Each try is recorded, also when
    nothing else is. A rehearsal asks for no proof: it keeps no signature.
    """
    if not signer.is_active:
        raise Refused("signature_refused", "This account is closed. Nothing was signed.")
    if not signer.printed_name:
        raise Refused("no_printed_name", "A signature needs the account's printed name.")
    has_code = not is_rehearsal() and _prove(change, signer=signer, role=role, password=password)
    return Signature.objects.create(
        study=change.study,
        signer=signer,
        printed_name=signer.printed_name,
        role=role,
        meaning=meaning,
        signed_at=change.now,
        content_hash=hash_of,
        has_second_factor=has_code,
    )


def _prove(change: Change, *, signer: User, role: str, password: str) -> bool:
    """Try the proof and record the try; whether a code was part of it."""
    identifier = password.identifier if isinstance(password, Proof) else signer.username
    attempt = begin_attempt(signer, identifier=identifier, door=Door.SIGNATURE, study=change.study)
    change.endings.append(lambda: end_attempt(attempt))
    try:
        _check_account(change, attempt, signer=signer, role=role, password=password)
        has_code = _check_proof(attempt, signer=signer, password=password)
    except Refused:
        change.endings.insert(0, lambda: record_attempt(attempt))
        raise
    attempt.outcome = AttemptOutcome.ACCEPTED
    record_attempt(attempt)
    return has_code


def _check_account(
    change: Change, attempt: Attempt, *, signer: User, role: str, password: str
) -> None:
    """Refuse an account that may not sign now, whatever is typed."""
    if attempt.locked_until is not None:
        sentence = f"{lock_in_words(attempt.locked_until)} Nothing was signed."
        raise Refused("account_locked", sentence)
    if is_password_expired(signer, now=clock.now()):
        raise Refused("password_expired", "Your password is too old: change it, then sign.")
    if settings.NTRUST_MODE != "production" or change.study.is_replay:
        return
    if not isinstance(password, Proof):
        raise Refused("identifier_needed", "A signature needs the username typed again.")
    if role in settings.SECOND_FACTOR_ROLES and not is_enrolled(signer):
        raise Refused(
            "second_factor_needed", "Set up the two-step log-in first: this role signs with a code."
        )


def _check_proof(attempt: Attempt, *, signer: User, password: str) -> bool:
    """Refuse what does not prove it is the signer; whether a code was part of it."""
    names = {signer.username.casefold(), signer.email.casefold()} - {""}
    if attempt.identifier.strip().casefold() not in names:
        attempt.outcome = AttemptOutcome.WRONG_IDENTIFIER
        raise Refused(
            "signature_refused", "This is not the username you are logged in with. Nothing signed."
        )
    if not signer.check_password(password):
        attempt.outcome = AttemptOutcome.WRONG_PASSWORD
        raise Refused("signature_refused", "The password is not right. Nothing was signed.")
    if not is_enrolled(signer):
        return False
    code = password.code if isinstance(password, Proof) else ""
    if not code.strip():
        raise Refused("code_needed", "Type the code your authenticator app shows.")
    if use_code(signer, code, now=clock.now()) is None:
        attempt.outcome = AttemptOutcome.WRONG_CODE
        raise Refused(
            "signature_refused",
            "The code is not right, or was used before. A signature takes a code of the "
            "authenticator app, no recovery code. Nothing was signed.",
        )
    return True
