"""What people are reminded of, worked out from the data: which moment, about whom, at which site.

One pure function a kind: a row and the protocol's `reminders` in, a moment out, or none. A
corrected date is another moment, and what is no longer true has none.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from cohorts.models import Decision, Participant, Slot
from cohorts.protocol import RemindersData
from dosing.models import DltWindow, InFlight, Infusion, MonitorCall, ProductLot
from dosing.states import InfusionState, WindowState
from ntrust.models import Site
from safety.models import AdverseEvent, DltReport

HEADINGS: Final = {
    "WINDOW_CLOSING": "The DLT window closes soon",
    "STATEMENT_OVERDUE": "The DLT window is over and its statement overdue",
    "SLOT_EXPIRING": "A reservation expires soon",
    "INFUSION_DUE": "An infusion is planned",
    "INFUSION_OVERDUE": "An infusion was planned and nothing is entered",
    "LOT_EXPIRING": "A product lot expires soon",
    "DLT_CLOCK_ENDING": "A provisional DLT counts soon, unless its resolution is signed",
    "IN_FLIGHT_DUE": "An answer about an infusion in flight is due soon",
    "CALL_DUE": "The medical monitor's answer is due soon",
    "CALL_OVERDUE": "The medical monitor's answer is overdue",
    "DECISION_UNSIGNED": "A decision waits for its signatures",
    "SAE_WORD_DUE": "Whether an adverse event is serious has to be said soon",
    "SAE_WORD_OVERDUE": "Whether an adverse event is serious is overdue",
    "SAE_REPORT_DUE": "The sponsor's report to the regulator is due, unless it was sent",
    "STAGGER_CLEARED": "The stagger has cleared",
}
"""The kinds of reminder, and how their sentence begins. No clinical detail: it goes into mails."""
_INSTANT: Final = timedelta(microseconds=1)


@dataclass(frozen=True)
class Moment:
    """A moment of which people are told: from `at` on, and no longer from `until` on.

    `about` names the thing, so that the same moment of it is told once. `what` is the sentence's
    part about it.
    """

    kind: str
    study: int
    about: str
    at: datetime
    what: str
    until: datetime | None = None
    site: Site | None = None
    level: int | None = None

    def is_due(self, *, now: datetime) -> bool:
        """Whether it has passed and is still true."""
        return self.at <= now and (self.until is None or now < self.until)


def window_closing(window: DltWindow, rules: RemindersData) -> Moment | None:
    """So many days before the last day of an open DLT window, until it closes."""
    days, closes_at, person = rules.window_closing_days, window.closes_at, window.participant
    if days is None or closes_at is None or window.state != WindowState.OPEN:
        return None
    last_day = _day(closes_at - _INSTANT, person.site)
    at = _at_hour(last_day - timedelta(days=days), rules, person.site)
    return _of_person(
        "WINDOW_CLOSING",
        person,
        f"window {window.pk}",
        at,
        f"at {_say(closes_at)}",
        until=closes_at,
    )


def statement_overdue(window: DltWindow, rules: RemindersData) -> Moment | None:
    """So many days after the last day of a window whose statement is still awaited."""
    days, closes_at, person = rules.statement_overdue_days, window.closes_at, window.participant
    if days is None or closes_at is None or window.state != WindowState.AWAITING_STATEMENT:
        return None
    last_day = _day(closes_at - _INSTANT, person.site)
    at = _at_hour(last_day + timedelta(days=days), rules, person.site)
    since = f"since {_say(closes_at)}"
    return _of_person("STATEMENT_OVERDUE", person, f"window {window.pk}", at, since)


def slot_expiring(slot: Slot, rules: RemindersData) -> Moment | None:
    """So many hours before a reservation expires; not for one that was shorter anyway."""
    hours, expires_at = rules.slot_expiring_hours, slot.expires_at
    if hours is None or expires_at is None or slot.cohort is None or slot.reserved_at is None:
        return None
    at = expires_at - timedelta(hours=hours)
    if at <= slot.reserved_at:
        return None
    return _of_person(
        "SLOT_EXPIRING",
        slot.participant,
        f"slot {slot.pk}",
        at,
        f"at {_say(expires_at)}",
        until=expires_at,
        level=slot.cohort.level.ordinal,
    )


def infusion_due(infusion: Infusion, rules: RemindersData) -> Moment | None:
    """So many days before the planned day of an infusion, until that day is over."""
    days, day = rules.infusion_due_days, infusion.planned_date
    if days is None or infusion.state != InfusionState.PLANNED:
        return None
    site = infusion.course.participant.site
    at, until = _at_hour(day - timedelta(days=days), rules, site), _midnight_after(day, site)
    return _of_infusion("INFUSION_DUE", infusion, at, f"on {day:%d-%b-%Y}", until=until)


def infusion_overdue(infusion: Infusion, rules: RemindersData) -> Moment | None:
    """So many days after the planned day of an infusion of which nothing is entered."""
    days, day = rules.infusion_overdue_days, infusion.planned_date
    if days is None or infusion.state != InfusionState.PLANNED:
        return None
    at = _at_hour(day + timedelta(days=days), rules, infusion.course.participant.site)
    return _of_infusion("INFUSION_OVERDUE", infusion, at, f"for {day:%d-%b-%Y}")


def lot_expiring(lot: ProductLot, rules: RemindersData) -> Moment | None:
    """So many days before the last day of a released product lot, until that day is over. UTC."""
    days, day = rules.lot_expiring_days, lot.expires_on
    if days is None:
        return None
    return Moment(
        kind="LOT_EXPIRING",
        study=lot.study_id,
        about=f"lot {lot.pk}",
        at=_at_hour(day - timedelta(days=days), rules, None),
        what=f"{lot.code}, last day {day:%d-%b-%Y}",
        until=_midnight_after(day, None),
    )


def clock_ending(report: DltReport, rules: RemindersData) -> Moment | None:
    """So many hours before a provisional DLT counts."""
    return _before_clock(
        "DLT_CLOCK_ENDING",
        report.event.participant,
        f"report {report.pk}",
        begun=report.reported_at,
        ends=report.counts_at,
        hours=rules.dlt_clock_hours,
    )


def answer_due(question: InFlight, rules: RemindersData) -> Moment | None:
    """So many hours before a site's answer about an infusion in flight is due. What is asked
    about one infusion at one time is answered at once, and is one reminder."""
    infusion = question.infusion
    return _before_clock(
        "IN_FLIGHT_DUE",
        infusion.course.participant,
        f"infusion {infusion.pk}",
        begun=question.raised_at,
        ends=question.due_at,
        hours=rules.in_flight_hours,
        said=f", infusion {infusion.number}",
    )


def call_due(call: MonitorCall, rules: RemindersData) -> Moment | None:
    """So many hours before the medical monitor's answer to a call is due."""
    return _before_clock(
        "CALL_DUE",
        call.participant,
        f"call {call.pk}",
        begun=call.raised_at,
        ends=call.due_at,
        hours=rules.call_hours,
    )


