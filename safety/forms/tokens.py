"""A person's own tokens for programs: their own page, of no study."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Final

from allauth.account.decorators import reauthentication_required
from django import forms
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.decorators import method_decorator
from django.views import View

from cohorts.queries import studies_for, viewer_of
from ntrust import clock
from ntrust.actions import make_token, revoke_token
from ntrust.acts import ActForm
from ntrust.errors import Refused
from ntrust.models import ApiToken, User
from ntrust.states import TokenScope

_DAYS: Final = [("7", "7 days"), ("30", "30 days"), ("90", "90 days"), ("365", "365 days")]


class TokenForm(ActForm):
    """What a token is for."""

    name = forms.CharField(label="The program that uses it", max_length=80)
    scope = forms.ChoiceField(label="It may", choices=TokenScope.choices)
    study = forms.ChoiceField(label="In", required=False)
    days = forms.TypedChoiceField(label="It ends after", choices=_DAYS, coerce=int)

    def __init__(self, *args: Any, keys: list[str], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        study = self.fields["study"]
        assert isinstance(study, forms.ChoiceField)
        study.choices = [("", "all my studies"), *((key, key) for key in keys)]


@method_decorator(reauthentication_required(allow_get=True), name="dispatch")
class Tokens(View):
    """The page: the tokens there are, and a new one, whose secret is shown this once."""

    def get(self, request: HttpRequest) -> HttpResponse:
        """The list and the form."""
        return self._answer(TokenForm(keys=self._keys))

    def post(self, request: HttpRequest) -> HttpResponse:
        """Make one."""
        form = TokenForm(data=request.POST, keys=self._keys)
        if not form.is_valid():
            return self._answer(form, status=422)
        user, asked, now = _user(request), form.cleaned_data, clock.now()
        viewer = viewer_of(user, asked["study"]) if asked["study"] else None
        try:
            token, secret = make_token(
                user,
                name=asked["name"],
                scope=asked["scope"],
                study=viewer.study if viewer else None,
                ends_at=now + timedelta(days=asked["days"]),
                by=user,
                now=now,
            )
        except Refused as refusal:
            messages.warning(request, refusal.sentence)
            return self._answer(form, status=409)
        return self._answer(TokenForm(keys=self._keys), made=token, secret=secret)

    @property
    def _keys(self) -> list[str]:
        return [card.key for card in studies_for(_user(self.request))]

    def _answer(self, form: TokenForm, *, status: int = 200, **made: Any) -> HttpResponse:
        rows = ApiToken.objects.filter(user=_user(self.request)).select_related("study")
        context = {"form": form, "tokens": rows, "as_of": clock.now(), **made}
        return render(self.request, "safety/tokens.html", context, status=status)


class RevokeToken(View):
    """Ends one of one's own tokens; others' are not there."""

    def post(self, request: HttpRequest, number: int) -> HttpResponse:
        """End it now."""
        user = _user(request)
        token = ApiToken.objects.filter(user=user, pk=number).first()
        if token is None:
            raise Http404
        try:
            revoke_token(token, by=user)
        except Refused as refusal:
            messages.warning(request, refusal.sentence)
        else:
            messages.success(request, f"The token of {token.name} is revoked.")
        return redirect("safety:tokens")


def _user(request: HttpRequest) -> User:
    assert isinstance(request.user, User)  # the log-in middleware lets nobody else through
    return request.user
