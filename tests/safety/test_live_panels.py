"""Parts of pages for open boards: one rendering a scope, and never one scope's part to another."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from pytest_django import Settings

from cohorts.queries import viewer_of
from ntrust.actions import revoke_role
from ntrust.fragments import forget, fragment, name_of
from ntrust.models import Membership, User
from ntrust.states import Role
from safety import live
from safety.live import PANELS, Panel, render_panel, scope_of
from tests.cohorts.rows import NOW, Trial, hold, join, make_user, seat, start_trial

pytestmark = pytest.mark.django_db

LADDER = "/live/ntrust-1/parts/ladder/"


@pytest.fixture
def trial(monkeypatch: pytest.MonkeyPatch) -> Trial:
    monkeypatch.setattr("ntrust.clock.now", lambda: NOW)
    trial = start_trial()
    seat(trial, 1, "NNN", state="CLOSED")
    seat(trial, 2, "NTP", site="S2")
    return trial


@pytest.fixture
def renderings(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, ...]]:
    """Whose ladder was rendered, in order."""
    made: list[tuple[str, ...]] = []
    real = PANELS["ladder"]

    def read(viewer: Any, now: Any) -> dict[str, Any]:
        made.append(viewer.roles)
        return real.read(viewer, now)

    monkeypatch.setitem(PANELS, "ladder", Panel(real.template, read))
    return made


def board(trial: Trial, name: str, role: str, site: str = "") -> Client:
    user = make_user(name)
    join(user, trial.study, role, site=trial.sites[site] if site else None)
    client = Client()
    client.force_login(user)
    return client


def test_part_is_the_page_s_own(trial: Trial) -> None:
    client = board(trial, "ana", Role.AUDITOR)
    page = client.get("/studies/ntrust-1/").content.decode()
    part = client.get("/live/ntrust-1/parts/ladder,holds/").content.decode()
    part, _, holds = part.removesuffix("</div>").partition('</div><div data-part="holds">')
    part = part.removeprefix('<div data-part="ladder">')

    def squeezed(text: str) -> str:
        return " ".join(text.split())

    assert squeezed(part) in squeezed(page)
    assert squeezed(holds) in squeezed(page)
    assert 'id="live-ladder"' in page
    assert "Recommendation" in part
    assert "<html" not in part


def test_two_hundred_boards_of_one_scope_cost_one_rendering(
    trial: Trial, renderings: list[tuple[str, ...]]
) -> None:
    first, second = (board(trial, name, Role.AUDITOR) for name in ("ana", "bo"))

    answers = {client.get(LADDER).content for client in (first, second, first)}

    assert len(answers) == 1
    assert renderings == [("auditor",)]


def test_each_site_has_a_part_of_its_own(trial: Trial, renderings: list[tuple[str, ...]]) -> None:
    one = board(trial, "ana", Role.INVESTIGATOR, "S1")
    two = board(trial, "bo", Role.INVESTIGATOR, "S2")
    central = board(trial, "cy", Role.AUDITOR)
    own = {"S1": ["P-001", "P-002", "P-003"], "S2": ["P-004", "P-005", "P-006"]}

    texts = {
        "S1": one.get(LADDER).content.decode(),
        "S2": two.get(LADDER).content.decode(),
        "all": central.get(LADDER).content.decode(),
    }

    assert len(renderings) == 3
    for number in own["S1"]:
        assert (number in texts["S1"], number in texts["S2"]) == (True, False)
    for number in own["S2"]:
        assert (number in texts["S1"], number in texts["S2"]) == (False, True)
    assert all(number in texts["all"] for numbers in own.values() for number in numbers)


def test_role_that_has_ended_is_refused_although_the_part_is_kept(trial: Trial) -> None:
    client = board(trial, "ana", Role.INVESTIGATOR, "S1")
    assert client.get(LADDER).status_code == 200
    admin = make_user("admin", is_superuser=True)

    revoke_role(Membership.objects.get(user__username="ana"), by=admin, now=NOW)

    assert client.get(LADDER).status_code == 404


def test_role_that_changes_reads_its_new_part_at_once(trial: Trial) -> None:
    client = board(trial, "ana", Role.INVESTIGATOR, "S1")
    assert "P-004" not in client.get(LADDER).content.decode()

    join(User.objects.get(username="ana"), trial.study, Role.AUDITOR)

    assert "P-004" in client.get(LADDER).content.decode()


def test_change_and_minute_make_it_anew(
    trial: Trial, renderings: list[tuple[str, ...]], monkeypatch: pytest.MonkeyPatch
) -> None:
    client = board(trial, "ana", Role.AUDITOR)
    before = client.get(LADDER).content.decode()

    hold(trial, 2, "A reason to stop")
    after = client.get(LADDER).content.decode()
    monkeypatch.setattr("ntrust.clock.now", lambda: NOW + timedelta(minutes=1))
    later = client.get(LADDER).content.decode()

    assert ("A reason to stop" in before, "A reason to stop" in after) == (False, True)
    assert ("14:05 UTC" in after, "14:06 UTC" in after) == (True, False)
    assert "14:06 UTC" in later
    assert len(renderings) == 3


def test_holds_are_a_part_of_every_page(trial: Trial) -> None:
    client = board(trial, "ana", Role.AUDITOR)
    assert "Held" not in client.get("/live/ntrust-1/parts/holds/").content.decode()

    hold(trial, 2, "A reason to stop")

    assert "Held" in client.get("/live/ntrust-1/parts/holds/").content.decode()
    page = client.get("/studies/ntrust-1/path/").content.decode()
    assert 'data-live="holds"' in page


def test_committee_s_home_follows_by_its_own_page(trial: Trial) -> None:
    page = board(trial, "cy", Role.COMMITTEE).get("/committee/ntrust-1/").content.decode()

    assert re.search(r'id="live-body"\s+data-live=""', page)
    assert "14:05 UTC" in page.partition('id="live-body"')[2]


def test_without_redis_each_process_renders(
    trial: Trial, renderings: list[tuple[str, ...]], settings: Settings
) -> None:
    settings.REDIS_URL = "redis://127.0.0.1:1/0"
    client = board(trial, "ana", Role.AUDITOR)

    assert [client.get(LADDER).status_code for _ in range(2)] == [200, 200]
    assert len(renderings) == 1
    forget()  # another process

    assert client.get(LADDER).status_code == 200
    assert len(renderings) == 2


def test_other_processes_find_a_part_in_redis(
    trial: Trial, renderings: list[tuple[str, ...]]
) -> None:
    client = board(trial, "ana", Role.AUDITOR)
    first = client.get(LADDER).content
    forget()

    assert client.get(LADDER).content == first
    assert len(renderings) == 1


def test_a_process_keeps_no_more_than_so_many(monkeypatch: pytest.MonkeyPatch) -> None:
    forget()
    monkeypatch.setattr("ntrust.fragments.KEPT_HERE", 2)
    monkeypatch.setattr("ntrust.fragments._fetch", lambda name: None)
    made: list[int] = []

    for number in (1, 2, 3, 3, 2, 1):
        fragment({"kept": number}, lambda number=number: made.append(number) or str(number))

    assert made == [1, 2, 3, 1]


@pytest.mark.parametrize(
    "address",
    [
        "/live/ntrust-1/parts/nothing/",
        "/live/ntrust-1/parts/ladder,nothing/",
        "/live/ntrust-1/parts/ladder,holds,ladder/",
        "/live/nobodys/parts/ladder/",
    ],
)
def test_what_is_not_theirs_is_not_there(trial: Trial, address: str) -> None:
    assert board(trial, "ana", Role.AUDITOR).get(address).status_code == 404


def test_panel_that_a_role_may_not_read_is_not_there(
    trial: Trial, monkeypatch: pytest.MonkeyPatch
) -> None:
    only = Panel("cohorts/ladder_body.html", PANELS["ladder"].read, lambda viewer: False)
    monkeypatch.setitem(live.PANELS, "ladder", only)

    assert board(trial, "ana", Role.AUDITOR).get(LADDER).status_code == 404


def test_everything_of_a_viewer_is_in_the_name_of_a_part(trial: Trial) -> None:
    """Whoever adds a field to Viewer has to say here that panels are kept apart by it."""
    viewer = viewer_of(trial.users["manager"], "ntrust-1")
    assert viewer is not None

    assert set(scope_of(viewer)) == {
        "study", "revision", "state", "roles", "sees_every_site", "sites", "investigates",
    }  # fmt: skip
    assert set(viewer.__dataclass_fields__) == {
        "study", "roles", "sees_every_site", "site_ids", "investigates",
    }  # fmt: skip


def test_a_rendering_that_fails_is_not_kept(trial: Trial) -> None:
    made_from = {"test": "fails", "study": trial.study.pk}

    def fail() -> str:
        raise RuntimeError

    with pytest.raises(RuntimeError):
        fragment(made_from, fail)

    assert fragment(made_from, lambda: "made") == "made"
    assert fragment(made_from, fail) == "made"


def test_names_differ_with_anything_a_part_was_made_from() -> None:
    names = {name_of({"panel": panel, "study": study}) for panel in "ab" for study in (1, 2)}

    assert len(names) == 4


def test_template_is_given_no_person(trial: Trial, monkeypatch: pytest.MonkeyPatch) -> None:
    given: list[dict[str, Any]] = []
    monkeypatch.setattr(
        live, "render_to_string", lambda template, context: given.append(context) or "x"
    )
    viewer = viewer_of(trial.users["monitor"], "ntrust-1")
    assert viewer is not None

    render_panel(viewer, "ladder", now=NOW + timedelta(days=400))

    assert [sorted(context) for context in given] == [["page", "rde", "study"]]