def call_overdue(call: MonitorCall, rules: RemindersData) -> Moment | None:
    """When the medical monitor's answer to a call was due; where one is reminded of it at all."""
    if rules.call_hours is None:
        return None
    due = f"due {_say(call.due_at)}"
    return _of_person("CALL_OVERDUE", call.participant, f"call {call.pk}", call.due_at, due)


def decision_unsigned(decision: Decision, rules: RemindersData) -> Moment | None:
    """So many days after a decision was proposed that is not signed by both. UTC."""
    days = rules.decision_unsigned_days
    if days is None:
        return None
    proposed = decision.proposed_at
    return Moment(
        kind="DECISION_UNSIGNED",
        study=decision.study_id,
        about=f"decision {decision.pk}",
        at=_at_hour(_day(proposed, None) + timedelta(days=days), rules, None),
        what=f"#{decision.number}, proposed {_say(proposed)}",
        level=decision.level.ordinal if decision.level else None,
    )


def word_due(event: AdverseEvent, rules: RemindersData, *, hours: int | None) -> Moment | None:
    """So many hours before the site's time to say whether an event is serious ends: `hours` from
    its awareness, or from the entry where that is not said."""
    if hours is None:
        return None
    return _before_clock(
        "SAE_WORD_DUE",
        event.participant,
        f"event {event.pk}",
        begun=event.entered_at,
        ends=_word_ends(event, hours),
        hours=rules.sae_word_hours,
    )


