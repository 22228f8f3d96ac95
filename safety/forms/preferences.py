"""How a person wants to be told: their own page, of no study."""

from __future__ import annotations

from typing import Any, Final
from zoneinfo import available_timezones

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views import View

from ntrust import clock
from ntrust.actions import set_preferences
from ntrust.acts import ActForm
from ntrust.models import User
from safety.queries.preferences import Wishes, read_wishes

_HOURS: Final = [(str(hour), f"{hour:02d}:00") for hour in range(24)]


class PreferencesForm(ActForm):
    """When the digest comes, and what comes at once as well."""

    digest_hour = forms.TypedChoiceField(
        label="Hour of your digest", choices=_HOURS, coerce=int, help_text="In your time zone."
    )
    timezone = forms.ChoiceField(label="Your time zone", required=False)
    mails_at_once = forms.TypedChoiceField(
        label="What is not urgent",
        choices=[("no", "once a day, in the digest"), ("yes", "at once, each in a mail")],
        coerce=lambda word: word == "yes",
        widget=forms.RadioSelect,
        help_text="Urgent mail always comes at once.",
    )

    def __init__(self, *args: Any, home: str = "UTC", **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        zones = sorted(zone for zone in available_timezones() if "/" in zone)
        first = ("", f"That of my site, or UTC ({home})")
        zone = self.fields["timezone"]
        assert isinstance(zone, forms.ChoiceField)
        zone.choices = [first, ("UTC", "UTC"), *((name, name) for name in zones)]


class Preferences(View):
    """The page of one's own preferences, with when the next digest would come."""

    def get(self, request: HttpRequest) -> HttpResponse:
        """The form as it stands."""
        wishes = self._wishes()
        own = {
            "digest_hour": str(wishes.hour),
            "timezone": wishes.zone,
            "mails_at_once": "yes" if wishes.mails_at_once else "no",
        }
        return self._answer(PreferencesForm(initial=own, home=wishes.home), wishes)

    def post(self, request: HttpRequest) -> HttpResponse:
        """Keep what was chosen."""
        wishes = self._wishes()
        form = PreferencesForm(data=request.POST, home=wishes.home)
        if not form.is_valid():
            return self._answer(form, wishes, status=422)
        set_preferences(self._user, by=self._user, **form.cleaned_data)
        messages.success(request, "Your preferences are kept.")
        return redirect("safety:preferences")

    @property
    def _user(self) -> User:
        assert isinstance(self.request.user, User)  # the log-in middleware lets nobody else through
        return self.request.user

    def _wishes(self) -> Wishes:
        return read_wishes(self._user, now=clock.now())

    def _answer(self, form: PreferencesForm, wishes: Wishes, *, status: int = 200) -> HttpResponse:
        context = {"form": form, "wishes": wishes}
        return render(self.request, "safety/preferences.html", context, status=status)
