"""Doses of lymphodepletion: given or omitted. What differs from the plan is a deviation."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

from cohorts.actions import note_deviation
from cohorts.policies import document_of
from dosing.actions.facts import record_course, refuse_future
from dosing.doses import is_off_plan
from dosing.models import LdAdministration
from dosing.states import LD_DOSE, LdDoseState
from ntrust.change import Change, study_change
from ntrust.errors import Refused
from ntrust.models import User
from ntrust.policies import check_role
from ntrust.states import Role


def give_ld_dose(  # noqa: PLR0913 - what is recorded at the bedside
    dose: LdAdministration,
    *,
    given_mg: Decimal,
    started_at: datetime,
    stopped_at: datetime,
    by: User,
    reason: str = "",
    now: datetime | None = None,
) -> LdAdministration:
    """Record a dose as given.

    Milligrams further from the plan than the protocol tolerates, and another day than planned, need
    a reason (`reason_needed`) and are deviations. Refuses no milligrams, and times that cannot be:
    in the future, before the lymphodepletion began, an end before the start.
    """
    participant = dose.course.participant
    check_role(by, participant.study, [Role.INVESTIGATOR], site=participant.site)
    with study_change(participant.study, by=by, reason="dose given", now=now) as change:
        dose = _lock(dose)
        LD_DOSE.check(dose.state, LdDoseState.GIVEN)
        if given_mg <= 0:
            raise Refused("no_dose", "Enter the milligrams given; none is an omitted dose.")
        _check_times(change, dose, started_at, stopped_at)
        deviations = _deviations(dose, given_mg, started_at)
        if deviations and not reason.strip():
            said = " ".join(sentence for _, sentence in deviations)
            raise Refused("reason_needed", f"{said} Check the entry, or say why.")
        dose.state, dose.given_mg = LdDoseState.GIVEN, given_mg
        dose.started_at, dose.stopped_at = started_at, stopped_at
        dose.deviation = " ".join([*(said for _, said in deviations), reason.strip()]).strip()
        if not deviations:
            dose.deviation = ""
        dose.save(update_fields=["state", "given_mg", "started_at", "stopped_at", "deviation"])
        for kind, sentence in deviations:
            _deviate(change, dose, kind, sentence, reason, occurred_at=started_at)
        record_course(change, dose.course, "LD_DOSE_GIVEN", f"{dose}: {given_mg} mg given.")
    return dose


def omit_ld_dose(
    dose: LdAdministration, *, reason: str, by: User, now: datetime | None = None
) -> LdAdministration:
    """Record that a planned dose was not given: a deviation. Refuses a blank reason."""
    participant = dose.course.participant
    check_role(by, participant.study, [Role.INVESTIGATOR], site=participant.site)
    if not reason.strip():
        raise Refused("reason_needed", "Say why the dose is omitted.")
    with study_change(participant.study, by=by, reason=reason, now=now) as change:
        dose = _lock(dose)
        drop_dose(dose, because=reason.strip())
        sentence = f"{dose}: {dose.planned_mg} mg were planned and not given."
        _deviate(change, dose, "LD_DOSE_OMITTED", sentence, reason, occurred_at=change.now)
        what = f"{dose} omitted: {reason.strip()}"
        record_course(change, dose.course, "LD_DOSE_OMITTED", what, detail=reason.strip())
    return dose


def drop_dose(dose: LdAdministration, *, because: str) -> None:
    """The only writer of an omitted dose."""
    LD_DOSE.check(dose.state, LdDoseState.OMITTED)
    dose.state, dose.not_given_because = LdDoseState.OMITTED, because
    dose.save(update_fields=["state", "not_given_because"])


def _lock(dose: LdAdministration) -> LdAdministration:
    return LdAdministration.objects.select_related(
        "course__participant__site", "course__participant__protocol_version", "course__level"
    ).get(pk=dose.pk)


def _check_times(
    change: Change, dose: LdAdministration, started_at: datetime, stopped_at: datetime
) -> None:
    refuse_future(change, started_at)
    refuse_future(change, stopped_at)
    if stopped_at < started_at:
        raise Refused("impossible_order", "A dose cannot end before it began.")
    if started_at < dose.course.started_at:
        raise Refused("impossible_order", "A dose cannot precede the start of lymphodepletion.")


def _deviations(
    dose: LdAdministration, given_mg: Decimal, started_at: datetime
) -> list[tuple[str, str]]:
    """In what the dose given differs from the planned one: codes and sentences."""
    participant = dose.course.participant
    limits = document_of(participant.protocol_version).lymphodepletion_limits
    found = []
    if is_off_plan(dose.planned_mg, given_mg, limits.dose_tolerance):
        sentence = f"{dose}: {dose.planned_mg} mg were planned, {given_mg} mg given."
        found.append(("LD_DOSE_OFF_PLAN", sentence))
    given_on = dose.course.local_day(started_at)
    if given_on != dose.planned_date:
        sentence = f"{dose}: planned for {dose.planned_date:%d-%b-%Y}, given {given_on:%d-%b-%Y}."
        found.append(("LD_DOSE_OFF_DAY", sentence))
    return found


def _deviate(
    change: Change,
    dose: LdAdministration,
    kind: str,
    sentence: str,
    reason: str,
    *,
    occurred_at: datetime,
) -> None:
    note_deviation(
        change,
        dose.course.participant,
        kind=kind,
        sentence=f"{sentence} {reason.strip()}",
        occurred_at=occurred_at,
    )