def word_overdue(event: AdverseEvent, rules: RemindersData, *, hours: int | None) -> Moment | None:
    """When that time has ended; where one is reminded of it at all."""
    if hours is None or rules.sae_word_hours is None:
        return None
    ends = _word_ends(event, hours)
    since = f"since {_say(ends)}"
    return _of_person("SAE_WORD_OVERDUE", event.participant, f"event {event.pk}", ends, since)


def _word_ends(event: AdverseEvent, hours: int) -> datetime:
    return (event.aware_at or event.entered_at) + timedelta(hours=hours)


def report_due(
    event: AdverseEvent, rules: RemindersData, *, days: int, ends: datetime
) -> Moment | None:
    """So many days before a clock of the sponsor ends. UTC."""
    if rules.sae_report_days is None:
        return None
    last_day = _day(ends - _INSTANT, None)
    return _of_person(
        "SAE_REPORT_DUE",
        event.participant,
        f"event {event.pk}, {days} days",
        _at_hour(last_day - timedelta(days=rules.sae_report_days), rules, None),
        f"by {last_day:%d-%b-%Y} 24:00 UTC ({days} calendar days)",
        until=ends,
    )


@dataclass(frozen=True)
class Staggered:
    """Somebody who waits for the stagger alone: nobody else at the level is in between.

    `after`: who was given infusion 1 there last, at `anchor_at`. `ahead`: the longest regimen, for
    one whose lymphodepletion has not begun.
    """

    person: Participant
    level: int
    after: int
    anchor_at: datetime
    days: int
    ahead: timedelta


def stagger_cleared(waiting: Staggered) -> Moment:
    """So many days after the last infusion 1 at the level; earlier by the time lymphodepletion
    takes for one who has yet to begin it."""
    cleared_at = waiting.anchor_at + timedelta(days=waiting.days)
    what = f"{'lymphodepletion' if waiting.ahead else 'infusion 1'} at level {waiting.level}"
    return _of_person(
        "STAGGER_CLEARED",
        waiting.person,
        f"participant {waiting.person.pk} after {waiting.after}",
        cleared_at - waiting.ahead,
        f"for {what}",
        level=waiting.level,
    )


def _before_clock(  # noqa: PLR0913 - a clock and whose it is
    kind: str,
    person: Participant,
    about: str,
    *,
    begun: datetime,
    ends: datetime | None,
    hours: int | None,
    said: str = "",
) -> Moment | None:
    """So many hours before a clock ends; none for a clock that is shorter: it was told just now."""
    if hours is None or ends is None or ends - timedelta(hours=hours) <= begun:
        return None
    at = ends - timedelta(hours=hours)
    what = f"{said} at {_say(ends)}" if said else f"at {_say(ends)}"
    return _of_person(kind, person, about, at, what, until=ends)


def _of_infusion(
    kind: str, infusion: Infusion, at: datetime, what: str, *, until: datetime | None = None
) -> Moment:
    course = infusion.course
    return _of_person(
        kind,
        course.participant,
        f"infusion {infusion.pk}",
        at,
        f", infusion {infusion.number} {what}",
        until=until,
        level=course.level.ordinal,
    )


def _of_person(  # noqa: PLR0913 - each is part of a moment
    kind: str,
    person: Participant,
    about: str,
    at: datetime,
    what: str,
    *,
    until: datetime | None = None,
    level: int | None = None,
) -> Moment:
    return Moment(
        kind=kind,
        study=person.study_id,
        about=about,
        at=at,
        what=f"{person}{what}" if what.startswith(",") else f"{person} {what}",
        until=until,
        site=person.site,
        level=level,
    )


def _day(moment: datetime, site: Site | None) -> date:
    return moment.astimezone(_zone(site)).date()


def _at_hour(day: date, rules: RemindersData, site: Site | None) -> datetime:
    """The hour of reminders on a day of the site, in UTC."""
    return datetime.combine(day, time(rules.hour), tzinfo=_zone(site)).astimezone(UTC)


def _midnight_after(day: date, site: Site | None) -> datetime:
    """24:00 of a day of the site, in UTC."""
    return datetime.combine(day + timedelta(days=1), time(), tzinfo=_zone(site)).astimezone(UTC)


def _zone(site: Site | None) -> ZoneInfo:
    return ZoneInfo(site.timezone if site is not None else "UTC")


def _say(moment: datetime) -> str:
    return f"{moment:%d-%b-%Y %H:%M} UTC"
