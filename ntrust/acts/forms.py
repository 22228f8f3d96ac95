"""Forms of acts, and their fields."""

from __future__ import annotations

from datetime import date
from typing import Any, ClassVar, Final

from django import forms

from ntrust.models import User
from ntrust.signing import Proof
from ntrust.signing.second_factor import is_enrolled


class ActForm(forms.Form):
    """A form of an act: no colon after labels; dates and times in the browser's own fields."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs.setdefault("label_suffix", "")
        super().__init__(*args, **kwargs)


class ReasonForm(ActForm):
    """Why."""

    reason = forms.CharField(label="Reason", max_length=500, widget=forms.Textarea({"rows": 3}))


class _CodeInput(forms.TextInput):
    """A code as it is typed: never sent back to the page."""

    def format_value(self, value: Any) -> None:
        """Nothing."""


class SignForm(ActForm):
    """A signature: username and password once more, and the code where there is a second factor.

    Fields of subclasses come first. All three go to the action as `password`, a `Proof`.
    """

    SIGNING: ClassVar = ("username", "password", "code")

    username = forms.CharField(
        label="Your username, typed again",
        max_length=254,
        widget=forms.TextInput({"autocomplete": "off", "autocapitalize": "none"}),
    )
    password = forms.CharField(
        label="Your password, as your signature",
        strip=False,
        widget=forms.PasswordInput({"autocomplete": "current-password"}),
    )
    code = forms.CharField(
        label="Code of your authenticator app",
        max_length=20,
        widget=_CodeInput({"autocomplete": "one-time-code", "inputmode": "numeric"}),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        own = [name for name in self.fields if name not in self.SIGNING]
        self.order_fields([*own, *self.SIGNING])

    def ask(self, signer: User) -> None:
        """Ask for a code where this person has set an authenticator app up."""
        if not is_enrolled(signer):
            self.fields.pop("code", None)

    def clean(self) -> dict[str, Any]:
        """Put together what was typed."""
        entered = {**(super().clean() or {})}
        identifier, code = entered.pop("username", ""), entered.pop("code", "")
        if "password" in entered:
            entered["password"] = Proof(entered["password"], identifier=identifier, code=code)
        return entered


FIRST_YEAR: Final = 1900
LAST_YEAR: Final = 2199
"""What lies outside is a slip of the hand; at the calendar's own ends no zone can tell the time."""


def _check_year(entered: date) -> None:
    if not FIRST_YEAR <= entered.year <= LAST_YEAR:
        raise forms.ValidationError(f"The year is between {FIRST_YEAR} and {LAST_YEAR}.")


class MomentField(forms.DateTimeField):
    """A date and time at the site."""

    widget = forms.DateTimeInput({"type": "datetime-local"}, format="%Y-%m-%dT%H:%M")

    def __init__(self, **kwargs: Any) -> None:
        kwargs.setdefault("input_formats", ["%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S"])
        kwargs.setdefault("validators", [_check_year])
        super().__init__(**kwargs)


class DayField(forms.DateField):
    """A calendar day."""

    widget = forms.DateInput({"type": "date"}, format="%Y-%m-%d")

    def __init__(self, **kwargs: Any) -> None:
        kwargs.setdefault("input_formats", ["%Y-%m-%d"])
        kwargs.setdefault("validators", [_check_year])
        super().__init__(**kwargs)
