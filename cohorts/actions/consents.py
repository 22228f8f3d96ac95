"""Consent: forms by version, who signed which, and the move to the version consented to."""

from __future__ import annotations

from datetime import date, datetime
from zoneinfo import ZoneInfo

from cohorts.actions.results import reopen
from cohorts.models import Consent, ConsentForm, Participant, ProtocolVersion, Screening
from cohorts.policies import check_re_pin, document_of, form_in_use, require_protocol
from cohorts.states import ENDED
from ntrust.change import Change, study_change
from ntrust.errors import Refused
from ntrust.models import Study, User
from ntrust.policies import check_role
from ntrust.states import Role


def add_consent_form(  # noqa: PLR0913 - what names a form
    study: Study,
    *,
    label: str,
    effective_on: date,
    version: ProtocolVersion,
    by: User,
    now: datetime | None = None,
) -> ConsentForm:
    """Enter a version of the consent form. Refuses a blank label, one that is taken, and a
    protocol version of another study."""
    check_role(by, study, [Role.STUDY_MANAGER])
    label = label.strip()
    if not label:
        raise Refused("label_needed", "Give the form's version.")
    with study_change(study, by=by, reason="consent form added", now=now) as change:
        if version.study_id != study.pk:
            raise Refused("not_found", "There is no such protocol version in this study.")
        if ConsentForm.objects.filter(study=study, label=label).exists():
            raise Refused("form_exists", f"There is a consent form {label} already.")
        form = ConsentForm.objects.create(
            study=change.study,
            label=label,
            effective_on=effective_on,
            protocol_version=version,
            added_at=change.now,
            added_by=by,
        )
        change.record(
            "CONSENT_FORM_ADDED",
            f"Consent form {label} added for protocol version {version.version}, in effect from "
            f"{effective_on:%d-%b-%Y}.",
        )
    return form


def record_consent(  # noqa: PLR0913 - who signed what, when
    participant: Participant,
    *,
    form: ConsentForm,
    signed_on: date,
    by: User,
    correction: str = "",
    now: datetime | None = None,
) -> Consent:
    """Record that a participant signed a form; a second row for one corrects the first.

    Refuses somebody no longer on study, a form of another study, a day in the future or before
    the form was in effect, and a second row without why it corrects (`already_recorded`).
    """
    study = participant.study
    check_role(by, study, [Role.INVESTIGATOR], site=participant.site)
    with study_change(study, by=by, reason=correction or "consent", now=now) as change:
        participant = Participant.objects.select_related("site").get(pk=participant.pk)
        if participant.state in ENDED:
            raise Refused("off_study", f"{participant} is no longer on study.")
        if form.study_id != study.pk:
            raise Refused("not_found", "There is no such consent form in this study.")
        if signed_on > _site_day(participant, change.now):
            raise Refused("future_date", "This day lies in the future.")
        if signed_on < form.effective_on:
            raise Refused("form_not_in_effect", f"Form {form} was not in effect on that day.")
        is_first = not Consent.objects.filter(participant=participant, form=form).exists()
        if is_first == bool(correction.strip()):
            sentence = "is not recorded yet" if is_first else "is recorded: say why it is corrected"
            raise Refused("already_recorded", f"The consent to form {form} {sentence}.")
        consent = _write(change, participant, form, signed_on, by, correction.strip())
    return consent


def record_first_consent(change: Change, participant: Participant, *, by: User) -> None:
    """At screening: the form in effect on the day of the consent, where the study keeps forms."""
    signed_on = _site_day(participant, participant.consented_at)
    form = form_in_use(change.study, on=signed_on)
    if form is not None:
        _write(change, participant, form, signed_on, by, "")


def _write(  # noqa: PLR0913 - one row
    change: Change,
    participant: Participant,
    form: ConsentForm,
    signed_on: date,
    by: User,
    correction: str,
) -> Consent:
    consent = Consent.objects.create(
        participant=participant,
        form=form,
        signed_on=signed_on,
        correction=correction,
        recorded_at=change.now,
        recorded_by=by,
    )
    change.record(
        "CONSENT_RECORDED",
        f"{participant} signed consent form {form} on {signed_on:%d-%b-%Y}.",
        subject=str(participant),
        site=participant.site,
    )
    return consent


def _site_day(participant: Participant, moment: datetime) -> date:
    return moment.astimezone(ZoneInfo(participant.site.timezone)).date()


def re_pin(
    participant: Participant, *, reason: str, by: User, now: datetime | None = None
) -> Participant:
    """Move a participant who consented again to the version in force. Manager's action.

    A signed or confirmed screening is open again: what was signed was that version's criteria.

    Refuses a blank reason, somebody whose lymphodepletion has begun, one without consent to the
    version in force, and a disease it does not treat.
    """
    study = participant.study
    check_role(by, study, [Role.STUDY_MANAGER])
    if not reason.strip():
        raise Refused("reason_needed", "Say why the participant moves to another version.")
    with study_change(study, by=by, reason=reason, now=now) as change:
        participant = Participant.objects.select_related("site", "protocol_version").get(
            pk=participant.pk
        )
        version = require_protocol(change.study)
        check_re_pin(participant, version)
        if participant.disease not in document_of(version).diseases:
            raise Refused("unknown_disease", f"The protocol does not treat {participant.disease}.")
        before = participant.protocol_version.version
        participant.protocol_version = version
        participant.save(update_fields=["protocol_version"])
        screening = Screening.objects.filter(participant=participant).first()
        if screening is not None:
            reopen(change, screening, because=f"the protocol version is now {version.version}")
        change.record(
            "PARTICIPANT_REPINNED",
            f"{participant} moved from protocol version {before} to {version.version}: {reason}",
            subject=str(participant),
            site=participant.site,
            detail=reason,
        )
    return participant
