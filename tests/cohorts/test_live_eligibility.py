"""What the criteria would say while results are typed in: read, and not kept."""

from __future__ import annotations

from typing import Any

import pytest
from django.urls import reverse

from cohorts.models import Participant
from ntrust import clock
from ntrust.models import User
from safety.management.conduct import Conduct
from tests.cohorts.screening import candidate, screening_trial
from tests.factories import DISEASE, cast, client_of, fingerprint, shared_trial

pytestmark = pytest.mark.django_db

_built, trial = shared_trial(screening_trial)


@pytest.fixture(autouse=True)
def _now(trial: Conduct, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock, "now", lambda: trial.now)


def look(user: User, person: Participant, status: int = 200, **typed: Any) -> str:
    address = reverse("cohorts:results", args=["trial", person.screening_number])
    answer = client_of(user).post(address, {"step": "look", **typed})
    assert answer.status_code == status
    return " ".join(answer.content.decode().split())


def test_typed_result_is_judged_and_nothing_is_kept(trial: Conduct) -> None:
    person = trial.consent(disease=DISEASE)
    by = trial.investigator_of(person)
    day = f"{trial.now:%Y-%m-%d}"
    before = fingerprint()

    nothing = look(by, person)
    low = look(by, person, egfr="10", egfr__unit="mL/min", day=day)

    assert "still missing; none is against it so far." in nothing
    assert "Not eligible: 1 criterion not met." in low
    assert "Nothing is saved yet." in low
    assert "<html" not in low
    assert fingerprint() == before


def test_what_cannot_be_read_is_counted(trial: Conduct) -> None:
    person = trial.consent(disease=DISEASE)

    said = look(trial.investigator_of(person), person, egfr="much")

    assert "1 field cannot be read yet" in said


def test_everything_met_is_said(trial: Conduct) -> None:
    person = candidate(trial)
    by = trial.investigator_of(person)
    page = client_of(by).get(reverse("cohorts:results", args=["trial", person.screening_number]))
    as_it_is = {name: str(value) for name, value in page.context["form"].initial.items() if value}

    said = look(by, person, **as_it_is)

    assert "Every criterion is met." in said


@pytest.mark.parametrize("who", ["manager", "pharmacist", "investigator elsewhere", "stranger"])
def test_nobody_else_may_look(trial: Conduct, who: str) -> None:
    person = trial.consent(disease=DISEASE)

    status = 403 if who in ("manager", "pharmacist") else 404

    look(cast(trial)[who], person, status=status, egfr="10")
