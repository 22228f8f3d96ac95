"""What may harm somebody: holds, treatment in flight, DLT reports, windows. Each read once."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Final

from cohorts.engine.standing import Standing, find_standing
from cohorts.models import Hold
from cohorts.queries import Viewer
from cohorts.queries.advice import latest_recommendation
from cohorts.queries.holds import where_of
from cohorts.queries.words import HARM, WAITING
from cohorts.states import OPEN_LIFTS, HoldState, OutcomeLetter
from dosing.models import DltWindow, MonitorCall
from dosing.queries.inflight import InFlightRow, list_in_flight
from dosing.states import CallState, WindowState
from ntrust.models import Study
from safety.models import DltCandidate, DltReport, Superseding
from safety.queries.today.needs import Kind, Need, Open, gather
from safety.states import OPEN_CANDIDATES, DltReportState, SupersedingState

AHEAD: Final = timedelta(days=7)
"""How far ahead the page looks for windows that end."""

HOLDS: Final = Kind(
    "HOLDS", "Held: {name}", "{count} holds in force", "medical monitor", "cohorts:holds", HARM, "■"
)
CALLS: Final = Kind(
    "CALLS",
    "Call about {name}: lymphodepletion has begun",
    "{count} calls about people after lymphodepletion",
    "medical monitor",
    "dosing:calls",
    HARM,
    "■",
)
IN_FLIGHT: Final = Kind(
    "IN_FLIGHT",
    "In-flight answer owed: {name}",
    "{count} in-flight answers owed",
    "the site",
    "dosing:in_flight",
    HARM,
    "■",
)
UNENTERED: Final = Kind(
    "UNENTERED",
    "Said to be given, not entered: {name}",
    "{count} infusions said to be given, not entered",
    "the site",
    "dosing:in_flight",
    HARM,
    "▲",
)
RULINGS: Final = Kind(
    "RULINGS",
    "Adjudicate the DLT report of {name}",
    "{count} DLT reports to adjudicate",
    "medical monitor",
    "safety:reports",
    HARM,
    "▲",
)
SUPERSEDINGS: Final = Kind(
    "SUPERSEDINGS",
    "Rule on superseding the report of {name}",
    "{count} reports to be superseded",
    "medical monitor",
    "safety:reports",
    WAITING,
    "▲",
)
QUESTIONS: Final = Kind(
    "QUESTIONS",
    "Dose-limiting or not: {name}",
    "{count} events: dose-limiting or not?",
    "the site, or the medical monitor",
    "safety:events",
    WAITING,
    "▲",
)
CLOCKS: Final = Kind(
    "CLOCKS",
    "Provisional DLT, {name}",
    "{count} provisional DLTs, their clocks run",
    "the site",
    "safety:reports",
    WAITING,
    "▲",
)
EXPOSURES: Final = Kind(
    "EXPOSURES",
    "Evaluable or not: {name}",
    "{count} participants: evaluable or not?",
    "medical monitor",
    "safety:participants",
    WAITING,
    "◔",
)
OVERDUE: Final = Kind(
    "OVERDUE",
    "Window statement overdue, {name}",
    "{count} window statements overdue",
    "the site",
    "safety:participants",
    WAITING,
    "◔",
)
DUE: Final = Kind(
    "DUE",
    "Window statement due, {name}",
    "{count} window statements due",
    "the site",
    "safety:calendar",
    WAITING,
    "◔",
)


def read_harm(viewer: Viewer, *, now: datetime) -> Iterator[Need | None]:
    """In order of harm. Nine statements, however much is open."""
    study = viewer.study
    yield gather(HOLDS, _holds(study), now=now)
    yield gather(CALLS, _calls(study, now), now=now)
    flights = list_in_flight(viewer, now=now).waiting
    yield gather(IN_FLIGHT, [_asked(row) for row in flights if row.is_open], now=now)
    yield gather(UNENTERED, [_unentered(row) for row in flights if row.owes_entry], now=now)
    reports = list(
        DltReport.objects.filter(
            event__participant__study=study,
            superseded_by__isnull=True,
            state__in=[DltReportState.REPORTED, DltReportState.PROVISIONAL],
        )
        .select_related("event__participant__site")
        .order_by("counts_at", "id")
    )
    yield gather(RULINGS, [_ruling(row) for row in reports if _counts(row)], now=now)
    yield gather(SUPERSEDINGS, _supersedings(study), now=now)
    yield gather(QUESTIONS, _questions(study), now=now)
    yield gather(CLOCKS, [_clock(row) for row in reports if not _counts(row)], now=now)
    yield gather(EXPOSURES, _exposures(study), now=now)
    windows = list(
        DltWindow.objects.filter(
            participant__study=study,
            participant__outcome__letter=OutcomeLetter.PENDING,
            state__in=[WindowState.OPEN, WindowState.AWAITING_STATEMENT],
            closes_at__lte=now + AHEAD,
        )
        .select_related("participant__site")
        .order_by("closes_at", "id")
    )
    over = [row for row in windows if row.closes_at is not None and row.closes_at <= now]
    yield gather(OVERDUE, [_window(row) for row in over], now=now)
    yield gather(DUE, [_window(row) for row in windows if row not in over], now=now)


def _counts(report: DltReport) -> bool:
    return report.state == DltReportState.REPORTED


def _holds(study: Study) -> list[Open]:
    """Holds in force, newest first."""
    rows = Hold.objects.filter(study=study, state=HoldState.PLACED)
    rows = rows.select_related("level", "site").prefetch_related("lifts").order_by("-id")
    return [
        Open(
            where_of(hold),
            f"{where_of(hold).capitalize()}, since {hold.placed_at:%d-%b %H:%M} UTC: {hold.reason}"
            + _lift(hold),
        )
        for hold in rows
    ]


def _lift(hold: Hold) -> str:
    waits = any(lift.state in OPEN_LIFTS for lift in hold.lifts.all())
    return " A proposal to lift it waits for a signature." if waits else ""


def _calls(study: Study, now: datetime) -> list[Open]:
    rows = MonitorCall.objects.filter(participant__study=study, state=CallState.RAISED)
    rows = rows.select_related("participant__site", "course", "hold").order_by("due_at", "id")
    found = []
    for call in rows:
        hours = (now - call.course.started_at) // timedelta(hours=1)
        planned = call.course.planned_infusion_at
        then = f", infusion 1 planned {planned:%d-%b %H:%M} UTC" if planned else ""
        said = f"{call.participant}, {call.participant.site.code}: {hours} h since it began{then}."
        found.append(Open(str(call.participant), said, call.due_at))
    return found


def _asked(row: InFlightRow) -> Open:
    said = f"{row.subject}, {row.site}: infusion {row.infusion} planned {row.planned_on:%d-%b}"
    if row.is_conditioned:
        said += f", {row.hours} h after lymphodepletion began"
    return Open(f"{row.subject}, infusion {row.infusion}", f"{said}.", row.due_at)


def _unentered(row: InFlightRow) -> Open:
    name = f"{row.subject}, infusion {row.infusion}"
    return Open(name, f"{name}: {row.site} says that it was given, and has not entered it.")


def _ruling(row: DltReport) -> Open:
    event = row.event
    by = f", {row.criterion}" if row.criterion else ""
    said = f"{event.participant}, {event.term}, grade {event.grade}{by}: counts until refuted."
    return Open(str(event.participant), said)


def _clock(row: DltReport) -> Open:
    event = row.event
    said = f"{event.participant}, {event.term}, grade {event.grade}: counts as a DLT then, "
    return Open(str(event.participant), said + "unless its resolution is signed.", row.counts_at)


def _supersedings(study: Study) -> list[Open]:
    rows = Superseding.objects.filter(
        report__event__participant__study=study, state=SupersedingState.WAITING
    ).select_related("report__event__participant")
    return [
        Open(
            str(row.report.event.participant),
            f"{row.report.event.participant}: {row.get_kind_display()}. It counts until then.",
        )
        for row in rows
    ]


def _questions(study: Study) -> list[Open]:
    rows = DltCandidate.objects.filter(
        event__participant__study=study, state__in=OPEN_CANDIDATES
    ).select_related("event__participant")
    return [
        Open(
            f"{row.event.term} of {row.event.participant}",
            f"{row.event.participant}, {row.event.term}, grade {row.event.grade}: "
            f"{row.get_state_display()}.",
            page=("safety:one_event", str(row.event_id)),
        )
        for row in rows
    ]


def _exposures(study: Study) -> list[Open]:
    """Those whose exposure or medication waits for a ruling; nothing else moves them on."""
    advice = latest_recommendation(study)
    rows = advice.rows if advice is not None else []
    return [
        Open(row["subject"], f"{row['subject']}: {row['because']}")
        for row in rows
        if find_standing(row) is Standing.TO_RULE
    ]


def _window(row: DltWindow) -> Open:
    person = row.participant
    said = f"{person}, {person.site.code}. Pending until the investigator signs."
    page = ("safety:participant", person.screening_number)
    return Open(str(person), said, row.closes_at, page)
