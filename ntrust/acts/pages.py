"""An act as a page: the form, the check before it goes, and every refusal in words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.template.loader import render_to_string
from django.views import View

from ntrust import clock
from ntrust.acts.core import STATUS, Deed
from ntrust.change import STALE
from ntrust.errors import Gate, Refused
from ntrust.models import Study, User
from ntrust.previews import Found, answers_of, carry, is_sealed, seal
from ntrust.signing import SIGNATURE_REFUSALS


class Act(Deed, View):
    """The page of an act; see the package's text."""

    template: ClassVar[str] = "act.html"
    is_harm: ClassVar[bool] = False
    check_template: ClassVar[str] = "act_check.html"

    kwargs: dict[str, Any]

    def context(self) -> dict[str, Any]:
        """More for the template."""
        return {}

    def done(self) -> HttpResponse:
        """What is shown after the act: the page it leads to."""
        return redirect(self.done_url())

    def setup(self, request: HttpRequest, *args: Any, **kwargs: Any) -> None:
        """Who asks; the log-in middleware lets nobody else through to `dispatch`."""
        super().setup(request, *args, **kwargs)
        if isinstance(request.user, User):
            self.user = request.user

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Find, check the role, then show or act; every refusal in words."""
        try:
            self.open()
        except Refused as refusal:
            return render(request, "403.html", {"reason": refusal.sentence}, status=403)
        answer = super().dispatch(request, *args, **kwargs)
        assert isinstance(answer, HttpResponse)
        return answer

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """The form, or why it cannot be done now."""
        now = clock.now()
        with self.zone():
            form = self.form_to_check(initial=self.initial(now))
        return self._answer(form, self.study.revision, gates=self.gates(now))

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Read the form; show what it would change, or act."""
        seen = _revision(request)
        is_checked = self.previews and is_sealed(request, self.signatures)
        with self.zone():
            make = self.whole_form if is_checked else self.form_to_check
            form = make(data=request.POST, files=request.FILES)
            is_valid = form.is_valid()
        if not is_valid:
            return self._answer_again(form, seen, is_checked=is_checked)
        try:
            if self.previews and not is_checked and self._asks_first:
                found = self.try_out(form, seen=seen)
                if found.effect is not None or self.refuses_stale:
                    return self._show_check(form, seen, found)
            done = self.do(form, seen=seen)
        except Refused as refusal:
            if refusal.code == STALE:
                seen = Study.objects.values_list("revision", flat=True).get(pk=self.study.pk)
            return self._answer_again(form, seen, is_checked=is_checked, refusal=refusal)
        messages.success(request, done.said)
        for sentence in done.told:
            messages.info(request, sentence)
        return self.done()

    @property
    def _asks_first(self) -> bool:
        return self.refuses_stale or self.request.POST.get("step") == "check"

    def _answer_again(
        self, form: forms.Form, revision: int, *, is_checked: bool, refusal: Refused | None = None
    ) -> HttpResponse:
        """The page it came from, with what is wrong and everything that was entered."""
        is_signature_wrong = refusal is None or refusal.code in SIGNATURE_REFUSALS
        if is_checked and is_signature_wrong and set(form.errors) <= set(self.signatures):
            try:
                found = self.try_out(form)
            except Refused as news:
                refusal = news
            else:
                return self._show_check(form, revision, found, refusal=refusal)
        for name in self.signatures:
            form.fields.pop(name, None)
        if refusal is None:
            return self._answer(form, revision, gates=self.gates(clock.now()), status=422)
        status = STATUS.get(refusal.code, 409)
        return self._answer(form, revision, gates=refusal.gates, refusal=refusal, status=status)

    def _show_check(
        self, form: forms.Form, revision: int, found: Found, *, refusal: Refused | None = None
    ) -> HttpResponse:
        """What was entered, what it would change, and the button that sends it."""
        with self.zone():
            answers = answers_of(form, without=self.signatures)
        unsigned = form
        if not set(self.signatures) <= set(form.fields):
            form = self.whole_form()
        for name in [name for name in form.fields if name not in self.signatures]:
            del form.fields[name]
        more = {
            "answers": answers,
            "found": found,
            "carried": carry(self.request, self.signatures),
            "seal": seal(self.request, self.signatures),
            "as_of": clock.now(),
            "again": self.request.path,
        }
        status = STATUS.get(refusal.code, 409) if refusal else 422 if unsigned.errors else 200
        return self._render(
            self.check_template, form, revision, refusal=refusal, more=more, status=status
        )

    def _answer(
        self,
        form: forms.Form,
        revision: int,
        *,
        gates: Sequence[Gate] = (),
        refusal: Refused | None = None,
        status: int = 200,
    ) -> HttpResponse:
        gates = self.read_gates(gates)
        more = {
            "shut": [gate for gate in gates if not gate.is_clear],
            "clear": [gate for gate in gates if gate.is_clear],
        }
        return self._render(
            self.template, form, revision, refusal=refusal, more=more, status=status
        )

    def _render(  # noqa: PLR0913 - what both pages show
        self,
        template: str,
        form: forms.Form,
        revision: int,
        *,
        refusal: Refused | None,
        more: Mapping[str, Any],
        status: int,
    ) -> HttpResponse:
        with self.zone():
            fields = render_to_string("form_fields.html", {"form": form}, self.request)
        context = {
            "act": self,
            "study": self.study,
            "facts": self.facts(),
            "zone": self.site.timezone if self.site else "UTC",
            "form": form,
            "fields": fields,
            "revision": revision,
            "refusal": self.read_refusal(refusal) if refusal else None,
            "back": self.done_url(),
            **more,
            **self.context(),
        }
        return render(self.request, template, context, status=status)


def _revision(request: HttpRequest) -> int:
    """The study's revision the form was shown at; 0 when it was not said."""
    sent = request.POST.get("revision", "")
    return int(sent) if sent.isascii() and sent.isdigit() and len(sent) < 19 else 0
