"""What a screening says on a day, and whether it lets somebody be treated."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any, Final
from zoneinfo import ZoneInfo

from cohorts.engine.eligibility import (
    NEVER,
    Field,
    FieldKind,
    Kind,
    Reading,
    Result,
    State,
    Value,
    judge_criteria,
)
from cohorts.engine.eligibility.fields import show_date
from cohorts.models import Participant, Screening, ScreeningResult
from cohorts.policies.facts import document_of
from cohorts.protocol import ProtocolDocument
from cohorts.states import ParticipantState, ScreeningState
from ntrust.errors import Gate, Refused, refuse_unless_clear
from ntrust.models import Site

BEFORE_TREATMENT: Final = (
    ParticipantState.SCREENING,
    ParticipantState.ELIGIBLE,
    ParticipantState.SLOTTED,
)
"""States in which a screening may still change."""


def day_at(site: Site, now: datetime) -> date:
    """The calendar day at the site."""
    return now.astimezone(ZoneInfo(site.timezone)).date()


def read_rows(rows: Iterable[ScreeningResult], document: ProtocolDocument) -> dict[str, Result]:
    """Stored results as the engine reads them; what the protocol no longer asks for is left out."""
    fields = {each.key: each.entry() for each in document.eligibility.fields}
    found = {}
    for row in rows:
        field = fields.get(row.field)
        value = None if field is None else value_from_text(field, row.value)
        if value is not None:
            found[row.field] = Result(value, row.measured_on, row.upper_limit, row.comment)
    return found


def value_from_text(field: Field, text: str) -> Value | None:
    """A stored value; None when it is none of this field."""
    try:
        if field.kind is FieldKind.NUMBER:
            return Decimal(text)
        if field.kind is FieldKind.DATE and text != NEVER:
            return date.fromisoformat(text)
    except (ValueError, InvalidOperation):
        return None
    return text


def value_as_text(value: Value) -> str:
    """A value as it is stored."""
    if isinstance(value, Decimal):
        return f"{value.normalize():f}"
    return value.isoformat() if isinstance(value, date) else value


def anchors_of(screening: Screening) -> dict[str, date]:
    """The reference dates known, by the names the protocol gives them."""
    participant = screening.participant
    days = {
        "consent": day_at(participant.site, participant.consented_at),
        "screening": screening.visit_date,
        "lymphodepletion": screening.lymphodepletion_date,
        "first_infusion": screening.first_infusion_date,
    }
    return {name: day for name, day in days.items() if day is not None}


def judge_screening(
    screening: Screening,
    *,
    today: date,
    document: ProtocolDocument | None = None,
    rows: Iterable[ScreeningResult] | None = None,
    **anchors: date,
) -> tuple[Reading, ...]:
    """Every criterion of the participant's own protocol version, read on a day.

    `anchors` take the place of planned dates.
    """
    participant = screening.participant
    document = document or document_of(participant.protocol_version)
    asked = document.eligibility
    return judge_criteria(
        asked.rules(),
        group=asked.group_of(participant.disease),
        results=read_rows(screening.results.all() if rows is None else rows, document),
        anchors={**anchors_of(screening), **anchors},
        today=today,
    )


def screening_content(
    screening: Screening, *, rows: Iterable[ScreeningResult], readings: list[dict[str, Any]]
) -> dict[str, Any]:
    """What a signature on a screening stands for."""
    participant = screening.participant
    return {
        "participant": participant.screening_number,
        "protocol_version": participant.protocol_version.version,
        "disease": participant.disease,
        "dates": dict(sorted(anchors_of(screening).items())),
        "failed": {"criteria": screening.failed_criteria, "because": screening.failed_because},
        "readings": readings,
        "results": {
            row.field: {
                "entered": row.entered,
                "unit": row.unit,
                "value": row.value,
                "upper_limit": row.upper_limit,
                "measured_on": row.measured_on,
                "comment": row.comment,
            }
            for row in sorted(rows, key=lambda row: row.field)
        },
    }


def freeze_readings(readings: Iterable[Reading]) -> list[dict[str, Any]]:
    """Readings as plain data, to be stored and signed."""
    return [
        {
            "criterion": each.criterion,
            "kind": str(each.kind),
            "state": str(each.state),
            "sentence": each.sentence,
            "expires_on": each.expires_on.isoformat() if each.expires_on else None,
        }
        for each in readings
    ]


def screening_of(participant: Participant) -> Screening | None:
    """A participant's screening with what judging it needs."""
    return (
        Screening.objects.select_related(
            "participant__site", "participant__study", "participant__protocol_version"
        )
        .filter(participant=participant)
        .first()
    )


