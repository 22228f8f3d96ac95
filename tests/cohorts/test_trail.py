"""The trail: who reads it, in which order, and that it costs the same however long it is."""

import pytest
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from cohorts.queries import read_trail, viewer_of
from cohorts.queries.trail import PAGE
from ntrust.models import Event, User
from ntrust.states import Role
from safety.management.conduct import Conduct, enlist
from tests.factories import PASSWORD, START, make_trial, open_level, shared_trial

pytestmark = pytest.mark.django_db


def build() -> Conduct:
    return open_level(make_trial(sites=1))


_built, trial = shared_trial(build)


def somebody(trial: Conduct, role: Role) -> User:
    return enlist(f"a-{role}".lower(), study=trial.study, role=role, password=PASSWORD, now=START)


def status(client: Client, user: User, key: str = "trial", query: str = "") -> int:
    client.force_login(user)
    return client.get(f"/studies/{key}/trail/{query}").status_code


@pytest.mark.parametrize("role", [Role.AUDITOR, Role.STUDY_MANAGER, Role.MEDICAL_MONITOR])
def test_trail_is_read_by_central_roles(client: Client, trial: Conduct, role: Role) -> None:
    assert status(client, somebody(trial, role)) == 200
    assert b">Trail</a>" in client.get("/studies/trial/").content


def test_trail_is_refused_to_the_committee_and_to_sites(client: Client, trial: Conduct) -> None:
    assert status(client, somebody(trial, Role.COMMITTEE)) == 403
    assert status(client, trial.crews[0].investigator) == 403
    assert b">Trail</a>" not in client.get("/studies/trial/").content


def test_trail_of_another_study_does_not_exist(client: Client, trial: Conduct) -> None:
    stranger = User.objects.create_user("stranger")
    root = User.objects.create_superuser("root")

    assert status(client, stranger) == 404
    assert status(client, root) == 404
    assert status(client, trial.manager, key="nowhere") == 404


def test_trail_shows_every_event_newest_first(trial: Conduct) -> None:
    viewer = viewer_of(trial.manager, "trial")
    assert viewer is not None

    trail = read_trail(viewer)

    numbers = [row.number for row in trail.rows]
    assert numbers == sorted(numbers, reverse=True)
    assert len(numbers) == min(PAGE, Event.objects.filter(study=trial.study).count())
    assert trail.older is None


def test_trail_goes_on_before_a_number(trial: Conduct) -> None:
    viewer = viewer_of(trial.manager, "trial")
    assert viewer is not None
    newest = read_trail(viewer).rows

    rest = read_trail(viewer, before=newest[2].number).rows

    assert rest == newest[3:]


@pytest.mark.parametrize("query", ["?before=", "?before=x", "?before=-1", "?before=" + "9" * 30])
def test_trail_answers_a_strange_page_number(client: Client, trial: Conduct, query: str) -> None:
    assert status(client, trial.manager, query=query) == 200


def test_trail_takes_one_statement(
    trial: Conduct, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    viewer = viewer_of(trial.manager, "trial")
    assert viewer is not None

    with django_assert_num_queries(1):
        read_trail(viewer)
