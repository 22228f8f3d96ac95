"""The page of the alert: one form, what it would change beside it, and the check before it goes."""

from __future__ import annotations

from datetime import datetime
from functools import cached_property
from typing import Any

from django import forms
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone

from cohorts.acts import ParticipantAct
from cohorts.policies import document_of
from ntrust import clock
from ntrust.change import is_rehearsal
from ntrust.errors import Refused
from ntrust.states import Role
from safety.actions import AlreadyEntered, EventDetails, raise_alert
from safety.forms.events import TO_FOLLOW, EventForm, say_readings
from safety.models import AdverseEvent
from safety.queries.events import read_draft
from safety.queries.near import near_events, terms_of
from safety.queries.site_home import SiteCard, read_card
from safety.states import AlertKind

CHANGE, LOOK = "change", "look"


class ReportEvent(ParticipantAct):
    """An adverse event and, where the investigator says so, the DLT report on it.

    Sent with `step` "look", it answers what it would change, as a part of the page; with "change"
    the form comes back as it was filled in. Sent twice, it is entered once.
    """

    title, button, roles = "Report event", "Send", (Role.INVESTIGATOR,)
    form_class = EventForm
    template = "safety/site/report.html"
    check_template = "safety/site/report_check.html"
    is_harm = True
    refuses_stale = False
    previews = True

    form: EventForm
    event: AdverseEvent | None = None

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Look, change, check or send."""
        step = request.POST.get("step")
        if step not in (CHANGE, LOOK):
            return super().post(request, *args, **kwargs)
        with self.zone():
            form = self.form_to_check(data=request.POST)
            is_valid = form.is_valid()
        if step == CHANGE:
            return self._answer(form, self.study.revision)
        context: dict[str, Any] = {"is_whole": is_valid}
        try:
            context["found"] = self.try_out(form) if is_valid else None
        except Refused as refusal:
            context["refusal"] = self.cover(refusal.sentence)
        return render(request, "safety/site/effect.html", context)

    def initial(self, now: datetime) -> dict[str, Any]:
        return {"page_at": f"{timezone.localtime(now):%Y-%m-%dT%H:%M}"}

    def make_form(self, **kwargs: Any) -> forms.Form:
        form = super().make_form(**kwargs)
        assert isinstance(form, EventForm)
        form.fit(document_of(self.thing.protocol_version))
        if kwargs:  # not the empty one that is only asked for the names of its fields
            self.form = form
        return form

    def context(self) -> dict[str, Any]:
        """Who it is about, the form in its own order, and on the check what it is near to."""
        found: dict[str, Any] = {"card": self.card, "draft": self.request.path}
        if self.form.fields:
            rules = document_of(self.thing.protocol_version).adverse_events
            with self.zone():
                asked = {
                    "form": self.form,
                    "systems": rules.systems,
                    "terms": terms_of(rules),
                    "opened": self.form["page_at"].value(),
                    **found,
                    "study": self.study,
                }
                return {
                    **found,
                    "asked": render_to_string("safety/site/asked.html", asked, self.request),
                }
        entered = self.form.cleaned_data
        onset_at = entered.get("onset_at")
        return {
            **found,
            "rows": read_draft(self.thing, entered, now=clock.now()),
            "near": near_events(self.thing, entered.get("term", ""), onset_at),
        }

    @cached_property
    def card(self) -> SiteCard:
        """What is known of the participant."""
        return read_card(self.thing, viewer=self.viewer, now=clock.now())

    def done_url(self) -> str:
        """Who was told and what comes next; before it is sent, the person's site."""
        if self.event is not None:
            return reverse("safety:site_sent", args=[self.study.key, self.event.pk])
        return reverse("safety:site", args=[self.study.key])

    def run(  # type: ignore[override]
        self, *, criterion: str, category: str = "", **entered: Any
    ) -> str:
        stated = None if not criterion else "" if criterion == TO_FOLLOW else criterion
        try:
            received = raise_alert(
                AlertKind.EVENT,
                self.thing,
                criterion=stated,
                details=EventDetails(category=category or None),
                by=self.user,
                **entered,
            )
        except AlreadyEntered as repeated:
            if is_rehearsal():
                raise
            self.event = repeated.event
            return "It is entered already: nothing was sent twice, and nothing is lost."
        if received.kept is not None:
            return received.said
        if not is_rehearsal():
            self.event = received.done
        said = "The DLT is reported." if criterion else "The event is entered."
        return f"{said} {say_readings(received.done)}".strip()
