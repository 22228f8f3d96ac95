"""A page that does one thing: a form, the gates in its way, and the one action it calls.

    class ReleaseSlot(SlotAct):
        title, button, roles = "Give the seat up", "Give up", (Role.STUDY_MANAGER,)
        form_class = ReasonForm

        def run(self, reason: str) -> str:
            release_slot(self.thing, reason=reason, by=self.user)
            return "The seat is free again."

A subclass says how the thing is found (`find`), what is in the way (`gates`), what the action is
(`run`, given the form's cleaned fields by name; it answers the sentence shown afterwards) and where
to go then (`done_url`). The rest is here: the role is checked before the form is shown, times are
read and shown in the site's own zone, a page that somebody else's change has made stale is refused
under the lock, and a refusal shows the form again with its sentence, its gates and everything
that was entered.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, ClassVar

from django import forms
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.template.loader import render_to_string
from django.utils import timezone
from django.views import View

from ntrust import clock
from ntrust.change import as_seen
from ntrust.errors import Gate, Refused
from ntrust.models import Site, Study, User
from ntrust.policies import check_role
from ntrust.states import Role

_STATUS = {"wrong_role": 403, "other_site": 403}


class ActForm(forms.Form):
    """A form of an act: no colon after labels; dates and times in the browser's own fields."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs.setdefault("label_suffix", "")
        super().__init__(*args, **kwargs)


class ReasonForm(ActForm):
    """Why."""

    reason = forms.CharField(label="Reason", max_length=500, widget=forms.Textarea({"rows": 3}))


class SignForm(ActForm):
    """A signature: the password once more."""

    password = forms.CharField(
        label="Your password, as your signature",
        strip=False,
        widget=forms.PasswordInput({"autocomplete": "current-password"}),
    )


class MomentField(forms.DateTimeField):
    """A date and time at the site."""

    widget = forms.DateTimeInput({"type": "datetime-local"}, format="%Y-%m-%dT%H:%M")

    def __init__(self, **kwargs: Any) -> None:
        kwargs.setdefault("input_formats", ["%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S"])
        super().__init__(**kwargs)


class DayField(forms.DateField):
    """A calendar day."""

    widget = forms.DateInput({"type": "date"}, format="%Y-%m-%d")

    def __init__(self, **kwargs: Any) -> None:
        kwargs.setdefault("input_formats", ["%Y-%m-%d"])
        super().__init__(**kwargs)


class Act(View):
    """See the module's text. `find` sets `thing`, `study`, and where they apply `site` and
    `subjects`, the numbers by which events name the participant concerned."""

    title: ClassVar[str]
    button: ClassVar[str]
    roles: ClassVar[Sequence[Role]]
    form_class: ClassVar[type[forms.Form]] = ActForm
    template: ClassVar[str] = "act.html"
    is_harm: ClassVar[bool] = False

    user: User
    thing: Any
    study: Study
    site: Site | None = None
    subjects: Sequence[str] = ()

    def find(self) -> None:
        """Set what the act is about from `self.kwargs`; Http404 where it is not theirs."""
        raise NotImplementedError

    def gates(self, now: datetime) -> list[Gate]:
        """What must be clear; shown with the form. The action checks them again."""
        return []

    def facts(self) -> Mapping[str, Any]:
        """What to show above the form, label to value."""
        return {}

    def initial(self, now: datetime) -> dict[str, Any]:
        """What the form starts with."""
        return {}

    def make_form(self, **kwargs: Any) -> forms.Form:
        """The form, bound or not."""
        return self.form_class(**kwargs)

    def cover(self, sentence: str) -> str:
        """A sentence of a gate or a refusal as this person may read it."""
        return sentence

    def context(self) -> dict[str, Any]:
        """More for the template."""
        return {}

    def run(self, **entered: Any) -> str:
        """Call the action; the sentence to show afterwards."""
        raise NotImplementedError

    def done_url(self) -> str:
        """Where to go afterwards."""
        raise NotImplementedError

    def setup(self, request: HttpRequest, *args: Any, **kwargs: Any) -> None:
        """Who asks; the log-in middleware lets nobody else through to `dispatch`."""
        super().setup(request, *args, **kwargs)
        if isinstance(request.user, User):
            self.user = request.user

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Find, check the role, then show or act; every refusal in words."""
        try:
            self.find()
            check_role(self.user, self.study, self.roles, site=self.site)
        except Refused as refusal:
            if refusal.code not in _STATUS:
                raise Http404 from refusal
            return render(request, "403.html", {"reason": refusal.sentence}, status=403)
        answer = super().dispatch(request, *args, **kwargs)
        assert isinstance(answer, HttpResponse)
        return answer

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """The form, or why it cannot be done now."""
        now = clock.now()
        with self._zone():
            form = self.make_form(initial=self.initial(now))
        return self._answer(form, self.study.revision, gates=self.gates(now))

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Read the form and act."""
        seen = _revision(request)
        with self._zone():
            form = self.make_form(data=request.POST, files=request.FILES)
            is_valid = form.is_valid()
        if not is_valid:
            return self._answer(form, seen, gates=self.gates(clock.now()), status=422)
        try:
            with as_seen(self.study, subjects=self.subjects, revision=seen):
                said = self.run(**form.cleaned_data)
        except Refused as refusal:
            status = _STATUS.get(refusal.code, 409)
            return self._answer(form, seen, gates=refusal.gates, refusal=refusal, status=status)
        messages.success(request, said)
        return redirect(self.done_url())

    def _answer(
        self,
        form: forms.Form,
        revision: int,
        *,
        gates: Sequence[Gate] = (),
        refusal: Refused | None = None,
        status: int = 200,
    ) -> HttpResponse:
        gates = [replace(gate, sentence=self.cover(gate.sentence)) for gate in gates]
        if refusal is not None:
            refusal = Refused(refusal.code, self.cover(refusal.sentence), gates)
        shut = [gate for gate in gates if not gate.is_clear]
        with self._zone():
            fields = render_to_string("form_fields.html", {"form": form}, self.request)
        context = {
            "act": self,
            "study": self.study,
            "facts": self.facts(),
            "zone": self.site.timezone if self.site else "UTC",
            "form": form,
            "fields": fields,
            "revision": revision,
            "shut": shut,
            "clear": [gate for gate in gates if gate.is_clear],
            "refusal": refusal,
            "back": self.done_url(),
            **self.context(),
        }
        return render(self.request, self.template, context, status=status)

    def _zone(self) -> timezone.override:
        return timezone.override(self.site.timezone if self.site else "UTC")


def _revision(request: HttpRequest) -> int:
    """The study's revision the form was shown at; 0 when it was not said."""
    sent = request.POST.get("revision", "")
    return int(sent) if sent.isascii() and sent.isdigit() and len(sent) < 19 else 0
