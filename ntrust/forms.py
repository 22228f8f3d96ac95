"""Forms of the shared pages."""

from typing import Any

from allauth.account.forms import LoginForm as AllauthLoginForm
from allauth.mfa.adapter import get_adapter
from allauth.mfa.base.forms import AuthenticateForm, ReauthenticateForm
from django import forms

from ntrust import clock
from ntrust.models import User
from ntrust.signing.attempts import attempting, lock_in_words
from ntrust.signing.second_factor import use_code, use_recovery_code
from ntrust.states import AttemptOutcome, Door


class LoginForm(AllauthLoginForm):
    """allauth's log-in form with labels that say what to type, and none of them twice."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["login"].label = "Username or e-mail"
        self.fields["password"].help_text = ""
        for field in self.fields.values():
            field.widget.attrs.pop("placeholder", None)


class _CodeForm(forms.Form):
    """A code of the authenticator app, or one of the recovery codes: each is good once.

    Wrong ones count together with wrong passwords, and lock the account.
    """

    user: User

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["code"].widget.attrs.pop("placeholder", None)

    def clean_code(self) -> str:
        """Use the code up."""
        code: str = self.cleaned_data["code"]
        door = Door.SECOND_STEP
        with attempting(self.user, identifier=self.user.username, door=door) as attempt:
            if attempt.locked_until is None:
                found = use_code(self.user, code, now=clock.now())
                self.authenticator = found or use_recovery_code(self.user, code)
                is_right = self.authenticator is not None
                attempt.outcome = AttemptOutcome.ACCEPTED if is_right else AttemptOutcome.WRONG_CODE
        if attempt.locked_until is not None:
            raise forms.ValidationError(lock_in_words(attempt.locked_until))
        if not is_right:
            raise get_adapter().validation_error("incorrect_code")
        return code


class SecondStepForm(_CodeForm, AuthenticateForm):
    """The second step of the log-in."""


class SecondConfirmationForm(_CodeForm, ReauthenticateForm):
    """A code once more, while logged in."""
