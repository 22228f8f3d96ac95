"""The record lists: what they show, and that nothing is written through them."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from django.urls import get_resolver

from cohorts.templatetags.study_nav import OF_ALL_STUDIES, PAGES
from ntrust.models import Study
from safety.admin.site import WRITES
from safety.management.conduct import Conduct
from safety.queries.records import AT_SITES, RECORD_LISTS
from tests.accounts.test_login_required import addresses
from tests.everything import build_everything
from tests.factories import client_of, fingerprint, shared_trial
from tests.safety.listed import BY_NAME, LISTS, address, status_of

pytestmark = pytest.mark.django_db
EMPTY_HERE = {"in-flight", "calls", "reviews"}
"""Lists of which the trial with everything may have no row."""

_built, trial = shared_trial(build_everything)


@pytest.fixture
def manager(trial: Conduct) -> Client:
    return client_of(trial.manager)


def test_lists_are_those_of_the_table_of_rights() -> None:
    assert [one.name for one in LISTS if one.name not in RECORD_LISTS] == []
    assert len(LISTS) == len(RECORD_LISTS) == 24
    assert set(AT_SITES) <= {one.name for one in LISTS if one.site}


@pytest.mark.parametrize("name", RECORD_LISTS)
def test_list_shows_the_studys_rows_and_leads_to_their_pages(
    trial: Conduct, manager: Client, name: str
) -> None:
    one = BY_NAME[name]

    answer = manager.get(address(name))

    rows = list(answer.context["cl"].result_list)
    page = answer.content.decode()
    assert answer.status_code == 200
    assert rows or name in EMPTY_HERE
    assert answer.context["cl"].result_count == one.rows_of([trial.study.pk]).count()
    for row in rows[:3]:
        own = one.page_of(row)
        assert f'href="{own}"' in page
        assert own.startswith(f"/studies/{trial.study.key}/")
        assert manager.get(own).status_code == 200, own
        led: Any = manager.get(address(name, "change", row.pk))
        assert (led.status_code, led.url) == (302, own)


@pytest.mark.parametrize("name", RECORD_LISTS)
def test_every_filter_and_heading_of_a_list_answers(manager: Client, name: str) -> None:
    first = manager.get(address(name)).context["cl"]

    asked = [
        choice["query_string"]
        for spec in first.filter_specs
        for choice in list(spec.choices(first))[:3]
    ]
    asked += [f"?o={number}" for number, _ in enumerate(BY_NAME[name].columns, start=1)]
    asked += ["?q=P-001", "?q=%00", "?p=9"]

    for query in asked:
        answer = manager.get(address(name) + query)
        is_known = answer.status_code == 200 or (answer.status_code == 302 and "e=1" in answer.url)
        assert is_known, (query, answer.status_code)


def test_another_studys_rows_are_not_there(trial: Conduct, manager: Client) -> None:
    other = Study.objects.exclude(pk=trial.study.pk).get()

    for one in LISTS:
        page = manager.get(address(one.name))
        for row in one.rows_of([other.pk])[:2]:
            assert manager.get(address(one.name, "change", row.pk)).status_code == 404
            assert row not in page.context["cl"].result_list
        assert f"study__key={other.key}" not in page.content.decode()


def test_list_without_rows_offers_to_look_again_and_nothing_else(manager: Client) -> None:
    page = manager.get(address("participants") + "?q=nobody").content.decode()

    assert "No row fits the search and the filters." in page
    assert "Create a new item" not in page


def test_odd_numbers_of_rows_are_not_there(manager: Client) -> None:
    for odd in ("0", "-1", "x", "9" * 40, "%D9%A1", "1.5"):
        where = address("participants", "change", "1").replace("/1/", f"/{odd}/")
        assert manager.get(where).status_code == 404, odd


def record_addresses() -> dict[str, str]:
    every = dict(addresses(get_resolver()))
    return {name: each for name, each in every.items() if name.startswith("records:")}


@pytest.mark.parametrize("method", ["post", "put", "patch", "delete"])
def test_no_address_of_the_lists_changes_a_row(trial: Conduct, method: str) -> None:
    manager = client_of(trial.manager)
    kept = ("_save_view", "_delete_view", "_export", ":logout", ":login")
    every = record_addresses()
    before = fingerprint()

    for name, where in every.items():
        if name.endswith(kept) and method == "post":
            continue
        for place in (where, f"{where}?_popup=1"):
            answer = getattr(manager, method)(place, {"state": "SCREENING", "post": "yes"})
            expected = 302 if name == "records:login" else 403
            assert answer.status_code == expected, (name, method, answer.status_code)

    assert len(every) > 8 * len(LISTS)
    assert fingerprint() == before


def test_exceptions_from_that_are_these() -> None:
    assert {"save_list_view", "delete_list_view", "export_list", "logout"} == WRITES


@pytest.mark.parametrize("name", RECORD_LISTS)
def test_there_is_no_form_of_a_row(trial: Conduct, manager: Client, name: str) -> None:
    row = BY_NAME[name].rows_of([trial.study.pk]).first()
    about = row.pk if row else 1

    assert manager.get(address(name, "add")).status_code == 403
    assert manager.get(address(name, "delete", about)).status_code == 403
    assert manager.get(address(name, "history", about)).status_code == 403
    assert "Add " not in manager.get(address(name)).content.decode().partition("<main")[2]


def test_side_leads_to_every_page_of_the_study(trial: Conduct, manager: Client) -> None:
    page = manager.get("/manage/records/").content.decode()

    for name in RECORD_LISTS:
        assert f'href="{address(name)}"' in page
    for name, words, readers in PAGES:
        if "STUDY_MANAGER" in readers and name not in OF_ALL_STUDIES:
            assert f">{words}</span>" in page, name


def test_lookup_that_no_filter_offers_is_refused(trial: Conduct, manager: Client) -> None:
    """What no column shows cannot be asked for either, not even whether it is there."""
    person = "participant"
    for name, lookup in (
        ("participants", "adverse_events__isnull=False"),
        ("participants", "outcome__isnull=True"),
        ("participants", "consented_at__gte=2026-01-01"),
        ("participants", "screening_number__startswith=S"),
        ("participants", "id__gt=0"),
        ("holds", "study__memberships__user__username=committee"),
        ("adverse-events", f"{person}__statements__isnull=False"),
    ):
        for where in (address(name), address(name, "export", "csv")):
            ask = manager.post if "/export/" in where else manager.get
            assert ask(f"{where}?{lookup}").status_code == 400, lookup
    dated = manager.get(address("participants") + "?consented_at__year=2026&consented_at__month=1")
    assert dated.status_code == 200
    assert status_of(manager, address("participants", "export", "csv") + "?p=x") in (200, 404)


def test_training_copy_says_so(manager: Client, settings: Any) -> None:
    settings.NTRUST_MODE = "production"
    plain = manager.get(address("participants")).content.decode()
    settings.NTRUST_MODE = "training"
    training = manager.get(address("participants")).content.decode()

    assert "TRAINING" not in plain
    assert "TRAINING COPY · nothing here is a real participant" in training
    assert (
        plain.partition("--color-primary-600")[2][:30]
        != (training.partition("--color-primary-600")[2][:30])
    )


def test_policy_is_loosened_for_the_lists_alone(trial: Conduct, manager: Client) -> None:
    def policy(where: str) -> str:
        return manager.get(where)["Content-Security-Policy"]

    loosened = policy(address("participants"))

    assert "script-src 'self' 'unsafe-inline' 'unsafe-eval'" in loosened
    assert "style-src 'self' 'unsafe-inline'" in loosened
    assert "default-src 'self'" in loosened
    assert "unsafe" not in policy(f"/studies/{trial.study.key}/")
    for where in ("/", "/manage/", "/manage/records", "/manage/recordsx/", "/site/", "/committee/"):
        assert "unsafe" not in policy(where), where
