"""From consent to confirmed eligibility."""

from __future__ import annotations

from datetime import datetime

from cohorts.actions.consents import record_first_consent
from cohorts.actions.moves import move_participant
from cohorts.models import Participant
from cohorts.policies import document_of, require_protocol
from cohorts.states import ParticipantState
from ntrust.change import study_change
from ntrust.errors import Refused
from ntrust.models import Site, User
from ntrust.policies import check_role
from ntrust.states import Role, SiteState


def screen_participant(  # noqa: PLR0913 - what is known at consent
    site: Site,
    *,
    screening_number: str,
    disease: str,
    consented_at: datetime,
    by: User,
    now: datetime | None = None,
) -> Participant:
    """Enter a candidate at consent, pinned to the protocol version in force.

    Refuses an inactive site, a number that is taken, a disease the protocol does not name and a
    consent in the future.
    """
    study = site.study
    check_role(by, study, [Role.INVESTIGATOR], site=site)
    with study_change(study, by=by, reason="consent", now=now) as change:
        version = require_protocol(change.study)
        if Site.objects.get(pk=site.pk).state != SiteState.ACTIVE:
            raise Refused("site_not_active", f"Site {site.code} is not active.")
        if disease not in document_of(version).diseases:
            raise Refused("unknown_disease", f"The protocol does not treat {disease}.")
        if consented_at > change.now:
            raise Refused("future_date", "The consent lies in the future.")
        if Participant.objects.filter(study=study, screening_number=screening_number).exists():
            raise Refused("number_taken", f"Screening number {screening_number} is taken.")
        participant = Participant.objects.create(
            study=change.study,
            site=site,
            protocol_version=version,
            screening_number=screening_number,
            disease=disease,
            consented_at=consented_at,
        )
        record_first_consent(change, participant, by=by)
        change.record(
            "CONSENTED", f"{screening_number} consented.", subject=screening_number, site=site
        )
    return participant


def confirm_eligibility(
    participant: Participant, *, by: User, now: datetime | None = None
) -> Participant:
    """Confirm that all criteria are met and give the subject number. Manager's action."""
    study = participant.study
    check_role(by, study, [Role.STUDY_MANAGER])
    with study_change(study, by=by, reason="eligibility confirmed", now=now) as change:
        participant = Participant.objects.get(pk=participant.pk)
        move_participant(change, participant, to=ParticipantState.ELIGIBLE)
        numbered = Participant.objects.filter(study=study).exclude(subject_number="").count()
        participant.subject_number = f"P-{numbered + 1:03d}"
        participant.save(update_fields=["subject_number"])
        change.record(
            "ELIGIBLE",
            f"{participant.subject_number} is eligible.",
            subject=participant.subject_number,
            site=participant.site,
        )
    return participant
