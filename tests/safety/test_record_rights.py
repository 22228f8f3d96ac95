"""Who reads which record list, what it costs, and whose the saved views are."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from cohorts.actions import screen_participant
from ntrust.change import study_change
from ntrust.models import User
from safety.actions import delete_view, save_view
from safety.management.conduct import Conduct
from safety.models import SavedView
from safety.queries.records import CENTRAL, DATA, RECORD_LISTS
from tests.everybody import everybody
from tests.factories import (
    DISEASE,
    client_of,
    make_trial,
    open_level,
    refused,
    run_cohort,
    shared_trial,
)
from tests.safety.listed import address, read_csv, status_of

pytestmark = pytest.mark.django_db


def build() -> Conduct:
    """Two treated at site 1, one with a DLT."""
    trial = open_level(make_trial(sites=2))
    run_cohort(trial, 1, "TN")
    return trial


_built, trial = shared_trial(build)


@pytest.fixture
def people(trial: Conduct) -> dict[str, User]:
    return everybody(trial)


def readers_of(name: str) -> set[str]:
    roles = RECORD_LISTS[name]
    assert roles in (CENTRAL, DATA)
    return {"manager", "monitor", "auditor"} | ({"data monitor"} if roles == DATA else set())


def test_roles_in_the_study_open_the_lists(people: dict[str, User]) -> None:
    for person, user in people.items():
        client = client_of(user)
        could = {
            name
            for name in RECORD_LISTS
            if status_of(client, address(name)) == 200
            and status_of(client, address(name, "export", "csv")) == 200
        }
        first = client.get("/manage/records/").status_code
        assert could == {name for name in RECORD_LISTS if person in readers_of(name)}, person
        assert first == (200 if could else 403), person


def test_refused_lists_say_no_more(people: dict[str, User]) -> None:
    client = client_of(people["data monitor"])

    for place in ("changelist", "export", "change"):
        about = {"export": ("csv",), "change": (1,)}.get(place, ())
        answer = client.get(address("adverse-events", place, *about))
        assert answer.status_code == 403
    page = client.get("/manage/records/").content.decode()
    assert address("adverse-events") not in page
    assert address("participants") in page


def add_people(trial: Conduct, count: int) -> None:
    """So many more in screening, told of as events with a notification each, in one change."""
    by = trial.crews[0].investigator
    with study_change(trial.study, by=trial.manager, reason="many", now=trial.tick()) as change:
        for number in range(count):
            screen_participant(
                trial.crews[0].site,
                screening_number=f"M-{count}-{number}",
                disease=DISEASE,
                consented_at=trial.now,
                by=by,
                now=trial.now,
            )
            change.record("HOLD_PLACED", f"Number {number}.")


def cost(client: Client, where: str) -> int:
    with CaptureQueriesContext(connection) as asked:
        answer: Any = client.post(where) if "/export/" in where else client.get(where)
        assert answer.status_code == 200
        if answer.streaming:
            b"".join(answer.streaming_content)
    return len(asked)


def test_list_costs_the_same_with_1_3_and_300_rows(trial: Conduct) -> None:
    client = client_of(trial.manager)
    names = ("participants", "screenings", "events", "notifications")
    for name in names:
        client.get(address(name))
    costs: dict[str, list[tuple[int, int]]] = {name: [] for name in names}

    for more in (1, 2, 297):
        add_people(trial, more)
        for name in names:
            costs[name].append(
                (cost(client, address(name)), cost(client, address(name, "export", "xlsx")))
            )

    assert len(read_csv(client, address("participants", "export", "csv"))) > 300
    for name in names:
        assert len(set(costs[name])) == 1, (name, costs[name])


def test_saved_view_stands_above_the_list_for_its_owner_alone(
    trial: Conduct, people: dict[str, User]
) -> None:
    mine, theirs = client_of(trial.manager), client_of(trial.monitor)
    asked = {"name": "  In   screening ", "query": "state=SCREENING&p=2&e=1"}

    answer: Any = mine.post(address("participants", "save_view"), asked)

    view = SavedView.objects.get()
    link = f'{address("participants")}?state=SCREENING"'
    assert (view.owner, view.record_list) == (trial.manager, "participants")
    assert (view.name, view.query) == ("In screening", "state=SCREENING")
    assert answer.url == address("participants") + "?state=SCREENING"
    assert link in mine.get(address("participants")).content.decode()
    assert link not in mine.get(address("slots")).content.decode()
    assert link not in theirs.get(address("participants")).content.decode()


def test_views_of_others_are_not_there(trial: Conduct) -> None:
    view = save_view("participants", name="Mine", query="", by=trial.manager)
    theirs, mine = client_of(trial.monitor), client_of(trial.manager)
    where = address("participants", "delete_view", view.pk)

    assert theirs.post(where).status_code == 404
    assert theirs.get(where).status_code == 404
    assert mine.post(address("slots", "delete_view", view.pk)).status_code == 404
    assert mine.get(where).status_code == 404
    assert SavedView.objects.filter(pk=view.pk).exists()

    assert mine.post(where).status_code == 302
    assert not SavedView.objects.exists()


def test_view_is_deleted_by_its_owner_alone(trial: Conduct) -> None:
    view = save_view("participants", name="Mine", query="", by=trial.manager)

    with refused("wrong_role"):
        delete_view(view, by=trial.monitor)


@pytest.mark.parametrize("name", ["", "  ", "x" * 61, "a\x00b", "a\u202eb"])
def test_view_needs_a_plain_name(trial: Conduct, name: str) -> None:
    with refused("bad_name"):
        save_view("participants", name=name, query="", by=trial.manager)


def test_name_of_a_view_is_taken_once(trial: Conduct) -> None:
    save_view("participants", name="Mine", query="", by=trial.manager)
    save_view("slots", name="Mine", query="", by=trial.manager)
    save_view("participants", name="Mine", query="", by=trial.monitor)

    with refused("name_taken"):
        save_view("participants", name="MINE", query="q=2", by=trial.manager)


def test_views_of_a_list_have_an_end(trial: Conduct) -> None:
    for number in range(30):
        save_view("participants", name=f"View {number}", query="", by=trial.manager)

    with refused("too_many_views"):
        save_view("participants", name="One more", query="", by=trial.manager)


def test_long_filter_and_list_of_others_are_refused(trial: Conduct) -> None:
    with refused("bad_filter"):
        save_view("participants", name="Mine", query="q=" + "x" * 2000, by=trial.manager)
    with refused("wrong_role"):
        save_view("nonsense", name="Mine", query="", by=trial.manager)
    with refused("wrong_role"):
        save_view("participants", name="Mine", query="", by=trial.crews[0].investigator)


def test_view_needs_the_forms_token(trial: Conduct) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(trial.manager)

    answer = client.post(address("participants", "save_view"), {"name": "Mine", "query": ""})

    assert answer.status_code == 403
    assert not SavedView.objects.exists()


def test_refused_view_says_why_above_the_list(trial: Conduct) -> None:
    answer = client_of(trial.manager).post(
        address("participants", "save_view"), {"name": "", "query": ""}, follow=True
    )

    assert "Name the view in 1 to 60 printable characters." in answer.content.decode()
