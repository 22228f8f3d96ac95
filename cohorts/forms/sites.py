"""Sites: activated, suspended, resumed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.http import Http404
from django.urls import reverse

from cohorts.acts import StudyAct
from ntrust.actions import activate_site, resume_site, suspend_site
from ntrust.acts import ReasonForm
from ntrust.models import Site
from ntrust.states import Role


class SiteAct(StudyAct):
    """Acts on the site of the address: `<slug:key>` and `<str:code>`."""

    roles = (Role.STUDY_MANAGER,)
    thing: Site

    def find(self) -> None:
        """The site, where this person may know it."""
        super().find()
        site = self.study.sites.filter(code=self.kwargs["code"]).first()
        if site is None or not self.viewer.sees(site.pk):
            raise Http404
        self.thing = self.site = site

    def facts(self) -> Mapping[str, Any]:
        """Which site, and how it stands."""
        return {
            "Site": str(self.thing),
            "Place": self.thing.place or "not stated",
            "In the registry": self.thing.registry_status or "not stated",
            "State": self.thing.get_state_display(),
        }

    def done_url(self) -> str:
        """The list of sites."""
        return reverse("cohorts:sites", args=[self.study.key])


class ActivateSite(SiteAct):
    """A planned site may enrol."""

    title, button = "Activate a site", "Activate"

    def run(self, **entered: Any) -> str:
        activate_site(self.thing, by=self.user)
        return "The site may enrol."


class SuspendSite(SiteAct):
    """A site enrols nobody for now; treatment begun goes on."""

    title, button = "Suspend a site", "Suspend"
    form_class = ReasonForm
    is_harm = True

    def facts(self) -> Mapping[str, Any]:
        return {
            **super().facts(),
            "What it stops": "screening, seats and the start of lymphodepletion",
            "What goes on": "treatment that has begun; a hold on the site stops that too",
        }

    def run(self, **entered: Any) -> str:
        suspend_site(self.thing, by=self.user, **entered)
        return "The site is suspended."


class ResumeSite(SiteAct):
    """A suspended site enrols again."""

    title, button = "Resume a site", "Resume"
    form_class = ReasonForm

    def run(self, **entered: Any) -> str:
        resume_site(self.thing, by=self.user, **entered)
        return "The site may enrol again."
