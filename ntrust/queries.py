"""What is, of the tables that every app shares."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Exists, OuterRef, Q, QuerySet

from ntrust.change import Made
from ntrust.models import Delivery, Event, Notification, Study, User
from ntrust.policies import visible_sites


def deliveries_of(study: Study) -> QuerySet[Delivery]:
    """Every message about a study: of its events, to its webhooks, and digests that tell of it."""
    told = Notification.objects.filter(digest=OuterRef("digest"), event__study=study)
    return Delivery.objects.filter(
        Q(notification__event__study=study) | Q(endpoint__study=study) | Exists(told)
    )


@dataclass(frozen=True)
class MadeEvent:
    """An event that an act led to, in words its author may read."""

    id: int
    kind: str
    sentence: str
    at: datetime
    revision: int
    level: int | None


def read_made(
    study: Study, made: Iterable[Made], *, user: User, cover: Callable[[str], str]
) -> list[MadeEvent]:
    """The events of these changes; those of sites that this person does not see are left out."""
    revisions = [one.revision for one in made if one.study == study.pk]
    if not revisions:
        return []
    here = Q(site__isnull=True) | Q(site__in=visible_sites(user, study))
    events = Event.objects.filter(here, study=study, revision__in=revisions).order_by("id")
    return [
        MadeEvent(one.pk, one.kind, cover(one.sentence), one.at, one.revision, one.level)
        for one in events
    ]
