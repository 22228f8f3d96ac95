"""Concomitant medication: entered, corrected, and matched with the DLT window."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from django.db.models import Q

from cohorts.actions import note_deviation, update_outcome
from cohorts.models import Outcome, Participant
from cohorts.policies import document_of
from dosing.models import Medication
from dosing.policies import was_in_window
from dosing.states import LOCAL_ROUTES, MedicationKind, Route
from ntrust.change import Change, study_change
from ntrust.errors import Refused
from ntrust.models import User
from ntrust.policies import check_role
from ntrust.states import Role

_TOO_MUCH = Decimal(10) ** 8


@dataclass(frozen=True)
class Prescription:
    """A medicine as it is given; `ended_on` None: still given. Days are the site's."""

    name: str
    route: str
    indication: str
    started_on: date
    ended_on: date | None = None
    dose: Decimal | None = None
    unit: str = ""


def record_medication(
    participant: Participant,
    *,
    prescription: Prescription,
    by: User,
    now: datetime | None = None,
) -> Medication:
    """Enter a medicine; the protocol's rules that speak of it are recognised by its name.

    A prohibited one in the DLT window proposes the participant as not evaluable and is a deviation
    (`match_medications`). Refuses a medicine without name or indication, days in the future or in
    the wrong order, a dose without a unit, and one entered already.
    """
    study = participant.study
    check_role(by, study, [Role.INVESTIGATOR], site=participant.site)
    with study_change(study, by=by, reason="medication entered", now=now) as change:
        facts = _check_prescription(change, participant, prescription)
        _refuse_second(participant, facts)
        medication = Medication.objects.create(
            participant=participant, entered_at=change.now, entered_by=by, **facts
        )
        _record(change, medication, "MEDICATION_ENTERED", "entered")
    return medication


def correct_medication(
    medication: Medication,
    *,
    prescription: Prescription,
    reason: str,
    by: User,
    now: datetime | None = None,
) -> Medication:
    """Put an entry right, or end a medicine; what was entered before stays in the history.

    The medical monitor's acceptance ends with what it was given for: it has to be given again.
    Refuses a blank reason, and whatever `record_medication` refuses.
    """
    participant = medication.participant
    check_role(by, participant.study, [Role.INVESTIGATOR], site=participant.site)
    if not reason.strip():
        raise Refused("reason_needed", "Say why the medication is corrected.")
    with study_change(participant.study, by=by, reason=reason, now=now) as change:
        medication = _lock(medication)
        facts = _check_prescription(change, medication.participant, prescription)
        _refuse_second(medication.participant, facts, but=medication)
        if all(getattr(medication, name) == value for name, value in facts.items()):
            raise Refused("nothing_changed", "This is what is recorded.")
        facts |= {"accepted_because": "", "accepted_at": None, "accepted_by": None}
        for name, value in facts.items():
            setattr(medication, name, value)
        medication.save(update_fields=list(facts))
        _record(change, medication, "MEDICATION_CORRECTED", "corrected")
    return medication


def accept_medication(
    medication: Medication, *, reason: str, by: User, now: datetime | None = None
) -> Medication:
    """Rule that a prohibited medicine does not bear on the DLT window, so that the participant
    counts by everything else. Medical monitor's action.

    Refuses a blank reason, a medicine that is not prohibited, and one accepted before.
    """
    participant = medication.participant
    check_role(by, participant.study, [Role.MEDICAL_MONITOR])
    if not reason.strip():
        raise Refused("reason_needed", "Say why it does not matter.")
    with study_change(participant.study, by=by, reason=reason, now=now) as change:
        medication = _lock(medication)
        if not medication.is_prohibited:
            raise Refused("not_prohibited", f"The protocol does not prohibit {medication.name}.")
        if medication.accepted_at is not None:
            raise Refused("already_accepted", f"{medication.name} is accepted already.")
        medication.accepted_because = reason.strip()
        medication.accepted_at, medication.accepted_by = change.now, by
        medication.save(update_fields=["accepted_because", "accepted_at", "accepted_by"])
        _record(change, medication, "MEDICATION_ACCEPTED", "accepted by the medical monitor")
    return medication


