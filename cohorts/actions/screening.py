"""From consent to confirmed eligibility, or to screen failure."""

from __future__ import annotations

import re
from datetime import datetime

from cohorts.actions.consents import record_first_consent
from cohorts.actions.moves import move_participant
from cohorts.actions.results import record
from cohorts.actions.slots import free_slot
from cohorts.engine.eligibility import Reading, failed, first_expiry
from cohorts.models import Participant, Screening
from cohorts.policies import (
    check_eligibility,
    check_signature,
    check_study_open,
    day_at,
    document_of,
    freeze_readings,
    judge_screening,
    require_protocol,
    require_screening,
    screening_content,
)
from cohorts.states import SCREENING_FILE, TAKEN_SLOTS, ParticipantState, ScreeningState
from ntrust.change import Change, study_change
from ntrust.errors import Refused
from ntrust.models import Site, Study, User
from ntrust.policies import check_role
from ntrust.signing import content_hash, sign
from ntrust.states import Role, SiteState

_NUMBER = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,19}")


def screen_participant(  # noqa: PLR0913 - what is known at consent
    site: Site,
    *,
    disease: str,
    consented_at: datetime,
    by: User,
    screening_number: str = "",
    rescreens: Participant | None = None,
    now: datetime | None = None,
) -> Participant:
    """Enter a candidate at consent, pinned to the protocol version in force, and open a screening.

    Without a number the site's next is given. Refuses an inactive site, a number that is taken or
    no number, a disease the protocol does not name, a consent in the future, and screening
    somebody again who was no screen failure of this site or who is screened again already.
    """
    study = site.study
    check_role(by, study, [Role.INVESTIGATOR], site=site)
    with study_change(study, by=by, reason="consent", now=now) as change:
        check_study_open(change.study)
        version = require_protocol(change.study)
        if Site.objects.get(pk=site.pk).state != SiteState.ACTIVE:
            raise Refused("site_not_active", f"Site {site.code} is not active.")
        if disease not in document_of(version).diseases:
            raise Refused("unknown_disease", f"The protocol does not treat {disease}.")
        if consented_at > change.now:
            raise Refused("future_date", "The consent lies in the future.")
        if rescreens is not None:
            rescreens = _check_earlier(rescreens, site=site, consented_at=consented_at)
        participant = Participant.objects.create(
            study=change.study,
            site=site,
            protocol_version=version,
            screening_number=_number(change.study, site, screening_number.strip()),
            disease=disease,
            consented_at=consented_at,
            rescreens=rescreens,
        )
        record_first_consent(change, participant, by=by)
        screening = Screening.objects.create(participant=participant)
        again = f", screened before as {rescreens.screening_number}" if rescreens else ""
        record(change, screening, "CONSENTED", f"consented{again}.")
    return participant


def sign_screening(
    participant: Participant, *, by: User, password: str, now: datetime | None = None
) -> Screening:
    """The investigator's signature that every criterion is fulfilled.

    Refuses (`not_eligible`) with every criterion that is not: failed, missing or out of date.
    """
    study = participant.study
    role = check_role(by, study, [Role.INVESTIGATOR], site=participant.site)
    with study_change(study, by=by, reason="screening signed", now=now) as change:
        screening = require_screening(participant)
        SCREENING_FILE.check(screening.state, ScreeningState.SIGNED)
        check_signature(screening, now=change.now)
        readings = _judge(screening, now=change.now)
        screening.expires_on = first_expiry(readings)
        meaning = "every eligibility criterion is fulfilled"
        _seal(change, screening, readings, role=role, password=password, meaning=meaning)
        _move(screening, ScreeningState.SIGNED)
        record(change, screening, "SCREENING_SIGNED", "the screening is signed.")
    return screening


def fail_screening(
    participant: Participant,
    *,
    by: User,
    password: str,
    reason: str = "",
    now: datetime | None = None,
) -> Screening:
    """The investigator's signature under a screen failure, with the criteria that failed.

    A seat not yet used is given up. Refuses a blank reason when no criterion failed.
    """
    study = participant.study
    role = check_role(by, study, [Role.INVESTIGATOR], site=participant.site)
    with study_change(study, by=by, reason=reason or "screen failure", now=now) as change:
        screening = require_screening(participant)
        SCREENING_FILE.check(screening.state, ScreeningState.FAILED)
        readings = _judge(screening, now=change.now)
        criteria = list(failed(readings))
        if not criteria and not reason.strip():
            raise Refused("reason_needed", "No criterion failed: say why the screening ends.")
        screening.failed_criteria, screening.failed_because = criteria, reason.strip()
        screening.expires_on = None
        meaning = "the participant failed screening"
        _seal(change, screening, readings, role=role, password=password, meaning=meaning)
        _move(screening, ScreeningState.FAILED)
        _leave_seat(change, screening.participant)
        move_participant(change, screening.participant, to=ParticipantState.SCREEN_FAILED)
        why = "; ".join(part for part in (", ".join(criteria), reason.strip()) if part)
        record(change, screening, "SCREEN_FAILED", f"screen failure: {why}.")
    return screening


