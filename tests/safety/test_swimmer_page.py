"""The page of everybody day by day: who may read it, whom they see, and what it costs."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from cohorts.models import Participant
from ntrust.models import User
from ntrust.states import Role
from safety.actions import report_event
from safety.management.conduct import Conduct, enlist
from safety.states import Causality
from tests.factories import PASSWORD, client_of, make_trial, open_level, run_cohort, shared_trial

pytestmark = pytest.mark.django_db
PAGE = reverse("safety:swimmer", args=["trial"])


def build() -> Conduct:
    """1NTP at the first of two sites."""
    trial = open_level(make_trial(sites=2))
    run_cohort(trial, 1, "NTP")
    return trial


_built, trial = shared_trial(build)


def read(user: User, page: str = PAGE) -> str:
    return client_of(user).get(page).content.decode()


def fall_ill(trial: Conduct, person: Participant) -> None:
    report_event(
        person,
        term="rash",
        onset_at=trial.now - timedelta(days=1),
        grade=2,
        grading_system="CTCAE v5.0",
        causality=Causality.POSSIBLE,
        is_serious=False,
        by=trial.investigator_of(person),
        now=trial.tick(),
    )


def test_manager_sees_everybody_with_tables(trial: Conduct) -> None:
    page = read(trial.manager)

    assert page.count('class="chart" role="img"') == 3
    assert all(f">P-00{n}</text>" in page for n in (1, 2, 3))
    assert page.count("The same as a table") == 3
    assert "Cytokine release, grade 4" in page or "grade 4</td>" in page


def test_site_sees_its_own_alone(trial: Conduct) -> None:
    own, other = (read(crew.investigator) for crew in trial.crews)

    assert "Participants of your own site." in own
    assert ">P-001</text>" in own
    assert "P-00" not in other
    assert "Nobody is in treatment yet." in other
    assert "No DLT was reported." in other


def test_committee_reads_packets_instead(trial: Conduct) -> None:
    member = enlist(
        "committee-1", study=trial.study, role=Role.COMMITTEE, password=PASSWORD, now=trial.now
    )

    assert client_of(member).get(PAGE).status_code == 404


def test_page_only_reads(trial: Conduct) -> None:
    assert client_of(trial.manager).post(PAGE).status_code == 405


def test_as_many_statements_for_few_events_as_for_many(trial: Conduct) -> None:
    client, counts = client_of(trial.manager), []
    client.get(PAGE)
    for _ in range(2):
        with CaptureQueriesContext(connection) as asked:
            client.get(PAGE)
        counts.append(len(asked))
        for person in Participant.objects.filter(subject_number__gt="").select_related("site"):
            fall_ill(trial, person)

    assert counts[0] == counts[1]


def test_path_shows_what_can_come_next(trial: Conduct) -> None:
    page = read(trial.crews[1].investigator, reverse("cohorts:path", args=["trial"]))

    assert "What can come next" in page
    assert "1 of 1 with a DLT at DL1" in page
