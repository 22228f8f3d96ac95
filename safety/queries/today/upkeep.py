"""What waits for a person and harms nobody yet: alerts, signatures, lots, seats. Each read once."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, time, timedelta
from typing import Final

from django.db.models import Count, Q

from cohorts.models import Decision, Screening, Slot
from cohorts.queries import Viewer
from cohorts.queries.words import HARM, PLAN, WAITING
from cohorts.states import DecisionState, OutcomeLetter, ScreeningState, SlotState
from dosing.models import DltWindow, ProductLot
from dosing.states import InfusionState, LotState, WindowState
from ntrust.models import Notification, Study
from ntrust.notifications.chains import brief
from ntrust.notifications.inboxes import AWAITED
from ntrust.queries import deliveries_of
from ntrust.states import DeliveryState, Role
from safety.models import InboxAlert
from safety.queries.decisions import unread_decisions
from safety.queries.serious import reports_overdue
from safety.queries.today.needs import Kind, Need, Open, gather
from safety.queries.undelivered import describe, read_outages, with_all
from safety.states import AlertResult

LOTS_AHEAD: Final = timedelta(days=14)
"""How far ahead the page looks for lots that expire."""
_UNSIGNED: Final = (DecisionState.PROPOSED, DecisionState.PARTLY_SIGNED)

ALERTS: Final = Kind(
    "ALERTS",
    "An alert waits in the inbox",
    "{count} alerts wait in the inbox",
    "study manager, or medical monitor",
    "safety:reports",
    HARM,
    "▲",
)
UNREPORTED: Final = Kind(
    "UNREPORTED",
    "A report to the regulator is overdue: {name}",
    "{count} reports to the regulator are overdue",
    "study manager, or medical monitor",
    "safety:events",
    HARM,
    "■",
)
UNANSWERED: Final = Kind(
    "UNANSWERED",
    "An alert is not acknowledged in time: {name}",
    "{count} alerts not acknowledged in time",
    "study manager",
    "cohorts:trail",
    HARM,
    "■",
)
UNTOLD: Final = Kind(
    "UNTOLD",
    "{name} could not be told",
    "{count} messages could not be sent",
    "study manager",
    "safety:undelivered",
    WAITING,
    "▲",
)
OUT_OF_ORDER: Final = Kind(
    "OUT_OF_ORDER",
    "{name} is out of order",
    "{count} ways of telling people are out of order",
    "study manager",
    "safety:undelivered",
    HARM,
    "■",
)
UNREAD: Final = Kind(
    "UNREAD",
    "Not acknowledged: {name}",
    "{count} acknowledgements of decisions owed",
    "the sites",
    "safety:decisions",
    WAITING,
    "◔",
)
TO_SIGN: Final = Kind(
    "TO_SIGN",
    "Sign {name}",
    "{count} decisions to sign",
    "study manager, and medical monitor",
    "safety:decisions",
    WAITING,
    "◔",
)
IN_QUESTION: Final = Kind(
    "IN_QUESTION",
    "The basis of {name} has changed",
    "The basis of {count} decisions has changed",
    "the committee",
    "safety:decisions",
    HARM,
    "■",
)
STATEMENTS: Final = Kind(
    "STATEMENTS",
    "Window statement to sign, {name}",
    "{count} window statements to sign",
    "the site",
    "safety:participants",
    PLAN,
    "●",
)
LOTS: Final = Kind(
    "LOTS",
    "Lot {name} expires",
    "{count} lots expire",
    "pharmacist",
    "dosing:lots",
    PLAN,
    "●",
)
SEATS: Final = Kind(
    "SEATS",
    "Confirm the seat of {name}",
    "{count} reserved seats to confirm",
    "study manager",
    "cohorts:queue",
    PLAN,
    "●",
)
SCREENINGS: Final = Kind(
    "SCREENINGS",
    "Confirm that {name} is eligible",
    "{count} screenings to confirm",
    "study manager",
    "cohorts:screening_log",
    PLAN,
    "●",
)


def read_upkeep(viewer: Viewer, *, now: datetime) -> Iterator[Need | None]:
    """In order of harm. Eleven statements, and one more where a clock of the sponsor ran."""
    study = viewer.study
    yield gather(UNREPORTED, _unreported(study, now), now=now)
    yield gather(UNANSWERED, _unanswered(study, now), now=now)
    yield gather(ALERTS, _alerts(study), now=now)
    yield gather(OUT_OF_ORDER, [Open(name, said) for name, said in read_outages(study)], now=now)
    yield gather(UNTOLD, _untold(study), now=now)
    unsigned, doubted = _decisions(study)
    yield gather(IN_QUESTION, doubted, now=now)
    yield gather(UNREAD, _unread(study), now=now)
    yield gather(TO_SIGN, unsigned, now=now)
    yield gather(STATEMENTS, _statements(study), now=now)
    yield gather(LOTS, _lots(study, now), now=now)
    yield gather(SEATS, _seats(study), now=now)
    yield gather(SCREENINGS, _screenings(study), now=now)


def _unreported(study: Study, now: datetime) -> list[Open]:
    """Clocks of the sponsor that ended, and nobody recorded that the report was sent."""
    return [
        Open(
            str(event.participant),
            f"{event.participant}: {days} calendar days ended {end:%d-%b-%Y %H:%M} UTC.",
            end,
            page=("safety:one_event", str(event.pk)),
        )
        for event, days, end in reports_overdue(study, now=now)
    ]


def _unanswered(study: Study, now: datetime) -> list[Open]:
    """One a group that was told of an event and has not answered, nor anybody in its place."""
    is_over = Q(acknowledge_by__lte=now) | Q(seen_to_at__isnull=False)
    rows = Notification.objects.filter(AWAITED, is_over, event__study=study, step=0)
    found: dict[tuple[int, str, int | None], Open] = {}
    for row in rows.select_related("event", "site").order_by("-is_urgent", "acknowledge_by", "id"):
        role = Role(row.role).label if row.role else "recipient"
        who = f"{role} at {row.site.code}" if row.site else role
        said = f"No word on “{brief(row.event)}” from the {who}."
        key = (row.event_id, row.role, row.site_id)
        found.setdefault(key, Open(who, said, row.acknowledge_by))
    return list(found.values())


def _alerts(study: Study) -> list[Open]:
    rows = InboxAlert.objects.filter(study=study).exclude(
        results__result__in=[AlertResult.APPLIED, AlertResult.SETTLED]
    )
    return [
        Open("", f"{row.get_kind_display()}, received {row.received_at:%d-%b %H:%M} UTC.")
        for row in rows.order_by("id")
    ]


def _untold(study: Study) -> list[Open]:
    """What has failed for good."""
    rows = deliveries_of(study).filter(state=DeliveryState.FAILED)
    failed = [describe(row) for row in with_all(rows).order_by("-is_urgent", "id")]
    return [Open(row.whom, f"{row.whom}: {row.what}") for row in failed]


def _decisions(study: Study) -> tuple[list[Open], list[Open]]:
    """Those to be signed, and those whose basis has changed."""
    rows = Decision.objects.filter(
        study=study, state__in=[*_UNSIGNED, DecisionState.BASIS_CHANGED]
    ).only("number", "state", "basis_change", "study")
    unsigned, doubted = [], []
    for row in rows.order_by("number"):
        name, page = f"decision #{row.number}", ("safety:decision", str(row.number))
        if row.state == DecisionState.BASIS_CHANGED:
            doubted.append(Open(name, f"Decision #{row.number}: {row.basis_change}.", page=page))
        else:
            said = f"Decision #{row.number}: {row.get_state_display()}."
            unsigned.append(Open(name, said, page=page))
    return unsigned, doubted


def _unread(study: Study) -> list[Open]:
    """One a clinic or pharmacy that has yet to acknowledge a decision."""
    rows = unread_decisions(study)
    return [
        Open(
            f"decision #{row.decision.number}, {row.site.code}",
            f"Decision #{row.decision.number}: {'pharmacy' if row.is_pharmacy else 'clinic'} "
            f"of {row.site.code}.",
            page=("safety:decision", str(row.decision.number)),
        )
        for row in rows.order_by("decision__number", "site__code", "is_pharmacy")
    ]


def _statements(study: Study) -> list[Open]:
    """Owed for people who count already, or never will: nothing waits for them."""
    rows = DltWindow.objects.filter(
        participant__study=study, state=WindowState.AWAITING_STATEMENT
    ).exclude(participant__outcome__letter=OutcomeLetter.PENDING)
    return [
        Open(
            str(row.participant),
            f"{row.participant}, {row.participant.site.code}: the window is over. What they count "
            "as does not wait for it.",
            page=("safety:participant", row.participant.screening_number),
        )
        for row in rows.select_related("participant__site").order_by("closes_at", "id")
    ]


def _lots(study: Study, now: datetime) -> list[Open]:
    """Released lots whose last day is near or past; the latter only while something needs them."""
    planned = Count("infusions", filter=Q(infusions__state=InfusionState.PLANNED))
    rows = ProductLot.objects.filter(
        study=study, state=LotState.RELEASED, expires_on__lte=(now + LOTS_AHEAD).date()
    ).annotate(planned=planned)
    found = []
    for row in rows.order_by("expires_on", "code"):
        if row.expires_on < now.date() and not row.planned:
            continue
        use = _say_use(row.planned)
        ends = datetime.combine(row.expires_on + timedelta(days=1), time(), tzinfo=UTC)
        found.append(
            Open(row.code, f"Lot {row.code}, last day {row.expires_on:%d-%b}: {use}.", ends)
        )
    return found


def _say_use(planned: int) -> str:
    if not planned:
        return "no planned infusion uses it"
    return f"{planned} planned infusion{'s use' if planned > 1 else ' uses'} it"


def _seats(study: Study) -> list[Open]:
    rows = Slot.objects.filter(participant__study=study, state=SlotState.RESERVED)
    return [
        Open(
            str(slot.participant),
            f"{slot.participant}, {slot.participant.site.code}: reserved at level "
            f"{slot.cohort.level.ordinal if slot.cohort else '-'}.",
            slot.expires_at,
            ("safety:participant", slot.participant.screening_number),
        )
        for slot in rows.select_related("participant__site", "cohort__level").order_by("expires_at")
    ]


def _screenings(study: Study) -> list[Open]:
    rows = Screening.objects.filter(participant__study=study, state=ScreeningState.SIGNED)
    return [
        Open(
            str(row.participant),
            f"{row.participant}, {row.participant.site.code}: signed by the investigator.",
            page=("safety:participant", row.participant.screening_number),
        )
        for row in rows.select_related("participant__site").order_by("participant_id")
    ]
