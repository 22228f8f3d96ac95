"""Is a participant's consent that of the protocol version which asks for it."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date

from cohorts.models import Consent, ConsentForm, Participant, ProtocolVersion
from cohorts.states import ENDED, ParticipantState
from ntrust.errors import Gate, Refused
from ntrust.models import Study


def form_in_use(study: Study, *, on: date) -> ConsentForm | None:
    """The newest consent form in effect on a day."""
    return ConsentForm.objects.filter(study=study, effective_on__lte=on).last()


def version_to_consent_to(study: Study) -> ProtocolVersion | None:
    """The last version in force, now or before, that asks those on study to consent again."""
    versions = ProtocolVersion.objects.filter(
        study=study, activated_at__isnull=False, document__reconsent__required=True
    )
    return versions.defer("document").order_by("activated_at", "pk").last()


def is_from(version: ProtocolVersion, asking: ProtocolVersion) -> bool:
    """Whether a version is the one that asks, or came into force later, or is yet to."""
    if version.activated_at is None or asking.activated_at is None:
        return True
    return (version.activated_at, version.pk) >= (asking.activated_at, asking.pk)


def owes_consent(
    participant: Participant, signed: Iterable[ProtocolVersion], asking: ProtocolVersion | None
) -> bool:
    """Whether a participant still on study has to consent again.

    `signed`: versions of the forms they signed. One enrolled under the asking version owes only
    where what they signed was an older form.
    """
    if asking is None or participant.state in ENDED:
        return False
    versions = list(signed)
    if any(is_from(version, asking) for version in versions):
        return False
    return bool(versions) or not is_from(participant.protocol_version, asking)


def consent_gate(participant: Participant) -> Gate:
    """Nobody is seated or conditioned on a consent that an amendment has overtaken."""
    asking = version_to_consent_to(participant.study)
    if asking is None or not owes_consent(participant, _signed(participant), asking):
        return Gate("consent_current", True, f"The consent of {participant} is current.")
    sentence = f"{participant} has to consent again: version {asking.version} asks for it."
    forms = ConsentForm.objects.filter(study=participant.study).select_related("protocol_version")
    if not any(is_from(form.protocol_version, asking) for form in forms):
        sentence = f"{sentence} There is no consent form of that version yet."
        return Gate("consent_current", False, sentence, None, "study manager")
    return Gate("consent_current", False, sentence, None, "investigator")


def check_re_pin(participant: Participant, to: ProtocolVersion) -> None:
    """Refuse once lymphodepletion has begun (`treatment_begun`), to the version they have
    (`already_pinned`), and without consent to the new one (`consent_needed`)."""
    untreated = (ParticipantState.SCREENING, ParticipantState.ELIGIBLE, ParticipantState.SLOTTED)
    if participant.state not in untreated:
        label = ParticipantState(participant.state).label
        raise Refused(
            "treatment_begun", f"{participant} is {label} and stays with the version of then."
        )
    if participant.protocol_version_id == to.pk:
        raise Refused("already_pinned", f"{participant} is enrolled under version {to.version}.")
    if not any(is_from(version, to) for version in _signed(participant)):
        raise Refused(
            "consent_needed", f"{participant} has not consented to version {to.version} yet."
        )


def _signed(participant: Participant) -> list[ProtocolVersion]:
    """Protocol versions of the forms a participant signed."""
    rows = Consent.objects.filter(participant=participant)
    return [row.form.protocol_version for row in rows.select_related("form__protocol_version")]
