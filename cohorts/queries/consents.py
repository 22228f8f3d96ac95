"""Who signed which consent form, and who still has to."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

from cohorts.models import Consent, ConsentForm, Participant
from cohorts.policies import owes_consent, version_to_consent_to
from cohorts.queries.viewers import Viewer
from cohorts.states import ENDED, ParticipantState
from ntrust.states import Role

READERS: Final = (
    Role.STUDY_MANAGER,
    Role.MEDICAL_MONITOR,
    Role.INVESTIGATOR,
    Role.PHARMACIST,
    Role.AUDITOR,
)


@dataclass(frozen=True)
class FormRow:
    """A version of the consent form."""

    label: str
    effective_on: date
    version: str
    signatures: int


@dataclass(frozen=True)
class OwingRow:
    """Somebody on study who has to consent again."""

    screening_number: str
    name: str
    site: str
    state: str
    version: str
    signed: str
    can_record: bool


@dataclass(frozen=True)
class ConsentPage:
    """Forms, newest first, and who still has to sign. `asking`: the version that asks for it."""

    forms: tuple[FormRow, ...]
    asking: str
    owing: tuple[OwingRow, ...]
    can_add: bool


@dataclass(frozen=True)
class ConsentRow:
    """A form a participant signed; the last row of a form counts."""

    form: str
    version: str
    signed_on: date
    correction: str
    recorded_at: datetime
    recorded_by: str


@dataclass(frozen=True)
class ConsentPanel:
    """A participant's consents. `asking`: the version they still have to consent to, or empty."""

    rows: tuple[ConsentRow, ...]
    asking: str
    can_record: bool
    can_re_pin: bool


def may_read_consents(viewer: Viewer) -> bool:
    """Everybody but the committee, which knows participants by subject number only."""
    return bool({role.label for role in READERS} & set(viewer.roles))


def read_consents(viewer: Viewer) -> ConsentPage:
    """Forms, and who has yet to sign; people bound to a site see its participants only."""
    people = (
        Participant.objects.filter(study=viewer.study)
        .exclude(state__in=ENDED)
        .select_related("site", "protocol_version")
        .defer("protocol_version__document")
        .prefetch_related("consents__form__protocol_version")
        .order_by("id")
    )
    if not viewer.sees_every_site:
        people = people.filter(site_id__in=viewer.site_ids)
    everybody = list(people)
    asking = version_to_consent_to(viewer.study)
    forms = ConsentForm.objects.filter(study=viewer.study).select_related("protocol_version")
    signed = [row.form_id for person in everybody for row in person.consents.all()]
    return ConsentPage(
        forms=tuple(
            FormRow(
                label=form.label,
                effective_on=form.effective_on,
                version=form.protocol_version.version,
                signatures=signed.count(form.pk),
            )
            for form in reversed(forms)
        ),
        asking=asking.version if asking else "",
        owing=tuple(
            _owing(person, viewer)
            for person in everybody
            if owes_consent(
                person, (row.form.protocol_version for row in person.consents.all()), asking
            )
        ),
        can_add=Role.STUDY_MANAGER.label in viewer.roles,
    )


def _owing(person: Participant, viewer: Viewer) -> OwingRow:
    signed = list(person.consents.all())
    return OwingRow(
        screening_number=person.screening_number,
        name=str(person),
        site=person.site.code,
        state=ParticipantState(person.state).label,
        version=person.protocol_version.version,
        signed=signed[-1].form.label if signed else "",
        can_record=viewer.is_investigator_at(person.site_id),
    )


def read_participant_consents(
    participant: Participant, *, viewer: Viewer, now: datetime
) -> ConsentPanel:
    """The consents of one participant."""
    rows = list(
        Consent.objects.filter(participant=participant)
        .select_related("form__protocol_version", "recorded_by")
        .defer("form__protocol_version__document")
    )
    asking = version_to_consent_to(participant.study)
    signed = [row.form.protocol_version for row in rows]
    owes = owes_consent(participant, signed, asking)
    is_untreated = participant.state in (
        ParticipantState.SCREENING,
        ParticipantState.ELIGIBLE,
        ParticipantState.SLOTTED,
    )
    return ConsentPanel(
        rows=tuple(
            ConsentRow(
                form=row.form.label,
                version=row.form.protocol_version.version,
                signed_on=row.signed_on,
                correction=row.correction,
                recorded_at=row.recorded_at,
                recorded_by=str(row.recorded_by),
            )
            for row in rows
        ),
        asking=asking.version if asking and owes else "",
        can_record=viewer.is_investigator_at(participant.site_id)
        and participant.state not in ENDED,
        can_re_pin=Role.STUDY_MANAGER.label in viewer.roles
        and is_untreated
        and any(version.pk != participant.protocol_version_id for version in signed),
    )
