"""Another site's people have no number where a gate, a deviation or a mail names them."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse

from cohorts.models import Deviation, Hold, Participant
from cohorts.queries import viewer_of
from cohorts.queries.deviations import read_deviations
from dosing.actions import record_given_infusion
from dosing.models import Infusion
from ntrust import clock
from ntrust.models import Event, Notification, User
from ntrust.notifications import compose
from safety.management.conduct import Conduct
from tests.factories import (
    DISEASE,
    make_trial,
    open_level,
    report_late_dlt,
    run_cohort,
    shared_trial,
)

pytestmark = pytest.mark.django_db


def build() -> Conduct:
    """A late DLT of P-001, of site 1; above, site 2 has one conditioned and one seated."""
    trial = open_level(make_trial(sites=2))
    first = run_cohort(trial, 1, "NNN")[0]
    open_level(trial, 2)
    conditioned = trial.seat(2, disease=DISEASE, crew=1)
    trial.seat(2, disease=DISEASE, crew=1)
    trial.condition([conditioned], day_0=trial.now + timedelta(days=5))
    report_late_dlt(trial, first)
    return trial


_built, trial = shared_trial(build)


@pytest.fixture(autouse=True)
def _now(trial: Conduct, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock, "now", lambda: trial.now)


def person(number: int) -> Participant:
    return Participant.objects.get(subject_number=f"P-00{number}")


def page(user: User, name: str, *args: object, data: dict[str, str] | None = None) -> str:
    client = Client()
    client.force_login(user)
    address = reverse(name, args=args)
    answer = client.get(address) if data is None else client.post(address, data)
    assert answer.status_code in (200, 409), answer.status_code
    return answer.content.decode()


def test_gate_on_a_form_names_nobody_of_another_site(trial: Conduct) -> None:
    assert "P-001" in Hold.objects.get().reason
    who = person(5).screening_number
    start = f"{trial.now:%Y-%m-%dT%H:%M}"
    entered = {
        "regimen": "flu_cy",
        "started_at": start,
        "first_infusion_on": start,
        "revision": "999999",
    }

    shown = page(trial.crews[1].investigator, "dosing:ld_begin", "trial", who)
    sent = page(trial.crews[1].investigator, "dosing:ld_begin", "trial", who, data=entered)

    for text in (shown, sent):
        assert "a participant of another site went from no DLT to DLT" in text
        assert "P-001" not in text


def test_deviation_names_nobody_of_another_site(trial: Conduct) -> None:
    infusion = Infusion.objects.get(course__participant=person(4))
    record_given_infusion(
        infusion,
        given_at=trial.now,
        given_cells=infusion.assigned_cells,
        because="It was given on the ward before anybody read the mail.",
        by=trial.crews[1].investigator,
        now=trial.tick(),
    )
    assert "P-001" in Deviation.objects.get(kind="GIVEN_HELD_LEVEL").sentence

    def read(user: User) -> str:
        viewer = viewer_of(user, "trial")
        assert viewer is not None
        return " ".join(row.sentence for row in read_deviations(viewer, {}).rows)

    assert "P-001" not in read(trial.crews[1].investigator)
    assert "P-001" in read(trial.manager)


def test_mail_names_nobody_of_another_site(trial: Conduct) -> None:
    event = Event.objects.get(kind="BASIS_CHANGED")
    assert "P-001" in event.sentence

    def mail(user: User) -> str:
        sent = compose(Notification(event=event, recipient=user))
        return f"{sent.subject} {sent.body}"

    assert "P-001" not in mail(trial.crews[1].investigator)
    assert "a participant of another site" in mail(trial.crews[1].pharmacist)
    assert "P-001" in mail(trial.crews[0].investigator)
    assert "P-001" in mail(trial.monitor)
