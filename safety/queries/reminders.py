"""Which reminders are due and were not sent: of one study or of all, by the same statements."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from cohorts.models import Decision, ProtocolVersion, Slot
from cohorts.protocol import RemindersData
from cohorts.states import DecisionState, ProtocolState, SlotState
from dosing.models import DltWindow, InFlight, Infusion, MonitorCall, ProductLot
from dosing.states import CallState, InFlightState, InfusionState, LotState, WindowState
from ntrust.models import Event, Study
from safety.models import DltReport
from safety.policies.reminders import (
    Moment,
    answer_due,
    call_due,
    call_overdue,
    clock_ending,
    decision_unsigned,
    infusion_due,
    infusion_overdue,
    lot_expiring,
    slot_expiring,
    stagger_cleared,
    statement_overdue,
    window_closing,
)
from safety.queries.serious import reports_awaited, words_awaited
from safety.queries.staggered import read_staggered
from safety.states import DltReportState

Rules = Mapping[int, RemindersData]
_NOTHING: Final = RemindersData()
_UNSIGNED: Final = (DecisionState.PROPOSED, DecisionState.PARTLY_SIGNED)
_A_DAY: Final = timedelta(days=1)
"""Days of sites begin and end at other times than those of UTC."""


def due_reminders(*, now: datetime, study: Study | None = None) -> list[Moment]:
    """What people have to be told now and were not told for the same moment; of one study, or all.

    The same statements for any number of rows, and another when something is due. A replayed study
    reminds nobody.
    """
    rules = _rules(study)
    if not rules:
        return []
    found = {
        (moment.kind, moment.about, moment.at): moment
        for read in _SOURCES
        for moment in read(rules, now)
        if moment is not None and moment.is_due(now=now)
    }
    return _untold(list(found.values()))


def name_moment(moment: Moment) -> list[str]:
    """What of a moment its event keeps, so that it is told once."""
    return [moment.about, moment.at.astimezone(UTC).isoformat()]


def _untold(moments: list[Moment]) -> list[Moment]:
    if not moments:
        return []
    rows = Event.objects.filter(
        study__in={moment.study for moment in moments},
        kind__in={moment.kind for moment in moments},
        at__gte=min(moment.at for moment in moments),
    ).values_list("study", "kind", "data__told")
    told = {(study, kind, *one) for study, kind, some in rows for one in some or ()}
    return [
        moment
        for moment in moments
        if (moment.study, moment.kind, *name_moment(moment)) not in told
    ]


def _rules(study: Study | None) -> Rules:
    """The reminders of each study's protocol in force, where it has any."""
    rows = ProtocolVersion.objects.filter(state=ProtocolState.ACTIVE, study__is_replay=False)
    if study is not None:
        rows = rows.filter(study=study)
    sections: Iterable[tuple[int, Any]] = rows.values_list("study", "document__reminders")
    found = {key: RemindersData.model_validate(said or {}) for key, said in sections}
    return {key: data for key, data in found.items() if data != _NOTHING}


def _ahead(rules: Rules, name: str) -> timedelta:
    """The longest of the studies' numbers; the functions look at each study's own."""
    most = max(getattr(data, name) or 0 for data in rules.values())
    return timedelta(hours=most) if name.endswith("_hours") else timedelta(days=most)


def _windows(rules: Rules, now: datetime) -> Iterator[Moment | None]:
    rows = DltWindow.objects.filter(
        participant__study__in=rules,
        state__in=[WindowState.OPEN, WindowState.AWAITING_STATEMENT],
        closes_at__lte=now + _ahead(rules, "window_closing_days") + 2 * _A_DAY,
    )
    for row in rows.select_related("participant__site"):
        yield window_closing(row, rules[row.participant.study_id])
        yield statement_overdue(row, rules[row.participant.study_id])


def _slots(rules: Rules, now: datetime) -> Iterator[Moment | None]:
    rows = Slot.objects.filter(
        participant__study__in=rules,
        state=SlotState.RESERVED,
        expires_at__lte=now + _ahead(rules, "slot_expiring_hours"),
    )
    for row in rows.select_related("participant__site", "cohort__level"):
        yield slot_expiring(row, rules[row.participant.study_id])


def _infusions(rules: Rules, now: datetime) -> Iterator[Moment | None]:
    rows = Infusion.objects.filter(
        course__participant__study__in=rules,
        state=InfusionState.PLANNED,
        planned_date__lte=(now + _ahead(rules, "infusion_due_days") + _A_DAY).date(),
    )
    for row in rows.select_related("course__participant__site", "course__level"):
        yield infusion_due(row, rules[row.course.participant.study_id])
        yield infusion_overdue(row, rules[row.course.participant.study_id])


def _lots(rules: Rules, now: datetime) -> Iterator[Moment | None]:
    rows = ProductLot.objects.filter(
        study__in=rules,
        state=LotState.RELEASED,
        expires_on__gte=now.date(),
        expires_on__lte=(now + _ahead(rules, "lot_expiring_days")).date(),
    )
    for row in rows:
        yield lot_expiring(row, rules[row.study_id])


def _reports(rules: Rules, now: datetime) -> Iterator[Moment | None]:
    rows = DltReport.objects.filter(
        event__participant__study__in=rules,
        state=DltReportState.PROVISIONAL,
        superseded_by__isnull=True,
        counts_at__lte=now + _ahead(rules, "dlt_clock_hours"),
    )
    for row in rows.select_related("event__participant__site"):
        yield clock_ending(row, rules[row.event.participant.study_id])


def _questions(rules: Rules, now: datetime) -> Iterator[Moment | None]:
    rows = InFlight.objects.filter(
        infusion__course__participant__study__in=rules,
        state=InFlightState.OPEN,
        due_at__lte=now + _ahead(rules, "in_flight_hours"),
    )
    for row in rows.select_related("infusion__course__participant__site"):
        yield answer_due(row, rules[row.infusion.course.participant.study_id])


def _calls(rules: Rules, now: datetime) -> Iterator[Moment | None]:
    rows = MonitorCall.objects.filter(
        participant__study__in=rules,
        state=CallState.RAISED,
        due_at__lte=now + _ahead(rules, "call_hours"),
    )
    for row in rows.select_related("participant__site"):
        yield call_due(row, rules[row.participant.study_id])
        yield call_overdue(row, rules[row.participant.study_id])


def _decisions(rules: Rules, now: datetime) -> Iterator[Moment | None]:
    rows = Decision.objects.filter(study__in=rules, state__in=_UNSIGNED, proposed_at__lte=now)
    for row in rows.select_related("level").defer("basis", "content"):
        yield decision_unsigned(row, rules[row.study_id])


def _staggers(rules: Rules, now: datetime) -> Iterator[Moment | None]:
    asking = [study for study, data in rules.items() if data.stagger_cleared]
    for waiting in read_staggered(asking):
        yield stagger_cleared(waiting)


_SOURCES: Final[tuple[Callable[[Rules, datetime], Iterator[Moment | None]], ...]] = (
    _windows,
    _slots,
    _infusions,
    _lots,
    _reports,
    _questions,
    _calls,
    _decisions,
    _staggers,
    words_awaited,
    reports_awaited,
)
