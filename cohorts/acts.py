"""Shapes of pages that act on a study or on one of its participants."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Any

from django.http import Http404
from django.urls import reverse

from cohorts.models import Participant
from cohorts.queries import Viewer, find_participant, viewer_of
from cohorts.queries.viewers import Mask, mask_for
from ntrust.acts import Act


class StudyAct(Act):
    """Acts on the study of the address: `<slug:key>`."""

    viewer: Viewer

    def find(self) -> None:
        """The study, for a member."""
        viewer = viewer_of(self.user, self.kwargs["key"])
        if viewer is None:
            raise Http404
        self.viewer, self.study = viewer, viewer.study
        self.thing = viewer.study

    def cover(self, sentence: str) -> str:
        """Without the numbers of people this person may not know."""
        return self._mask.cover(sentence)

    @cached_property
    def _mask(self) -> Mask:
        return mask_for(self.viewer)


class ParticipantAct(StudyAct):
    """Acts on the participant of the address: `<slug:key>` and `<str:number>`, the screening
    number. Another site's participant is not there (404)."""

    thing: Participant

    def find(self) -> None:
        """The participant, where this person may know them."""
        super().find()
        participant = find_participant(self.viewer, self.kwargs["number"])
        if participant is None:
            raise Http404
        self.thing, self.site = participant, participant.site
        self.subjects = (participant.screening_number, str(participant))

    def facts(self) -> Mapping[str, Any]:
        """Who it is about."""
        return {"Participant": str(self.thing), "State": self.thing.get_state_display()}

    def done_url(self) -> str:
        """The participant's page."""
        return reverse("safety:participant", args=[self.study.key, self.thing.screening_number])
