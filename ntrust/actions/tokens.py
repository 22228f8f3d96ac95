"""Tokens: how a person lets a program in for them, and shuts it out again."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from django.db import transaction
from structlog.contextvars import get_contextvars

from ntrust import clock
from ntrust.actions.studies import note_account_event
from ntrust.errors import Refused
from ntrust.models import ApiToken, Study, User
from ntrust.policies import check_member
from ntrust.signing.tokens import hash_secret, new_secret
from ntrust.states import AccountEventKind, TokenScope

LONGEST: Final = timedelta(days=365)


def make_token(  # noqa: PLR0913 - what a token is for
    user: User,
    *,
    name: str,
    scope: TokenScope,
    ends_at: datetime,
    study: Study | None = None,
    by: User,
    now: datetime | None = None,
) -> tuple[ApiToken, str]:
    """Make a token and its secret, which is shown now and never again.

    Refuses another person's (`wrong_role`), a blank name, an end that has passed or lies more than
    a year ahead (`bad_end`), and a study that is not theirs.
    """
    if by.pk != user.pk:
        raise Refused("wrong_role", "Everybody makes their own tokens.")
    if not name.strip():
        raise Refused("name_needed", "Name the program that uses it.")
    moment = now or clock.now()
    if not moment < ends_at <= moment + LONGEST:
        raise Refused("bad_end", "A token ends in the future, within a year.")
    if study is not None:
        check_member(user, study)
    secret = new_secret()
    with transaction.atomic():
        token = ApiToken.objects.create(
            user=user,
            name=name.strip(),
            scope=scope,
            study=study,
            secret_hash=hash_secret(secret),
            made_at=moment,
            ends_at=ends_at,
        )
        _note(AccountEventKind.TOKEN_MADE, user, moment)
    return token, secret


def revoke_token(token: ApiToken, *, by: User, now: datetime | None = None) -> ApiToken:
    """End a token now. Refuses another person's (`wrong_role`), and one that was revoked."""
    if by.pk != token.user_id:
        raise Refused("wrong_role", "Everybody revokes their own tokens.")
    with transaction.atomic():
        row = ApiToken.objects.select_for_update(no_key=True).get(pk=token.pk)
        if row.revoked_at is not None:
            raise Refused("already_revoked", "This token has been revoked already.")
        row.revoked_at = now or clock.now()
        row.save(update_fields=["revoked_at"])
        _note(AccountEventKind.TOKEN_REVOKED, by, row.revoked_at)
    return row


def _note(kind: AccountEventKind, user: User, at: datetime) -> None:
    note_account_event(
        kind, user=user, at=at, request=str(get_contextvars().get("request_id") or "")
    )
