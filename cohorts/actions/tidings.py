"""News of cohorts and of the queue: told at the end of a change, by what is so then.

What was told last is in the events, so that nobody hears of an intermediate answer.
"""

from __future__ import annotations

from typing import Final

from cohorts.models import Cohort
from cohorts.policies import gates_for_seat, next_in_queue
from cohorts.states import LIVE_COHORTS, TAKEN_SLOTS, CohortState
from ntrust.change import Change
from ntrust.models import Event

_KINDS: Final = {
    CohortState.FULL: "COHORT_FULL",
    CohortState.IN_REVIEW: "COHORT_COMPLETE",
    CohortState.OPEN: "COHORT_REOPENED",
}
_NEXT: Final = "NEXT_IN_QUEUE"


def tell_of_cohorts(change: Change) -> None:
    """A cohort is full, complete, or has a free seat again; and who is next for one."""
    cohorts = list(
        Cohort.objects.filter(study=change.study, state__in=LIVE_COHORTS).select_related(
            "level", "decision"
        )
    )
    if not cohorts:
        return
    told = _last_told(change, cohorts)
    for cohort in cohorts:
        kind = _KINDS[CohortState(cohort.state)]
        before = told.get(cohort.number)
        if kind != before and (before is not None or cohort.state != CohortState.OPEN):
            change.record(kind, _say(cohort), level=cohort.level.ordinal, cohort=cohort.number)
    for cohort in cohorts:
        if cohort.state == CohortState.OPEN:
            _tell_next(change, cohort)


def _last_told(change: Change, cohorts: list[Cohort]) -> dict[int, str]:
    """The kind of the last such event of each cohort, by its number."""
    rows = Event.objects.filter(
        study=change.study,
        kind__in=_KINDS.values(),
        data__cohort__in=[cohort.number for cohort in cohorts],
    )
    return dict(rows.order_by("id").values_list("data__cohort", "kind"))


def _say(cohort: Cohort) -> str:
    where = f"Cohort {cohort.number} at level {cohort.level.ordinal}"
    if cohort.state == CohortState.OPEN:
        return f"{where} has a free seat again."
    if cohort.state == CohortState.FULL:
        taken = cohort.slots.filter(state__in=TAKEN_SLOTS).count()
        return f"{where} is full: {taken} of {cohort.seats} seats are taken."
    return f"{where} is complete: everybody in it has an outcome, and the review can be convened."


def _tell_next(change: Change, cohort: Cohort) -> None:
    """Who comes next for a free seat hears of it once, when nothing else is in the way. Under no
    subject: what is only told makes no page stale on which somebody acts."""
    slot = next_in_queue(cohort, now=change.now)
    if slot is None:
        return
    participant, about = slot.participant, {"slot": slot.pk, "cohort": cohort.number}
    told = Event.objects.filter(study=change.study, kind=_NEXT, data__contains=about)
    if told.exists():
        return
    gates = gates_for_seat(change.study, cohort.level, now=change.now, participant=participant)
    if all(gate.is_clear for gate in gates):
        change.record(
            _NEXT,
            f"{participant} is next in the queue, and {cohort} at level {cohort.level.ordinal} has "
            "a free seat.",
            level=cohort.level.ordinal,
            site=participant.site,
            slot=slot.pk,
            cohort=cohort.number,
        )
