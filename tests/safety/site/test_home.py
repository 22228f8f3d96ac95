"""The site's home: own participants and no others, the most urgent first, at a constant cost."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from cohorts.actions import Conclusion, place_hold, request_slot
from cohorts.engine.design import Verdict
from cohorts.models import Participant
from cohorts.queries import viewer_of
from ntrust import clock
from ntrust.models import User
from safety.management.conduct import Conduct
from safety.queries.site_home import SiteHome, read_site_home
from tests.factories import (
    DISEASE,
    cast,
    client_of,
    end_windows,
    make_trial,
    open_level,
    report_dlt_of,
    seat,
    shared_trial,
    treat,
)
from tests.safety.toxic import CRITERIA, enter, first_of
from tests.safety.toxic import build as build_toxic

pytestmark = pytest.mark.django_db


def build() -> Conduct:
    """P-001 and P-002 treated three days ago at site 1; P-003 is seated at site 2."""
    trial = build_toxic("PP")
    trial.seat(1, disease=DISEASE, crew=1)
    return trial


_built, trial = shared_trial(build)


@pytest.fixture(autouse=True)
def _now(trial: Conduct, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock, "now", lambda: trial.now)


def home_of(trial: Conduct, user: User) -> SiteHome:
    viewer = viewer_of(user, trial.study.key)
    assert viewer is not None
    return read_site_home(viewer, now=trial.now)


def read(user: User, name: str, *about: object, status: int = 200, key: str = "trial") -> str:
    answer = client_of(user).get(reverse(f"safety:{name}", args=[key, *about]))
    assert answer.status_code == status, answer.content.decode()[:400]
    text = re.sub(r"<[^>]+>", " ", answer.content.decode())
    return re.sub(r"\s+([.,;:])", r"\1", " ".join(text.split()))


def elsewhere(trial: Conduct) -> Participant:
    """P-003, treated at the second site."""
    person = trial.study.participants.latest("id")
    treat(trial, [person])
    return person


# --- What the cards say ----------------------------------------------------------------------


def test_card_says_day_level_infusions_and_what_is_next(trial: Conduct) -> None:
    home = home_of(trial, trial.crews[0].investigator)

    assert [card.name for card in home.cards] == ["P-001", "P-002"]
    (seated,), treated = home_of(trial, trial.crews[1].investigator).cards, home.cards[0]
    assert (treated.state, treated.level, treated.infusions) == (
        "treated",
        "DL1",
        "Infusion 10-Jan",
    )
    assert treated.day is not None
    assert treated.day.words == "day 3 of 28"
    assert treated.next is not None
    assert treated.next.words == "Statement at the end of the DLT window"
    assert seated.next is not None
    assert (seated.next.words, seated.next.address) == ("Lymphodepletion", "safety:site_today")
    assert home.owed == 0


def test_open_board_fetches_the_part_that_the_page_shows(trial: Conduct) -> None:
    mine, theirs = (client_of(crew.investigator) for crew in trial.crews[:2])
    address = "/live/trial/parts/site/"
    before = mine.get(address).content.decode()
    enter(trial, first_of(trial), grade=1)

    page = mine.get(reverse("safety:site", args=["trial"])).content.decode()
    part = mine.get(address).content.decode()

    shown = part.removeprefix('<div data-part="site">').removesuffix("</div>")
    assert " ".join(shown.split()) in " ".join(page.split())
    assert ("whether it is serious" in before, "whether it is serious" in part) == (False, True)
    assert ("P-001" in part, "P-001" in theirs.get(address).content.decode()) == (True, False)
    assert client_of(trial.manager).get(address).status_code == 404


def test_most_urgent_comes_first(trial: Conduct) -> None:
    first, second = trial.study.participants.order_by("id")[:2]
    enter(trial, first, grade=1)
    trial.now += timedelta(hours=1)
    trial.report(second, criterion="D7", term="Colitis", grade=3)

    home = home_of(trial, trial.crews[0].investigator)

    names = {card.name: [one.what for one in card.owed] for card in home.cards}
    assert [card.name for card in home.cards] == ["P-002", "P-001"]
    assert names["P-002"][0] == "Sign the resolution of the event, or it counts as a DLT"
    assert names["P-001"] == [
        "Colitis, grade 1: whether it is serious, and by which criteria; the relation to "
        "everything else; what kind of event it is; when you learned of it; the narrative"
    ]


def test_statement_is_one_tap_away_when_the_window_is_over(trial: Conduct) -> None:
    end_windows(trial)
    by = trial.crews[0].investigator

    said = client_of(by).get(reverse("safety:site", args=["trial"])).content.decode()

    number = first_of(trial).screening_number
    assert f'href="{reverse("safety:statement", args=["trial", number])}"' in said
    assert "The DLT window is over: sign the statement" in said
    assert [card.owed[0].is_overdue for card in home_of(trial, by).cards] == [True, True]


def test_in_flight_answer_is_one_tap_away_and_first(trial: Conduct) -> None:
    conditioned = trial.study.participants.latest("id")
    trial.condition([conditioned], day_0=trial.now + timedelta(days=5))
    report_dlt_of(trial, first_of(trial), "D1")

    (card,) = home_of(trial, trial.crews[1].investigator).cards

    assert card.name == "P-003"
    assert card.owed[0].what == "Infusion 1 is in flight: held, given already, or going on?"
    assert card.owed[0].address == "dosing:in_flight_answer"
    assert card.owed[0].about == (conditioned.screening_number, 1)


def test_hold_that_reaches_the_next_dose_is_on_the_card(trial: Conduct) -> None:
    by = trial.crews[1].investigator
    before = [card.held for card in home_of(trial, by).cards]
    level = trial.level(2)
    common = {"scope": "LEVEL", "reason": "a signal", "by": trial.monitor}

    place_hold(trial.study, level=level, now=trial.tick(), **common)
    above = [card.held for card in home_of(trial, by).cards]
    place_hold(trial.study, level=trial.level(1), now=trial.tick(), **common)

    assert (before, above) == ([False], [False])
    assert [card.held for card in home_of(trial, by).cards] == [True]
    treated = home_of(trial, trial.crews[0].investigator).cards
    assert [card.held for card in treated] == [False, False]


def test_gates_of_a_card_are_the_ledgers(trial: Conduct) -> None:
    by, person = trial.crews[0].investigator, first_of(trial)

    said = read(by, "site_gates", person.screening_number)

    assert said.startswith("◔ Not before 08-Feb-2026 00:00 UTC")
    assert "The DLT window is not over, or its statement is signed already." in said


def test_place_in_the_queue_is_said(trial: Conduct) -> None:
    by = trial.crews[0].investigator
    for _ in range(2):
        person = trial.screen(disease=DISEASE)
        request_slot(person, by=by, now=trial.tick())

    said = read(by, "site")

    assert "place 1 of 2 in the queue" in said
    assert "place 2 of 2 in the queue" in said
    assert "When will a seat open?" in said


# --- Whose it is -----------------------------------------------------------------------------


def test_people_of_other_sites_are_never_shown(trial: Conduct) -> None:
    other = elsewhere(trial)
    event = enter(trial, other)
    own, theirs = trial.crews[0].investigator, trial.crews[1].investigator

    for name in ("site", "site_report", "site_calendar"):
        assert str(other) not in read(own, name)
        assert str(other) in read(theirs, name)
        assert str(first_of(trial)) not in read(theirs, name)
    for name, about in (
        ("site_gates", other.screening_number),
        ("site_today", other.screening_number),
        ("site_sent", event.pk),
    ):
        read(own, name, about, status=404)
        read(theirs, name, about)


@pytest.mark.parametrize("name", ["site", "site_report", "site_calendar"])
def test_page_is_there_for_people_of_sites_alone(trial: Conduct, name: str) -> None:
    people = cast(trial)
    found = {
        who: client_of(user).get(reverse(f"safety:{name}", args=["trial"])).status_code
        for who, user in people.items()
    }

    allowed = {"investigator", "investigator elsewhere"}
    if name != "site_report":
        allowed |= {"pharmacist", "pharmacist elsewhere"}
    assert {who for who, status in found.items() if status == 200} == allowed
    assert {status for who, status in found.items() if who not in allowed} == {404}


def test_calendar_says_who_is_where(trial: Conduct) -> None:
    by = trial.crews[0].investigator

    said = read(by, "site_calendar")
    odd = client_of(by).get(reverse("safety:site_calendar", args=["trial"]), {"from": "soon"})

    assert "Today: 0 in lymphodepletion · 0 to be infused · 2 in the DLT window" in said
    assert odd.status_code == 200


def test_dosing_day_shows_checklist_and_what_to_enter(trial: Conduct) -> None:
    person = trial.study.participants.latest("id")
    trial.condition([person], day_0=trial.now + timedelta(days=5))

    said = read(trial.crews[1].investigator, "site_today", person.screening_number)

    assert "Checklist: Infusion 1" in said
    assert "Enter as given" in said
    assert "Safety check" in said or "gates" in said


def test_pharmacist_has_no_event_to_report(trial: Conduct) -> None:
    said = read(trial.crews[0].pharmacist, "site")

    assert "Report event" not in said
    assert "P-001" in said


def test_people_of_a_site_come_here_from_their_studies(trial: Conduct) -> None:
    home = reverse("safety:site", args=["trial"])

    assert f'<a href="{home}">TEST-001</a>' in studies(trial.crews[0].investigator)
    assert f'<a href="{home}">' not in studies(trial.manager)


def studies(user: User) -> str:
    return client_of(user).get("/").content.decode()


def test_decision_waits_to_be_acknowledged() -> None:
    trial = make_trial(key="unread")
    conclusion = Conclusion(Verdict.ENROL, trial.level(1), "agrees")
    trial.sign(trial.propose(conclusion))

    for user in (trial.crews[0].pharmacist, trial.crews[0].investigator):
        said = read(user, "site", key="unread")
        assert "Decision #1 waits to be acknowledged for site S1" in said
        assert "1 to do" in said


# --- What it costs ---------------------------------------------------------------------------


def cost(user: User) -> int:
    client = client_of(user)
    address = reverse("safety:site", args=["many"])
    client.get(address)
    with CaptureQueriesContext(connection) as asked:
        assert client.get(address).status_code == 200
    return len(asked)


def test_home_costs_the_same_for_one_and_for_many(monkeypatch: pytest.MonkeyPatch) -> None:
    trial = open_level(make_trial(key="many", conduct=CRITERIA))
    monkeypatch.setattr(clock, "now", lambda: trial.now)
    by = trial.crews[0].investigator
    (first,) = seat(trial, 1)
    treat(trial, [first])
    enter(trial, first)
    trial.consent(disease=DISEASE)
    asked = cost(by)

    others = seat(trial, 1, 2)
    treat(trial, others)
    for person in others:
        enter(trial, person)
    for _ in range(9):
        trial.consent(disease=DISEASE)

    assert len(home_of(trial, by).cards) == 13
    assert cost(by) == asked
