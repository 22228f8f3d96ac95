"""Consent forms, consents, and the move to the version consented to."""

from datetime import timedelta

from cohorts.models import ConsentForm, Participant
from safety.management.conduct import Conduct
from tests.factories import approve, make_document
from tests.safety.rights.scene import INVESTIGATOR, MANAGER, C, Rights


def form_of(trial: Conduct, version: str) -> ConsentForm:
    return C.add_consent_form(
        trial.study,
        label=f"form {version}",
        effective_on=trial.now.date(),
        version=trial.study.protocol_versions.get(version=version),
        by=trial.manager,
        now=trial.tick(),
    )


def screened() -> Participant:
    return Participant.objects.get(screening_number="S-900")


def add_form(trial: Conduct) -> None:
    form_of(trial, "A")


def sign_for_b(trial: Conduct) -> None:
    """Version R in force, its form signed by the one in screening."""
    draft = C.add_protocol_version(
        trial.study, document=make_document(version="R"), by=trial.manager, now=trial.tick()
    )
    approve(draft, by=trial.manager, now=trial.tick())
    C.record_consent(
        screened(),
        form=form_of(trial, "R"),
        signed_on=trial.now.date(),
        by=trial.crews[0].investigator,
        now=trial.now + timedelta(minutes=1),
    )


FIRST = {"cohorts.record_consent": add_form, "cohorts.re_pin": sign_for_b}

RIGHTS: Rights = {
    "cohorts.add_consent_form": (
        MANAGER,
        lambda s: C.add_consent_form(
            s.trial.study,
            label="form A",
            effective_on=s.trial.now.date(),
            version=s.trial.study.protocol_versions.get(version="A"),
            **s.who,
        ),
    ),
    "cohorts.record_consent": (
        INVESTIGATOR,
        lambda s: C.record_consent(
            screened(), form=ConsentForm.objects.get(), signed_on=s.trial.now.date(), **s.who
        ),
    ),
    "cohorts.re_pin": (
        MANAGER,
        lambda s: C.re_pin(screened(), reason="consented again", **s.who),
    ),
}
