"""Who asks: the bearer of a token."""

from __future__ import annotations

import structlog
from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from ntrust import clock
from ntrust.errors import Refused
from ntrust.models import ApiToken, User
from ntrust.signing.tokens import find_token

_WORD = "bearer "


class TokenAuthentication(BaseAuthentication):
    """`Authorization: Bearer ntrust_…`."""

    def authenticate(self, request: Request) -> tuple[User, ApiToken] | None:
        """The person and the token; None where no token was sent."""
        sent = request.headers.get("Authorization", "")
        if not sent.lower().startswith(_WORD):
            return None
        try:
            token = find_token(sent[len(_WORD) :].strip(), now=clock.now())
        except Refused as refusal:
            raise AuthenticationFailed(refusal.sentence, code=refusal.code) from refusal
        structlog.contextvars.bind_contextvars(user_id=token.user_id, token_id=token.pk)
        return token.user, token

    def authenticate_header(self, request: Request) -> str:
        """So that nobody at all is a 401."""
        return "Bearer"
