"""How people come in: accounts are made by the machine's administrator, nobody signs up."""

from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from django.contrib.auth.base_user import AbstractBaseUser
from django.core.exceptions import ValidationError
from django.http import HttpRequest

from ntrust.models import User
from ntrust.signing.attempts import account_named, attempting, lock_in_words
from ntrust.signing.second_factor import is_enrolled
from ntrust.states import AttemptOutcome, Door


class AccountAdapter(DefaultAccountAdapter):
    """allauth's behaviour, without self-service sign-up, and with the lock after wrong tries."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        """No: a new person is added under /admin/ by the machine's administrator."""
        return False

    def authenticate(self, request: HttpRequest, **credentials: Any) -> AbstractBaseUser | None:
        """Try a password, and record it. A locked account is not tried, whether it exists or not,
        and hears until when."""
        typed = str(credentials.get("username") or credentials.get("email") or "")
        person = account_named(typed)
        is_in = getattr(request, "user", None) is not None and request.user.is_authenticated
        door = Door.CONFIRMATION if is_in else Door.LOG_IN
        user = None
        with attempting(person, identifier=typed, door=door) as attempt:
            if attempt.locked_until is None:
                user = super().authenticate(request, **credentials)
                attempt.outcome = _outcome(user)
            else:
                self.pre_authenticate(request, **credentials)  # the limit of one address
        if attempt.locked_until is not None:
            raise ValidationError(lock_in_words(attempt.locked_until))
        return user


def _outcome(user: AbstractBaseUser | None) -> AttemptOutcome:
    """How a password fared. It ends a row of failures only where no code has to follow."""
    if not isinstance(user, User):
        return AttemptOutcome.WRONG_PASSWORD
    if not user.is_active:
        return AttemptOutcome.CLOSED
    return AttemptOutcome.FIRST_STEP if is_enrolled(user) else AttemptOutcome.ACCEPTED
