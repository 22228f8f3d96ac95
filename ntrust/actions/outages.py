"""Telling of a channel that cannot send: once an outage, in each study concerned."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from django.db.models import QuerySet

from ntrust.change import study_change
from ntrust.models import Delivery, Event, Outage, Study
from ntrust.states import Channel, DeliveryState

TOLD_AFTER: Final = 3
"""So many failures in a row are an outage worth telling of."""
_UNSENT: Final = (DeliveryState.PLANNED, DeliveryState.SENDING, DeliveryState.FAILED)


def tell_of_outages(*, now: datetime) -> int:
    """Record that a channel fails in every study with messages that wait for it; how many were.

    Two at once record it once: it is looked for again under the study's lock.
    """
    told = 0
    for outage in Outage.objects.filter(ended_at=None, failures__gte=TOLD_AFTER).order_by("id"):
        for study in _studies(outage):
            if not _is_told(outage, study):
                told += _tell(outage, study, now=now)
    return told


def _tell(outage: Outage, study: Study, *, now: datetime) -> int:
    with study_change(study, by=None, now=now) as change:
        if _is_told(outage, study):
            return 0
        what = Channel(outage.channel).label.capitalize()
        name = f" {outage.endpoint}" if outage.endpoint else ""
        said = f"{what}{name} cannot be sent since {outage.began_at:%d-%b-%Y %H:%M} UTC."
        change.record("DELIVERY_FAILING", said, outage=outage.pk)
    return 1


def _is_told(outage: Outage, study: Study) -> bool:
    return Event.objects.filter(
        study=study, kind="DELIVERY_FAILING", data__outage=outage.pk
    ).exists()


def _studies(outage: Outage) -> QuerySet[Study]:
    if outage.endpoint is not None:
        return Study.objects.filter(pk=outage.endpoint.study_id)
    waiting = Delivery.objects.filter(
        channel=outage.channel, state__in=_UNSENT, attempts__gt=0, notification__isnull=False
    )
    return Study.objects.filter(
        pk__in=waiting.values_list("notification__event__study", flat=True)
    ).order_by("pk")
