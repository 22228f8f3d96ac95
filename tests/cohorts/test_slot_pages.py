"""Seats over HTTP: what each person may press, what they see of the queue, and what it costs."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from cohorts.actions import request_slot, reserve_slot
from cohorts.models import Participant, Slot
from cohorts.queries import read_forecast, read_queue, viewer_of
from ntrust import clock
from ntrust.models import Study, User
from safety.management.conduct import Conduct
from tests.factories import (
    DISEASE,
    cast,
    client_of,
    fingerprint,
    make_trial,
    open_level,
    seat,
    shared_trial,
)

pytestmark = pytest.mark.django_db
REASON = "The other site cannot begin before January."


def build() -> Conduct:
    """Level 1 is open; S-001 and S-003 of the first site and S-002 of the second are eligible."""
    trial = open_level(make_trial(sites=2))
    for crew in (0, 1, 0):
        trial.screen(disease=DISEASE, crew=crew)
    return trial


_built, trial = shared_trial(build)


@pytest.fixture(autouse=True)
def _now(trial: Conduct, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock, "now", lambda: trial.now)


def person(number: str = "S-001") -> Participant:
    return Participant.objects.get(screening_number=number)


def ask(trial: Conduct, *numbers: str) -> None:
    for number in numbers:
        one = person(number)
        request_slot(one, by=trial.investigator_of(one), now=trial.tick())


def address(name: str, number: str = "S-001") -> str:
    return reverse(f"cohorts:{name}", args=["trial", number])


def read(user: User, url: str) -> str:
    answer = client_of(user).get(url)
    assert answer.status_code == 200
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", answer.content.decode()))


def press(user: User, name: str, number: str = "S-001", **data: Any) -> Any:
    data = {"revision": Study.objects.get(key="trial").revision, **data}
    return client_of(user).post(address(name, number), data)


def test_seat_is_requested_reserved_confirmed_and_given_up_over_the_pages(trial: Conduct) -> None:
    site, manager = trial.crews[0].investigator, trial.manager
    states = []

    for user, name, data in (
        (site, "request_slot", {}),
        (site, "withdraw_request", {"reason": "a cold"}),
        (site, "request_slot", {}),
        (manager, "reserve_slot", {"level": trial.level(1).pk}),
        (manager, "confirm_slot", {}),
        (manager, "release_slot", {"reason": "ill"}),
    ):
        assert client_of(user).get(address(name)).status_code == 200
        assert press(user, name, **data).status_code == 302
        states.append(Slot.objects.latest("id").state)
        trial.tick()

    assert states == ["REQUESTED", "RELEASED", "REQUESTED", "RESERVED", "CONFIRMED", "RELEASED"]


@pytest.mark.parametrize(
    ("name", "owners"),
    [
        ("request_slot", {"investigator"}),
        ("withdraw_request", {"investigator", "manager"}),
        ("reserve_slot", {"manager"}),
        ("confirm_slot", {"manager"}),
        ("release_slot", {"investigator", "manager"}),
    ],
)
def test_act_is_shown_to_its_owners_only(trial: Conduct, name: str, owners: set[str]) -> None:
    ask(trial, "S-001")
    people = cast(trial)
    before = fingerprint()

    shown = {who: client_of(user).get(address(name)).status_code for who, user in people.items()}

    outside = {
        "investigator elsewhere",
        "pharmacist elsewhere",
        "superuser",
        "stranger",
        "revoked",
    }
    assert {who for who, status in shown.items() if status == 200} == owners
    assert {who for who, status in shown.items() if status == 404} == outside
    assert fingerprint() == before


def test_page_of_a_slot_nobody_has_is_not_there(trial: Conduct) -> None:
    assert client_of(trial.manager).get(address("confirm_slot")).status_code == 404


def test_reserve_page_shows_whose_turn_it_is_and_takes_an_override(trial: Conduct) -> None:
    ask(trial, "S-002", "S-001")
    level = trial.level(1).pk

    text = read(trial.manager, address("reserve_slot"))
    refused = press(trial.manager, "reserve_slot", level=level)
    short = press(trial.manager, "reserve_slot", level=level, override_reason="too short")
    done = press(trial.manager, "reserve_slot", level=level, override_reason=REASON)

    assert "P-001 is number 2 of 2 in the queue; number 1 could be seated now" in text
    assert (refused.status_code, short.status_code, done.status_code) == (409, 409, 302)
    assert "no_seat" in refused.content.decode()
    assert "override_needs_reason" in short.content.decode()
    assert "too short" in short.content.decode()
    report = read(trial.manager, reverse("cohorts:overrides", args=["trial"]))
    assert REASON in report
    assert "P-001, site S1, level 1" in report
    assert trial.manager.printed_name in report


def test_level_of_another_study_is_no_choice(trial: Conduct) -> None:
    other = make_trial(key="other")

    answer = press(trial.manager, "reserve_slot", level=other.level(1).pk)

    assert answer.status_code == 422
    assert Slot.objects.count() == 0


def test_second_reservation_of_one_page_is_stale(trial: Conduct) -> None:
    data = {"revision": Study.objects.get(key="trial").revision, "level": trial.level(1).pk}

    first = press(trial.manager, "reserve_slot", **data)
    second = press(trial.manager, "reserve_slot", **data)

    assert (first.status_code, second.status_code) == (302, 409)
    assert "stale_page" in second.content.decode()


# --- The queue ----------------------------------------------------------------------------------


def test_manager_sees_everybody_and_a_site_its_own_places(trial: Conduct) -> None:
    ask(trial, "S-001", "S-002", "S-003")
    url = reverse("cohorts:queue", args=["trial"])

    manager = read(trial.manager, url)
    elsewhere = read(trial.crews[1].investigator, url)

    for text in ("3 in the queue", "1 of 3 P-001 S1", "2 of 3 P-002 S2", "3 of 3 P-003 S1"):
        assert text in manager
    assert "3 in the queue" in elsewhere
    assert "2 of 3 P-002 S2" in elsewhere
    for hidden in ("P-001", "P-003", "S-001", "S1", "1 of 3 "):
        assert hidden not in elsewhere
    for text in (manager, elsewhere):
        assert DISEASE not in text


@pytest.mark.parametrize(
    ("name", "readers"),
    [
        (
            "queue",
            {
                "manager",
                "monitor",
                "auditor",
                "investigator",
                "pharmacist",
                "investigator elsewhere",
                "pharmacist elsewhere",
            },
        ),
        ("overrides", {"manager", "monitor", "auditor"}),
    ],
)
def test_pages_have_their_readers(trial: Conduct, name: str, readers: set[str]) -> None:
    url = reverse(f"cohorts:{name}", args=["trial"])

    answers = {who: client_of(user).get(url).status_code for who, user in cast(trial).items()}

    assert {who for who, status in answers.items() if status == 200} == readers
    assert {status for who, status in answers.items() if who not in readers} == {404}


def test_participant_page_says_what_is_in_the_way_of_a_seat(trial: Conduct) -> None:
    ask(trial, "S-002", "S-001")
    url = reverse("safety:participant", args=["trial", "S-001"])

    site, manager = read(trial.crews[0].investigator, url), read(trial.manager, url)

    for text in (site, manager):
        assert "Seat: requested" in text
        assert "Place in the queue 2 of 2" in text
        assert "Why not now at level 1" in text
        assert "number 1 could be seated now and comes first." in text
        assert "P-002" not in text
    assert "Withdraw the request" in site
    assert "Reserve a seat" not in site
    assert "Reserve a seat" in manager


def test_participant_page_shows_until_when_a_seat_is_reserved(trial: Conduct) -> None:
    slot = reserve_slot(person(), level=trial.level(1), by=trial.manager, now=trial.tick())
    url = reverse("safety:participant", args=["trial", "S-001"])

    text = read(trial.manager, url)

    assert "Seat: reserved" in text
    assert f"Reserved until {slot.expires_at:%d-%b-%Y %H:%M} UTC" in text
    assert "Every gate at level 1 is clear." in text
    assert "Confirm the seat" in text


# --- When will a slot open? ---------------------------------------------------------------------


def test_forecast_tells_sites_and_managers_the_same(trial: Conduct) -> None:
    url = reverse("cohorts:queue", args=["trial"])

    manager = read(trial.manager, url)
    site = read(trial.crews[1].investigator, url)

    start = manager.index("When will a slot open?")
    end = manager.index("in the queue for a seat")
    assert "no further DLT one further DLT two or more further DLTs" in manager[start:end]
    assert manager[start : end - 2] in site


def test_forecast_reads_windows_seats_and_the_plan(trial: Conduct) -> None:
    viewer = viewer_of(trial.manager, "trial")
    assert viewer is not None

    found = read_forecast(viewer, now=trial.now)

    assert found is not None
    assert (found.seat_to_infusion, found.window, found.stagger, found.committee) == (5, 29, 0, 7)
    by_level = {row.name: [cell.at for cell in row.cells] for row in found.rows}
    days = {
        name: [at and (at - trial.now).days for at in cells] for name, cells in by_level.items()
    }
    assert days == {"DL1": [0, 0, 0], "DL2": [41, 82, None], "DL3": [82, 123, None]}


# --- What it costs ------------------------------------------------------------------------------


def cost_of_queue(trial: Conduct, user: User) -> int:
    viewer = viewer_of(user, "trial")
    assert viewer is not None
    with CaptureQueriesContext(connection) as queries:
        read_queue(viewer)
    return len(queries)


def cost_of_forecast(trial: Conduct) -> int:
    viewer = viewer_of(trial.manager, "trial")
    assert viewer is not None
    with CaptureQueriesContext(connection) as queries:
        read_forecast(viewer, now=trial.now)
    return len(queries)


def test_queue_and_forecast_cost_the_same_however_long(trial: Conduct) -> None:
    seat(trial, 1, 1)
    ask(trial, "S-001")
    one = (
        cost_of_queue(trial, trial.manager),
        cost_of_queue(trial, trial.crews[0].investigator),
        cost_of_forecast(trial),
    )
    ask(trial, "S-002", "S-003")
    reserve_slot(person(), level=trial.level(1), by=trial.manager, now=trial.tick())

    three = (
        cost_of_queue(trial, trial.manager),
        cost_of_queue(trial, trial.crews[0].investigator),
        cost_of_forecast(trial),
    )

    assert one == three == (3, 3, 7)