def require_screening(participant: Participant) -> Screening:
    """The screening of somebody not yet treated.

    Refuses (`screening_over`) when lymphodepletion has begun, they left, or screening failed.
    """
    screening = screening_of(participant)
    if screening is None:
        raise Refused("no_screening", f"{participant} has no screening.")
    person = screening.participant
    if person.state not in BEFORE_TREATMENT or screening.state == ScreeningState.FAILED:
        label = ParticipantState(person.state).label
        raise Refused("screening_over", f"The screening of {person} is over: {label}.")
    return screening


def gates_for_criteria(readings: Iterable[Reading]) -> list[Gate]:
    """One gate a criterion that does not let them in, what is missing included."""
    shut = [reading for reading in readings if reading.passes is not True]
    if not shut:
        return [Gate("criteria_fulfilled", True, "Every criterion is fulfilled.")]
    words = {State.MET: "met, excludes", State.NOT_MET: "not met", State.MISSING: "missing"}
    return [
        Gate(
            f"criterion_{each.criterion}",
            False,
            f"{each.criterion} {words[each.state]}: {each.sentence}.",
            None,
            "investigator",
        )
        for each in shut
    ]


def gates_for_screening_signature(screening: Screening, *, now: datetime) -> list[Gate]:
    """What stands between a screening and the investigator's signature."""
    today = day_at(screening.participant.site, now)
    state = ScreeningState(screening.state)
    return [
        Gate("screening_open", state == ScreeningState.OPEN, f"The screening is {state.label}."),
        *gates_for_criteria(judge_screening(screening, today=today)),
    ]


def gates_for_eligibility(screening: Screening, *, now: datetime) -> list[Gate]:
    """What stands between a signed screening and the manager's word."""
    state = ScreeningState(screening.state)
    return [
        Gate(
            "screening_signed",
            state == ScreeningState.SIGNED,
            f"The screening is {state.label}.",
            None,
            "investigator",
        ),
        _in_date(screening, now=now),
    ]


def check_signature(screening: Screening, *, now: datetime) -> None:
    """Refuse (`not_eligible`) with every criterion that does not let them in."""
    refuse_unless_clear("not_eligible", gates_for_screening_signature(screening, now=now))


def check_eligibility(screening: Screening, *, now: datetime) -> None:
    """Refuse (`not_eligible`) what is not signed or no longer in date."""
    refuse_unless_clear("not_eligible", gates_for_eligibility(screening, now=now))


def eligibility_gate(participant: Participant, *, now: datetime) -> Gate:
    """Whether eligibility is signed, confirmed and still in date at the site."""
    screening = screening_of(participant)
    if screening is None:
        return _shut(f"{participant} has no screening.", "investigator")
    state = ScreeningState(screening.state)
    if state == ScreeningState.SIGNED:
        return _shut(f"The screening of {participant} is not confirmed.", "study manager")
    if state != ScreeningState.CONFIRMED:
        return _shut(f"The screening of {participant} is {state.label}.", "investigator")
    return _in_date(screening, now=now)


def gates_for_treatment(participant: Participant, *, now: datetime) -> list[Gate]:
    """Eligibility on the day lymphodepletion begins: the criteria are judged again, that day being
    the day of lymphodepletion."""
    gate = eligibility_gate(participant, now=now)
    screening = screening_of(participant)
    if not gate.is_clear or screening is None:
        return [gate]
    today = day_at(screening.participant.site, now)
    readings = judge_screening(screening, today=today, lymphodepletion=today)
    return [gate, *gates_for_criteria(readings)]


def _in_date(screening: Screening, *, now: datetime) -> Gate:
    end = screening.expires_on
    today = day_at(screening.participant.site, now)
    if end is not None and end <= today:
        return _shut(
            f"Results of {screening.participant} are out of date since {show_date(end)}.",
            "investigator",
        )
    until = f" It has to be renewed on {show_date(end)}." if end else ""
    return Gate("eligibility_in_date", True, f"The screening is in date.{until}")


def _shut(sentence: str, who: str) -> Gate:
    return Gate("eligibility_in_date", False, sentence, None, who)


def describe_state(kind: Kind, state: State) -> str:
    """A criterion's state in words nobody misreads: that an exclusion is met keeps them out."""
    if state is State.MISSING:
        return "missing"
    if kind is Kind.INCLUSION:
        return "met" if state is State.MET else "not met"
    return "met: excludes" if state is State.MET else "not met: does not exclude"
