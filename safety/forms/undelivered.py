"""Messages sent again, and webhooks added, paused, resumed and tried."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django import forms
from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.urls import reverse

from cohorts.acts import StudyAct
from ntrust.actions import (
    add_endpoint,
    pause_endpoint,
    resume_endpoint,
    send_again,
    send_all_again,
    try_endpoint,
)
from ntrust.acts import ReasonForm
from ntrust.models import Delivery, Endpoint
from ntrust.notifications import secret_of
from ntrust.queries import deliveries_of
from ntrust.states import EVENT_KINDS, DeliveryState, Role


class _Act(StudyAct):
    roles = (Role.STUDY_MANAGER,)
    form_class = ReasonForm

    def done_url(self) -> str:
        """The list of what could not be sent."""
        return reverse("safety:undelivered", args=[self.study.key])


class SendAllAgain(_Act):
    """Everything that has failed."""

    title, button = "Send all again", "Send all again"

    def facts(self) -> Mapping[str, Any]:
        failed = deliveries_of(self.study).filter(state=DeliveryState.FAILED)
        return {"Messages that have failed": failed.count()}

    def run(self, **entered: Any) -> str:
        rows = send_all_again(self.study, by=self.user, **entered)
        return f"{len(rows)} message{'' if len(rows) == 1 else 's'} will be sent again."


class SendAgain(_Act):
    """One message."""

    title, button = "Send a message again", "Send again"
    thing: Delivery

    def find(self) -> None:
        super().find()
        row = deliveries_of(self.study).filter(pk=self.kwargs["number"]).first()
        if row is None:
            raise Http404
        self.thing = row

    def facts(self) -> Mapping[str, Any]:
        return {"To": self.thing.target or "-", "Why it failed": self.thing.failure or "-"}

    def run(self, **entered: Any) -> str:
        send_again(self.thing, study=self.study, by=self.user, **entered)
        return "The message will be sent again."


class WebhookForm(ReasonForm):
    """Where to, and what of."""

    field_order = ("name", "url", "kinds", "reason")

    name = forms.CharField(label="Name", max_length=80)
    url = forms.CharField(
        label="Address", max_length=500, help_text="https, and public.", widget=forms.URLInput
    )
    kinds = forms.MultipleChoiceField(
        label="Kinds of events",
        required=False,
        choices=[(kind, kind) for kind in sorted(EVENT_KINDS)],
        help_text="None chosen: every kind.",
        widget=forms.SelectMultiple({"size": 8}),
    )


class _WebhookAct(_Act):
    def done_url(self) -> str:
        """The list of webhooks."""
        return reverse("safety:webhooks", args=[self.study.key])


class AddWebhook(_WebhookAct):
    """Another system hears of the study's events. The answer itself shows its secret, this once:
    no cookie and no session ever holds it."""

    title, button = "Add a webhook", "Add"
    form_class = WebhookForm
    made: Endpoint

    def run(self, **entered: Any) -> str:
        self.made = add_endpoint(self.study, by=self.user, **entered)
        return f"{self.made.name} hears from now on."

    def secret(self) -> str:
        """The key of its signatures."""
        return secret_of(self.made)

    def done(self) -> HttpResponse:
        context = {"study": self.study, "webhook": self.made, "secret": self.secret()}
        answer = render(self.request, "safety/webhook_secret.html", context)
        answer["Cache-Control"] = "private, no-store"
        return answer


class _OneWebhook(_WebhookAct):
    thing: Endpoint

    def find(self) -> None:
        """The webhook, of this study."""
        super().find()
        row = Endpoint.objects.filter(study=self.study, pk=self.kwargs["number"]).first()
        if row is None:
            raise Http404
        self.thing = row

    def facts(self) -> Mapping[str, Any]:
        return {"Webhook": self.thing.name, "Address": self.thing.url}


class PauseWebhook(_OneWebhook):
    """It hears nothing for now."""

    title, button = "Pause a webhook", "Pause"

    def run(self, **entered: Any) -> str:
        pause_endpoint(self.thing, by=self.user, **entered)
        return f"{self.thing.name} is paused."


class ResumeWebhook(_OneWebhook):
    """It hears again."""

    title, button = "Resume a webhook", "Resume"

    def run(self, **entered: Any) -> str:
        resume_endpoint(self.thing, by=self.user, **entered)
        return f"{self.thing.name} hears again."


class TryWebhook(_OneWebhook):
    """A message of the kind TEST."""

    title, button = "Try a webhook", "Send a test"

    def run(self, **entered: Any) -> str:
        try_endpoint(self.thing, by=self.user, **entered)
        return f"A test is on its way to {self.thing.name}."
