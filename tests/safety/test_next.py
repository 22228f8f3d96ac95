"""A participant's page: what is next above all, then what this participant is about; and the
navigation, by role."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse

from cohorts.models import Participant
from cohorts.queries import viewer_of
from dosing.queries import read_infusions
from ntrust import clock
from ntrust.models import User
from safety.management.conduct import Conduct
from safety.queries import NextPanel, read_next
from tests.factories import (
    DISEASE,
    end_windows,
    make_trial,
    open_level,
    seat,
    shared_trial,
    treat,
)

pytestmark = pytest.mark.django_db


def build() -> Conduct:
    """P-001 has had infusion 1 of 2, P-002 is in lymphodepletion, P-003 seated, P-004 consented."""
    trial = open_level(make_trial(sites=2, infusion_days=(0, 7)))
    treated, conditioned = seat(trial, 1, 2)
    seat(trial, 1)
    treat(trial, [treated])
    trial.condition([conditioned], day_0=trial.now + timedelta(days=5))
    trial.consent(disease=DISEASE)
    return trial


_built, trial = shared_trial(build)


@pytest.fixture(autouse=True)
def _now(trial: Conduct, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock, "now", lambda: trial.now)


def person(trial: Conduct, number: int) -> Participant:
    return trial.study.participants.order_by("id")[number - 1]


def panel(trial: Conduct, number: int, user: User | None = None) -> NextPanel | None:
    viewer = viewer_of(user or trial.manager, trial.study.key)
    assert viewer is not None
    return read_next(person(trial, number), viewer=viewer, now=trial.now)


def headings(trial: Conduct, number: int, user: User) -> list[str]:
    client = Client()
    client.force_login(user)
    key, who = trial.study.key, person(trial, number).screening_number
    text = client.get(reverse("safety:participant", args=[key, who])).content.decode()
    return re.findall(r'<h2 id="([a-z]+)-title"', text)


def test_next_names_the_step_its_panel_and_what_has_happened(trial: Conduct) -> None:
    found = panel(trial, 1)

    assert found is not None
    assert (found.what, found.anchor) == ("Infusion 2", "infusions-title")
    assert found.so_far == ("seat 1 of cohort 1, level 1", "1 of 2 infusions given")
    assert not found.is_overdue


def test_next_of_one_conditioned_and_of_one_seated(trial: Conduct) -> None:
    conditioned, seated = panel(trial, 2), panel(trial, 3)

    assert conditioned is not None
    assert seated is not None
    assert (conditioned.what, conditioned.anchor) == ("Infusion 1", "infusions-title")
    assert conditioned.so_far == ("seat 2 of cohort 1, level 1", "0 of 2 infusions given")
    assert (seated.what, seated.anchor) == ("Lymphodepletion", "course-title")
    assert seated.so_far == ("seat 3 of cohort 1, level 1",)


def test_nothing_is_next_for_one_in_screening(trial: Conduct) -> None:
    assert panel(trial, 4) is None


def test_statement_owed_is_said(trial: Conduct) -> None:
    end_windows(trial)

    found = panel(trial, 1)

    assert found is not None
    assert found.is_overdue
    assert found.closes_at is None


def test_panels_follow_the_state_of_the_participant(trial: Conduct) -> None:
    site = trial.investigator_of(person(trial, 1))

    assert headings(trial, 1, site)[:5] == ["next", "window", "infusions", "course", "seat"]
    assert headings(trial, 2, site)[:4] == ["next", "course", "infusions", "window"]
    assert headings(trial, 3, site)[:4] == ["next", "course", "seat", "screening"]
    assert headings(trial, 4, site)[:2] == ["screening", "consents"]


def test_only_the_next_infusion_has_its_acts_in_sight(trial: Conduct) -> None:
    viewer = viewer_of(trial.investigator_of(person(trial, 2)), trial.study.key)
    assert viewer is not None
    found = read_infusions(person(trial, 2), viewer=viewer, now=trial.now)

    assert found is not None
    first, second = found.rows
    assert [act.name for act in first.acts] == ["infusion_give"]
    assert "infusion_miss" in [act.name for act in first.folded]
    assert second.acts == ()
    assert "infusion_give" in [act.name for act in second.folded]
