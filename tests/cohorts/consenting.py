"""A trial with consent forms, for tests of consent and of sites."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from cohorts.actions import add_consent_form
from cohorts.models import ConsentForm, Participant
from safety.management.conduct import Conduct
from tests.factories import DISEASE, make_trial, open_level, seat


def build_consented() -> Conduct:
    """Form 1.0; at level 1 one conditioned, one seated, one eligible; one at another site."""
    trial = make_trial(sites=2)
    add_form(trial, "1.0", "A")
    open_level(trial)
    conditioned, _ = seat(trial, 1, 2)
    trial.condition([conditioned], day_0=trial.now + timedelta(days=5))
    trial.screen(disease=DISEASE)
    trial.screen(disease=DISEASE, crew=1)
    return trial


def add_form(trial: Conduct, label: str, version: str, **changed: Any) -> ConsentForm:
    entered = {
        "label": label,
        "effective_on": trial.now.date(),
        "version": trial.study.protocol_versions.get(version=version),
        "by": trial.manager,
        "now": trial.tick(),
    }
    return add_consent_form(trial.study, **{**entered, **changed})


def person(number: int) -> Participant:
    """By subject number."""
    return Participant.objects.get(subject_number=f"P-00{number}")