def confirm_eligibility(
    participant: Participant, *, by: User, now: datetime | None = None
) -> Participant:
    """Confirm a signed screening; the first time this gives the subject number. Manager's action.

    Refuses (`not_eligible`) a screening that is not signed or no longer in date.
    """
    study = participant.study
    check_role(by, study, [Role.STUDY_MANAGER])
    with study_change(study, by=by, reason="eligibility confirmed", now=now) as change:
        screening = require_screening(participant)
        check_eligibility(screening, now=change.now)
        SCREENING_FILE.check(screening.state, ScreeningState.CONFIRMED)
        screening.confirmed_at, screening.confirmed_by = change.now, by
        _move(screening, ScreeningState.CONFIRMED)
        participant = screening.participant
        if participant.state == ParticipantState.SCREENING:
            move_participant(change, participant, to=ParticipantState.ELIGIBLE)
            participant.subject_number = _subject_number(study)
            participant.save(update_fields=["subject_number"])
        change.record(
            "ELIGIBLE",
            f"{participant.subject_number} is eligible.",
            subject=participant.subject_number,
            site=participant.site,
        )
    return participant


def _check_earlier(earlier: Participant, *, site: Site, consented_at: datetime) -> Participant:
    """The earlier attempt, read under the lock."""
    earlier = Participant.objects.get(pk=earlier.pk)
    if earlier.site_id != site.pk:
        raise Refused("not_found", f"Site {site.code} has no such participant.")
    if earlier.state != ParticipantState.SCREEN_FAILED:
        raise Refused("not_failed", f"{earlier} is no screen failure.")
    again = earlier.rescreened_as.first()
    if again is not None:
        raise Refused("already_rescreened", f"{earlier} is screened again as {again}.")
    if consented_at < earlier.consented_at:
        raise Refused("impossible_order", f"The consent lies before that of {earlier}.")
    return earlier


def _number(study: Study, site: Site, wanted: str) -> str:
    """The number asked for, or the site's next: its code and three digits."""
    numbers = set(
        Participant.objects.filter(study=study).values_list("screening_number", flat=True)
    )
    if not wanted:
        own = f"{site.code}-"
        given = [number.removeprefix(own) for number in numbers if number.startswith(own)]
        last = max((int(rest) for rest in given if rest.isascii() and rest.isdigit()), default=0)
        return f"{site.code}-{last + 1:03d}"
    if not _NUMBER.fullmatch(wanted):
        raise Refused("bad_number", "A screening number has letters, digits, dots and dashes.")
    if wanted in numbers:
        raise Refused("number_taken", f"Screening number {wanted} is taken.")
    return wanted


def _subject_number(study: Study) -> str:
    """The study's next; numbers taken over from paper may be any."""
    numbered = Participant.objects.filter(study=study).exclude(subject_number="")
    taken = set(numbered.values_list("subject_number", flat=True))
    place = len(taken) + 1
    while f"P-{place:03d}" in taken:
        place += 1
    return f"P-{place:03d}"


def _judge(screening: Screening, *, now: datetime) -> tuple[Reading, ...]:
    return judge_screening(screening, today=day_at(screening.participant.site, now))


def _seal(  # noqa: PLR0913 - a signature's parts
    change: Change,
    screening: Screening,
    readings: tuple[Reading, ...],
    *,
    role: str,
    password: str,
    meaning: str,
) -> None:
    """Freeze the readings and sign them with everything they rest on."""
    screening.readings = freeze_readings(readings)
    content = screening_content(
        screening, rows=screening.results.all(), readings=screening.readings
    )
    screening.content_hash = content_hash(content)
    assert change.by is not None
    screening.signature = sign(
        change,
        signer=change.by,
        role=role,
        password=password,
        meaning=meaning,
        hash_of=screening.content_hash,
    )


def _move(screening: Screening, to: ScreeningState) -> None:
    """Write the state and all that came with it."""
    screening.state = to
    screening.save(
        update_fields=[
            "state",
            "readings",
            "failed_criteria",
            "failed_because",
            "expires_on",
            "content_hash",
            "signature",
            "confirmed_at",
            "confirmed_by",
        ]
    )


def _leave_seat(change: Change, participant: Participant) -> None:
    slot = participant.slots.filter(state__in=TAKEN_SLOTS).first()
    if slot is None:
        return
    free_slot(change, slot)
    if participant.state == ParticipantState.SLOTTED:
        move_participant(change, participant, to=ParticipantState.ELIGIBLE)
