"""A person's own chat or telephone: entered once, tried, taken away; of no study."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseBadRequest
from django.shortcuts import redirect, render
from django.utils.decorators import method_decorator
from django.views import View
from django.views.decorators.debug import sensitive_post_parameters

from ntrust.actions import remove_chat, set_chat, try_chat
from ntrust.acts import ActForm
from ntrust.errors import Refused
from ntrust.models import User
from safety.queries.chats import read_chat


class ChatForm(ActForm):
    """Where to write; like a password it is never sent back to the page."""

    target = forms.CharField(
        label="Where to write",
        max_length=400,
        widget=forms.PasswordInput({"autocomplete": "off"}),
    )

    def __init__(self, *args: Any, services: tuple[str, ...] = (), **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        names = ", ".join(services)
        self.fields[
            "target"
        ].help_text = f"As in service://token/…, for {names}. It is sealed, and never shown again."


@method_decorator(sensitive_post_parameters("target"), name="dispatch")
class OwnChatPage(View):
    """The page of one's own chat."""

    def get(self, request: HttpRequest) -> HttpResponse:
        """The chat as it stands, with the form where services are allowed."""
        return self._answer(ChatForm(services=read_chat(self._user).services))

    def post(self, request: HttpRequest) -> HttpResponse:
        """Keep a chat, try it, or take it away: which of them the button says."""
        act = request.POST.get("act")
        if act == "keep":
            return self._keep()
        acts = {"try": (try_chat, _TRIED), "remove": (remove_chat, _REMOVED)}
        if act not in acts:
            return HttpResponseBadRequest("Nothing to do.")
        run, said = acts[act]
        try:
            run(self._user, by=self._user)
        except Refused as refusal:
            messages.warning(request, refusal.sentence)
        else:
            messages.success(request, said)
        return redirect("safety:chat")

    def _keep(self) -> HttpResponse:
        form = ChatForm(data=self.request.POST, services=read_chat(self._user).services)
        if form.is_valid():
            try:
                set_chat(self._user, by=self._user, **form.cleaned_data)
            except Refused as refusal:
                form.add_error("target", refusal.sentence)
            else:
                messages.success(self.request, "Kept. Send a test to see that it reaches you.")
                return redirect("safety:chat")
        return self._answer(form, status=422)

    @property
    def _user(self) -> User:
        assert isinstance(self.request.user, User)  # the log-in middleware lets nobody else through
        return self.request.user

    def _answer(self, form: ChatForm, *, status: int = 200) -> HttpResponse:
        context = {"form": form, "chat": read_chat(self._user)}
        return render(self.request, "safety/chat.html", context, status=status)


_TRIED = "A test is on its way: look at your chat, or here in a minute."
_REMOVED = "Taken away: you are told by mail."
