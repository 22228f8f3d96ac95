"""The participants as the pause rules see them."""

from __future__ import annotations

from datetime import datetime

from django.db.models import Q

from cohorts.engine.pauses import Person
from cohorts.engine.toxicity import EventFacts
from cohorts.models import Outcome, Participant
from cohorts.states import ParticipantState
from dosing.models import Infusion
from ntrust.models import Study
from safety.models import AdverseEvent
from safety.policies.events import facts_of
from safety.states import EventOutcome, Seriousness


def people_for_pauses(study: Study, *, from_grade: int) -> list[Person]:
    """Everybody who has died or has an event of this grade or worse, with all that was given."""
    events: dict[int, list[EventFacts]] = {}
    rows = AdverseEvent.objects.filter(
        Q(grade__gte=from_grade)
        | Q(outcome=EventOutcome.FATAL)
        | Q(seriousness__contains=[Seriousness.DEATH]),
        participant__study=study,
    )
    for event in rows.select_related("participant__site", "participant__protocol_version"):
        events.setdefault(event.participant_id, []).append(facts_of(event))
    people = Participant.objects.filter(
        Q(pk__in=events) | Q(state=ParticipantState.DIED), study=study
    )
    concerned = [person.pk for person in people]
    levels = dict(
        Outcome.objects.filter(participant__in=concerned).values_list(
            "participant_id", "level__ordinal"
        )
    )
    given: dict[int, list[datetime]] = {}
    for pk, at in Infusion.objects.filter(
        course__participant__in=concerned, given_at__isnull=False
    ).values_list("course__participant_id", "given_at"):
        assert at is not None
        given.setdefault(pk, []).append(at)
    return [
        Person(
            subject=str(person),
            level=levels.get(person.pk),
            infused_at=tuple(sorted(given.get(person.pk, ()))),
            events=tuple(events.get(person.pk, ())),
            is_dead=person.state == ParticipantState.DIED,
        )
        for person in people
    ]
