"""Who waits for the stagger alone, in each of several studies, by two statements."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator
from datetime import timedelta
from typing import Any, Final

from cohorts.models import Outcome, ProtocolVersion
from cohorts.states import ParticipantState, ProtocolState
from safety.policies.reminders import Staggered

_WAITING: Final = (ParticipantState.SLOTTED, ParticipantState.CONDITIONING)


def read_staggered(studies: Collection[int]) -> Iterator[Staggered]:
    """At each level those whom neither lymphodepletion of somebody before them nor an open question
    about a DLT keeps waiting, by the protocol version in force."""
    rules = _rules(studies)
    if not rules:
        return
    by_level: defaultdict[int, list[Outcome]] = defaultdict(list)
    rows = Outcome.objects.filter(study__in=rules).select_related("participant__site", "level")
    for row in rows.order_by("participant__courses__started_at", "pk"):
        by_level[row.level_id].append(row)
    for people in by_level.values():
        yield from _at_level(people, *rules[people[0].study_id])


def _rules(studies: Collection[int]) -> dict[int, tuple[int, timedelta]]:
    """Days of the stagger, and how long before infusion 1 the longest regimen begins."""
    rows: Any = ProtocolVersion.objects.filter(
        state=ProtocolState.ACTIVE, study__in=studies
    ).values_list("study", "document__stagger__days", "document__lymphodepletion")
    return {
        study: (days, timedelta(days=max(max(0, -min(one["days"])) for one in regimens)))
        for study, days, regimens in rows
        if days
    }


def _at_level(people: list[Outcome], days: int, ahead: timedelta) -> Iterator[Staggered]:
    treated = [one for one in people if one.first_infused_at is not None]
    waiting = [
        one for one in people if one.first_infused_at is None and one.participant.state in _WAITING
    ]
    if not treated or not waiting:
        return
    anchor = max(treated, key=lambda one: (one.first_infused_at, one.pk))
    if anchor.has_open_dlt_question or anchor.first_infused_at is None:
        return
    begun = [one for one in waiting if one.participant.state == ParticipantState.CONDITIONING]
    for one in begun[:1] or waiting:
        yield Staggered(
            person=one.participant,
            level=one.level.ordinal,
            after=anchor.participant_id,
            anchor_at=anchor.first_infused_at,
            days=days,
            ahead=timedelta(0) if begun else ahead,
        )
