"""News of serious adverse events, and of the sponsor's clocks that they start."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Final

from cohorts.policies import document_of
from ntrust.change import Change
from ntrust.models import Event
from safety.actions.telling import record_of
from safety.models import AdverseEvent
from safety.policies.serious import clock_ends, clocks_of

_WORDS: Final = frozenset({"EVENT_REPORTED", "EVENT_COMPLETED", "EVENT_GRADED"})
SERIOUS, CLOCKS = "SAE_REPORTED", "SAE_CLOCK_STARTED"
_HOUR: Final = timedelta(hours=1)


def follow_serious_events(change: Change) -> None:
    """After what was said of events: one that is serious by now is told, once, and so is each clock
    of the sponsor from the change in which it is known that it runs. Those from paper are not, and
    where the protocol has no time to the sponsor nothing is said of seriousness alone."""
    subjects = {it.subject for it in change.happenings if it.kind in _WORDS}
    if not subjects:
        return
    serious = AdverseEvent.objects.filter(
        participant__study=change.study, is_serious=True, is_legacy=False
    ).select_related("participant__site", "participant__protocol_version")
    concerned = [event for event in serious if str(event.participant) in subjects]
    told = _told(change, concerned)
    for event in concerned:
        document = document_of(event.participant.protocol_version)
        to_sponsor = document.safety_reporting.to_sponsor
        if to_sponsor is not None and (SERIOUS, event.pk, 0) not in told:
            _tell(change, event, hours=to_sponsor.hours)
        started = clocks_of(event, document)
        new = [days for days in started if (CLOCKS, event.pk, days) not in told]
        if new:
            _start(change, event, new)


def _told(change: Change, events: list[AdverseEvent]) -> set[tuple[str, int, int]]:
    """Kind, event and days of what was told before; 0 days where it is not about a clock."""
    if not events:
        return set()
    rows = Event.objects.filter(
        study=change.study,
        kind__in=[SERIOUS, CLOCKS],
        data__event__in=[event.pk for event in events],
    ).values_list("kind", "data")
    return {
        (kind, data["event"], days)
        for kind, data in rows
        for days in ([int(one) for one in data["clocks"]] if "clocks" in data else [0])
    }


def _tell(change: Change, event: AdverseEvent, *, hours: int) -> None:
    late = ""
    if event.aware_at is not None and change.now - event.aware_at > timedelta(hours=hours):
        after = (change.now - event.aware_at) // _HOUR
        late = f", {after} h after the site knew of it: later than the {hours} h it had"
    what = f"a serious adverse event is reported{late}."
    record_of(change, event.participant, SERIOUS, what, event=event.pk)


def _start(change: Change, event: AdverseEvent, days: Iterable[int]) -> None:
    clocks = {str(one): clock_ends(change.now, one) for one in days}
    ends = " and ".join(f"{_say(end)} ({one} calendar days)" for one, end in clocks.items())
    record_of(
        change,
        event.participant,
        CLOCKS,
        f"the sponsor reports a serious adverse event to the regulator by {ends}.",
        event=event.pk,
        clocks={one: end.isoformat() for one, end in clocks.items()},
    )


def _say(moment: datetime) -> str:
    """The end of a day is its 24:00."""
    return f"{moment - timedelta(days=1):%d-%b-%Y} 24:00 UTC"
