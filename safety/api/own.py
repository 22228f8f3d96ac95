"""A person's own wishes of how to be told; of no study, so not for the token of one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.http import Http404
from rest_framework.request import Request
from rest_framework.response import Response

from ntrust import clock
from ntrust.actions import set_preferences
from ntrust.api.endpoints import Endpoint
from ntrust.api.entries import check_entered, entered_in
from ntrust.api.errors import refuse_stale
from ntrust.api.plain import plain
from ntrust.api.telling import tells
from ntrust.signing import content_hash
from safety.forms.preferences import PreferencesForm
from safety.queries.preferences import Wishes, read_wishes


@dataclass(frozen=True)
class OwnWishes:
    """What a person has chosen."""

    data: Wishes


class PreferencesEndpoint(Endpoint):
    """When one's digest comes, and what comes at once as well."""

    @tells(OwnWishes, has_tag=True)
    def get(self, request: Request, **kwargs: Any) -> Response:
        """How it stands, and when the next digest comes. The ETag is what to send as If-Match."""
        return self._answer()

    @tells(OwnWishes, form=PreferencesForm, form_varies=True, needs_seen=True, has_tag=True)
    def post(self, request: Request, **kwargs: Any) -> Response:
        """Choose. What was chosen elsewhere meanwhile is refused."""
        entered, _ = entered_in(request)

        def choose() -> Response:
            wishes = self._wishes()
            refuse_stale(request, _tag_of(wishes))
            form = PreferencesForm(data=entered, home=wishes.home)
            check_entered(form, entered)
            set_preferences(self.user, by=self.user, **form.cleaned_data)
            return self._answer()

        return self.once(request, entered, choose)

    def _answer(self) -> Response:
        wishes = self._wishes()
        headers = {"ETag": f'"{_tag_of(wishes)}"'}
        return Response(plain(OwnWishes(wishes)), headers=headers)

    def _wishes(self) -> Wishes:
        if self.token is not None and self.token.study is not None:
            raise Http404
        return read_wishes(self.user, now=clock.now())


def _tag_of(wishes: Wishes) -> str:
    """A number, as every ETag here."""
    return str(int(content_hash([wishes.hour, wishes.zone, wishes.mails_at_once])[:12], 16))
