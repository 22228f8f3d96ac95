"""The page of the RDE and Part 2: who sees what, and what can be done from it."""

import pytest
from django.test import Client
from django.urls import reverse

from ntrust.models import User
from ntrust.states import Role
from safety.management.conduct import Conduct, enlist
from tests.expanding import make_part_2, run_part_2
from tests.factories import DISEASE, PASSWORD, client_of, shared_trial

pytestmark = pytest.mark.django_db


def _treated() -> Conduct:
    trial = make_part_2(sites=2)
    run_part_2(trial, "TP")
    return trial


_built, trial = shared_trial(_treated)


def page(client: Client, trial: Conduct, name: str = "cohorts:part_2") -> str:
    answer = client.get(reverse(name, args=[trial.study.key]))
    assert answer.status_code == 200
    return " ".join(answer.content.decode().split())


def test_page_shows_cohorts_boundary_and_what_would_cross_it(trial: Conduct) -> None:
    pending = trial.study.outcomes.filter(part=2, letter="P").get().participant
    text = page(client_of(trial.manager), trial)

    assert "THE RDE IS DL2" in text
    assert "<b>1 with a DLT among 1 evaluated</b>, 1 pending" in text
    assert "next at 3 of 3" in text
    assert "whatever the pending will show, they do not cross the boundary" in text
    assert f"Cohort 3: {DISEASE}" in text
    assert str(pending) in text
    assert "<svg" in text
    assert "Start Part 2" not in text
    assert "Complete the study" in text


def test_other_site_sees_counts_and_no_numbers(trial: Conduct) -> None:
    pending = trial.study.outcomes.filter(part=2, letter="P").get().participant
    text = page(client_of(trial.crews[1].investigator), trial)

    assert str(pending) not in text
    assert "2 of other sites" in text
    assert "Complete the study" not in text


@pytest.mark.parametrize("name", ["cohorts:ladder", "cohorts:path"])
def test_ladder_and_path_say_that_part_1_is_over(trial: Conduct, name: str) -> None:
    number = trial.study.decisions.get(verdict="SELECT_RDE").number

    text = page(client_of(trial.monitor), trial, name)

    assert f"Part 1 is over: RDE = level 2 (decision #{number})." in text


@pytest.mark.parametrize(
    "name",
    ["safety:select_rde", "cohorts:start_part_2", "cohorts:complete_study"],
)
def test_acts_that_cannot_be_done_now_say_why(trial: Conduct, name: str) -> None:
    text = page(client_of(trial.manager), trial, name)

    assert "This cannot be done now." in text


@pytest.mark.parametrize(
    "name",
    [
        "safety:select_rde",
        "cohorts:start_part_2",
        "cohorts:complete_study",
        "cohorts:terminate_study",
    ],
)
def test_acts_are_the_managers(trial: Conduct, name: str) -> None:
    address = reverse(name, args=[trial.study.key])

    assert client_of(trial.monitor).get(address).status_code == 403
    assert client_of(trial.crews[0].investigator).get(address).status_code == 403


def test_study_is_not_there_for_strangers(trial: Conduct) -> None:
    stranger = User.objects.create_user("stranger", password=PASSWORD)

    answer = client_of(stranger).get(reverse("cohorts:part_2", args=[trial.study.key]))

    assert answer.status_code == 404


def test_committee_reads_the_page(trial: Conduct) -> None:
    member = enlist(
        "member", study=trial.study, role=Role.COMMITTEE, password=PASSWORD, now=trial.now
    )

    assert "Toxicity boundary" in page(client_of(member), trial)