def match_medications(change: Change) -> None:
    """Before the rules run: prohibited medicines and the windows they overlap, as both are now.

    So it makes no difference which of the two was entered or corrected last.
    """
    taken: defaultdict[int, list[str]] = defaultdict(list)
    prohibited = Medication.objects.filter(participant__study=change.study, is_prohibited=True)
    for medication in prohibited.select_related("participant__site", "participant__window"):
        if not was_in_window(medication):
            continue
        _note_once(change, medication)
        if medication.accepted_at is None:
            taken[medication.participant_id].append(medication.name)
    touched = Outcome.objects.filter(study=change.study).filter(
        Q(participant__in=list(taken)) | ~Q(prohibited_medication="")
    )
    for outcome in touched.select_related("participant__site"):
        names = ", ".join(taken[outcome.participant_id])
        if names != outcome.prohibited_medication:
            update_outcome(change, outcome.participant, prohibited_medication=names)


def _note_once(change: Change, medication: Medication) -> None:
    if medication.deviation_id is not None:
        return
    medication.deviation = note_deviation(
        change,
        medication.participant,
        kind="PROHIBITED_MEDICATION",
        sentence=f"{medication.name}, which the protocol prohibits, in the DLT window.",
    )
    medication.save(update_fields=["deviation"])


def _check_prescription(
    change: Change, participant: Participant, entered: Prescription
) -> dict[str, Any]:
    """The row's fields, or a refusal in words."""
    name, unit = entered.name.strip(), entered.unit.strip()
    if not name or not entered.indication.strip():
        raise Refused("reason_needed", "A medicine has a name and what it is given for.")
    if entered.route not in Route.values:
        raise Refused("unknown_route", "Choose how it is given.")
    today = change.now.astimezone(ZoneInfo(participant.site.timezone)).date()
    if entered.started_on > today or (entered.ended_on is not None and entered.ended_on > today):
        raise Refused("future_date", "This day lies in the future.")
    if entered.ended_on is not None and entered.ended_on < entered.started_on:
        raise Refused("impossible_order", "A medicine ends after it starts.")
    if (entered.dose is not None) != bool(unit) or not _is_dose(entered.dose):
        raise Refused("bad_dose", "Give the dose with its unit, or neither.")
    rules = document_of(participant.protocol_version).recognise(
        name, is_systemic=entered.route not in LOCAL_ROUTES
    )
    kinds = sorted({rule.kind for rule in rules})
    return {
        "name": name,
        "dose": entered.dose,
        "unit": unit,
        "route": entered.route,
        "indication": entered.indication.strip(),
        "started_on": entered.started_on,
        "ended_on": entered.ended_on,
        "recognised": [rule.key for rule in rules],
        "kinds": kinds,
        "is_prohibited": MedicationKind.PROHIBITED in kinds,
    }


def _is_dose(dose: Decimal | None) -> bool:
    """None, or a number that a dose can be."""
    return dose is None or (dose.is_finite() and 0 < dose < _TOO_MUCH)


def _refuse_second(
    participant: Participant, facts: dict[str, Any], *, but: Medication | None = None
) -> None:
    same = Medication.objects.filter(
        participant=participant,
        name__iexact=facts["name"],
        dose=facts["dose"],
        route=facts["route"],
        started_on=facts["started_on"],
    ).exclude(pk__in=[but.pk] if but else [])
    if same.exists():
        raise Refused("already_entered", "This medicine is entered already: correct it.")


def _lock(medication: Medication) -> Medication:
    """The row as it is now, under the study lock."""
    return Medication.objects.select_related("participant__site").get(pk=medication.pk)


def _record(change: Change, medication: Medication, kind: str, what: str) -> None:
    participant = medication.participant
    change.record(
        kind,
        f"{participant}: concomitant medication {what}.",
        subject=str(participant),
        site=participant.site,
        medication=medication.pk,
    )
