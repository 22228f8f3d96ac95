"""Results of a screening, and what a change of them does to its signature."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime

from cohorts.models import Screening, ScreeningResult
from cohorts.models.seats import Participant
from cohorts.policies import Entry, ReadEntry, day_at, document_of, read_entries, require_screening
from cohorts.states import SCREENING_FILE, ScreeningState
from ntrust.change import Change, study_change
from ntrust.errors import Refused
from ntrust.models import User
from ntrust.policies import check_role
from ntrust.states import Role


def enter_results(
    participant: Participant,
    *,
    entries: Sequence[Entry],
    by: User,
    reason: str = "",
    now: datetime | None = None,
) -> Screening:
    """Enter results, all of them or none. A signed screening is open again when one changes.

    Refuses a field the protocol does not ask of this participant, a wrong unit, an implausible
    value, a day in the future, a missing day, upper limit or comment, a correction without a
    reason, and an entry that changes nothing. A repeat measured later is no correction.
    """
    study = participant.study
    check_role(by, study, [Role.INVESTIGATOR], site=participant.site)
    with study_change(study, by=by, reason=reason or "results entered", now=now) as change:
        screening = require_screening(participant)
        read = _read_all(screening, entries, reason=reason, now=change.now)
        reopen(change, screening, because="a result changed")
        for each in read:
            _write(change, screening, each, reason=reason)
        corrected = sum(each.is_correction for each in read)
        also = f", {corrected} of them corrected: {reason.strip()}" if corrected else ""
        plural = "" if len(read) == 1 else "s"
        record(change, screening, "RESULTS_ENTERED", f"{len(read)} result{plural} entered{also}.")
    return screening


def plan_treatment_dates(
    participant: Participant,
    *,
    visit_date: date | None,
    lymphodepletion_date: date | None,
    first_infusion_date: date | None,
    by: User,
    now: datetime | None = None,
) -> Screening:
    """Set the reference dates of the criteria: screening visit, planned treatment.

    A signed screening is open again when one changes. Refuses a visit in the future and days in an
    impossible order.
    """
    study = participant.study
    check_role(by, study, [Role.INVESTIGATOR], site=participant.site)
    with study_change(study, by=by, reason="treatment dates planned", now=now) as change:
        screening = require_screening(participant)
        days = (visit_date, lymphodepletion_date, first_infusion_date)
        _check_days(screening, days, now=change.now)
        reopen(change, screening, because="a date changed")
        screening.visit_date = visit_date
        screening.lymphodepletion_date = lymphodepletion_date
        screening.first_infusion_date = first_infusion_date
        screening.save(update_fields=["visit_date", "lymphodepletion_date", "first_infusion_date"])
        record(change, screening, "TREATMENT_PLANNED", "dates of screening and treatment set.")
    return screening


def reopen(change: Change, screening: Screening, *, because: str) -> None:
    """Take signature and confirmation off a screening that changes; nothing when it is open."""
    if screening.state == ScreeningState.OPEN:
        return
    SCREENING_FILE.check(screening.state, ScreeningState.OPEN)
    screening.state = ScreeningState.OPEN
    screening.signature, screening.content_hash = None, ""
    screening.readings, screening.expires_on = [], None
    screening.confirmed_at = screening.confirmed_by = None
    screening.save(
        update_fields=[
            "state",
            "signature",
            "content_hash",
            "readings",
            "expires_on",
            "confirmed_at",
            "confirmed_by",
        ]
    )
    sentence = f"the screening is open again, {because} after it was signed."
    record(change, screening, "SCREENING_REOPENED", sentence)


def record(change: Change, screening: Screening, kind: str, sentence: str) -> None:
    """An event of one screening."""
    participant = screening.participant
    change.record(
        kind, f"{participant}: {sentence}", subject=str(participant), site=participant.site
    )


def _read_all(
    screening: Screening, entries: Sequence[Entry], *, reason: str, now: datetime
) -> list[ReadEntry]:
    participant = screening.participant
    asked = document_of(participant.protocol_version).eligibility
    read, faults = read_entries(
        entries,
        asked=asked,
        group=asked.group_of(participant.disease),
        stored={row.field: row for row in screening.results.all()},
        reason=reason,
        today=day_at(participant.site, now),
    )
    if faults:
        raise Refused(faults[0].code, " ".join(fault.sentence for fault in faults))
    if not read:
        raise Refused("nothing_entered", "No result is new or changed.")
    return read


def _write(change: Change, screening: Screening, read: ReadEntry, *, reason: str) -> None:
    entry, by = read.entry, change.by
    assert by is not None
    ScreeningResult.objects.update_or_create(
        screening=screening,
        field=entry.field,
        defaults={
            "entered": entry.value.strip(),
            "unit": entry.unit.strip(),
            "value": read.value,
            "upper_limit_entered": entry.upper_limit.strip(),
            "upper_limit": read.upper_limit,
            "measured_on": entry.measured_on,
            "comment": entry.comment.strip(),
            "reason": reason.strip() if read.is_correction else "",
            "entered_at": change.now,
            "entered_by": by,
        },
    )


def _check_days(
    screening: Screening, days: tuple[date | None, date | None, date | None], *, now: datetime
) -> None:
    visit, lymphodepletion, infusion = days
    site = screening.participant.site
    consent = day_at(site, screening.participant.consented_at)
    if visit is not None and visit > day_at(site, now):
        raise Refused("future_date", "The screening visit lies in the future.")
    known = [day for day in days if day is not None]
    is_same_day = None not in days[1:] and lymphodepletion == infusion
    is_before_consent = lymphodepletion is not None and lymphodepletion < consent
    if known != sorted(known) or is_same_day or is_before_consent:
        raise Refused(
            "impossible_order",
            "Consent and screening come before lymphodepletion, and that before infusion 1.",
        )
    before = (screening.visit_date, screening.lymphodepletion_date, screening.first_infusion_date)
    if days == before:
        raise Refused("nothing_entered", "No date is new or changed.")
