"""What needs somebody today: the manager's first page, in order of harm, for who oversees."""

from __future__ import annotations

import re
from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from cohorts.actions import place_hold
from cohorts.queries import viewer_of
from cohorts.states import HoldScope
from ntrust import clock
from ntrust.models import User
from safety.actions import adjudicate_dlt
from safety.management.conduct import Conduct
from safety.models import DltReport
from safety.queries.today import Need, Today, read_needs, read_today, say_left
from tests.dosing import in_flight
from tests.factories import (
    DISEASE,
    cast,
    client_of,
    end_windows,
    make_trial,
    open_level,
    report_dlt_of,
    shared_trial,
)
from tests.many import add_many

pytestmark = pytest.mark.django_db

PAGES = ("today", "calendar", "ahead", "design")


def build() -> Conduct:
    """P-001 at S1 and P-002 at S2 conditioned, P-003 with a DLT; level 1 held; a lot expires; one
    whose eligibility is signed."""
    trial = in_flight.build()
    treated = in_flight.people(trial)[2]
    report_dlt_of(trial, treated)
    level = trial.level(1)
    place_hold(
        trial.study,
        scope=HoldScope.LEVEL,
        level=level,
        reason="a signal",
        by=trial.monitor,
        now=trial.tick(),
    )
    trial.stock("A12", total_cells=Decimal(9), viability=Decimal(1), lasts=timedelta(days=6))
    trial.sign_eligibility(trial.consent(disease=DISEASE))
    return trial


_built, trial = shared_trial(build)


@pytest.fixture(autouse=True)
def _now(trial: Conduct, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock, "now", lambda: trial.now)


def today(trial: Conduct, user: User | None = None) -> Today:
    viewer = viewer_of(user or trial.manager, trial.study.key)
    assert viewer is not None
    return read_today(viewer, now=trial.now)


def needs(trial: Conduct) -> dict[str, Need]:
    return {need.key: need for need in today(trial).needs}


def read(user: User, address: str) -> str:
    """The page's text: tags out, white space single."""
    answer = client_of(user).get(address)
    assert answer.status_code == 200
    text = re.sub(r"<[^>]+>", " ", answer.content.decode()).replace("&#x27;", "'")
    return re.sub(r"\s+", " ", text)


def test_what_harms_most_comes_first(trial: Conduct) -> None:
    found = today(trial).needs

    assert [need.key for need in found] == [
        "HOLDS",
        "CALLS",
        "IN_FLIGHT",
        "RULINGS",
        "LOTS",
        "SCREENINGS",
    ]
    assert [(need.mark.text, need.mark.tone, need.mark.shape) for need in found] == [
        ("Held: level 1 and all above", "harm", "■"),
        ("2 calls about people after lymphodepletion", "harm", "■"),
        ("5 in-flight answers owed", "harm", "■"),
        ("Adjudicate the DLT report of P-003", "harm", "▲"),
        ("Lot A12 expires", "plan", "●"),
        ("Confirm that S-004 is eligible", "plan", "●"),
    ]


def test_answers_after_lymphodepletion_come_before_the_others(trial: Conduct) -> None:
    sentences = needs(trial)["IN_FLIGHT"].sentences

    assert [sentence.partition(",")[0] for sentence in sentences] == ["P-001", "P-002", "P-003"]
    assert [("after lymphodepletion began" in sentence) for sentence in sentences] == [
        True,
        True,
        False,
    ]


def test_a_line_says_where_it_is_done_and_what_time_is_left(trial: Conduct) -> None:
    found = needs(trial)

    assert (found["IN_FLIGHT"].address, found["IN_FLIGHT"].about) == ("dosing:in_flight", ())
    assert found["SCREENINGS"].address == "safety:participant"
    assert found["SCREENINGS"].about == ("S-004",)
    assert found["HOLDS"].left == ""
    assert found["CALLS"].left.endswith(" left")
    assert found["LOTS"].left == f"by {trial.now + timedelta(days=7):%d-%b}"


def refute(trial: Conduct) -> None:
    """P-003 has no DLT after all, and is pending again."""
    adjudicate_dlt(
        DltReport.objects.get(event__participant__subject_number="P-003"),
        is_confirmed=False,
        reason="reviewed",
        by=trial.monitor,
        password=trial.password,
        now=trial.tick(),
    )


def test_overdue_statements_come_before_those_that_are_due(trial: Conduct) -> None:
    refute(trial)
    closes = trial.study.participants.get(subject_number="P-003").window.closes_at
    trial.now = closes - timedelta(days=1)
    assert needs(trial)["DUE"].mark.text == "Window statement due, P-003"
    assert needs(trial)["DUE"].left == "24 h 00 min left"

    end_windows(trial)

    found = today(trial).needs
    assert "DUE" not in [need.key for need in found]
    (owed,) = [need for need in found if need.key == "OVERDUE"]
    assert owed.mark.text == "Window statement overdue, P-003"
    assert (owed.mark.tone, owed.left_tone) == ("waiting", "waiting")
    assert owed.left.endswith("overdue")
    assert (owed.address, owed.about) == ("safety:participant", ("S-003",))


def test_statement_that_nothing_waits_for_comes_late(trial: Conduct) -> None:
    end_windows(trial)

    found = [need.key for need in today(trial).needs]

    assert "OVERDUE" not in found
    assert found.index("RULINGS") < found.index("STATEMENTS") < found.index("SCREENINGS")


def test_time_left_is_said_in_words() -> None:
    now = clock.now()

    assert say_left(None, now=now) == ""
    assert say_left(now + timedelta(minutes=5), now=now) == "5 min left"
    assert say_left(now + timedelta(hours=1, minutes=55), now=now) == "1 h 55 min left"
    assert say_left(now - timedelta(hours=30), now=now) == "30 h 00 min overdue"
    assert say_left(now - timedelta(days=3), now=now) == "3 days overdue"
    assert say_left(now + timedelta(days=3), now=now) == f"by {now + timedelta(days=3):%d-%b}"


def test_enrolment_is_counted_by_site_and_disease(trial: Conduct) -> None:
    enrolment = today(trial).enrolment

    assert [
        (row.name, row.screened, row.enrolled, row.treated, row.planned)
        for row in (enrolment.total, *enrolment.diseases, *enrolment.sites)
    ] == [
        ("All", 4, 3, 1, None),
        (DISEASE, 4, 3, 1, None),
        ("S1 Site 1", 3, 2, 1, None),
        ("S2 Site 2", 1, 1, 0, None),
    ]


def test_plan_is_protocol_data() -> None:
    split = {"by_disease": {DISEASE: 12}, "per_site": 4, "illustrative": True}
    trial = make_trial(key="planned", conduct={"plan": {"participants": 12, "split": split}})

    enrolment = today(trial).enrolment

    assert [row.planned for row in (enrolment.total, *enrolment.diseases, *enrolment.sites)] == [
        12,
        12,
        4,
    ]
    assert enrolment.is_illustrative
    assert enrolment.total.percent == 0


def test_page_has_every_panel_and_its_time(trial: Conduct) -> None:
    text = read(trial.manager, reverse("safety:today", args=[trial.study.key]))

    for said in (
        "What needs you today",
        "5 in-flight answers owed",
        "Why can't we enrol at DL1?",
        "The ladder",
        "Recommendation",
        "Enrolment against plan",
        "What happened last",
    ):
        assert said in text
    assert text.count(f"as of {trial.now:%d-%b-%Y %H:%M} UTC") == 5
    assert "S-004" in text


def test_numbers_of_enrolment_open_their_list(trial: Conduct) -> None:
    people = reverse("safety:participants", args=[trial.study.key])
    html = client_of(trial.manager).get(reverse("safety:today", args=[trial.study.key])).content

    assert f'href="{people}?stage=treated&amp;site=S1"'.encode() in html
    assert "1 participant" in read(trial.manager, f"{people}?stage=treated&site=S1")
    assert "2 participants" in read(trial.manager, f"{people}?stage=enrolled&site=S1")
    assert "4 participants" in read(trial.manager, f"{people}?stage=odd")
    assert "Nobody fits." in read(trial.manager, f"{people}?site=none")


@pytest.mark.parametrize("who", ["manager", "monitor", "auditor"])
def test_those_who_oversee_read_every_page(trial: Conduct, who: str) -> None:
    client = client_of(cast(trial)[who])

    answers = [client.get(reverse(f"safety:{name}", args=[trial.study.key])) for name in PAGES]

    assert [answer.status_code for answer in answers] == [200] * 4
    assert [client.post(answer.wsgi_request.path).status_code for answer in answers] == [405] * 4


@pytest.mark.parametrize(
    "who",
    [
        "investigator",
        "investigator elsewhere",
        "pharmacist",
        "committee",
        "superuser",
        "stranger",
        "revoked",
    ],
)
def test_for_everybody_else_the_pages_are_not_there(trial: Conduct, who: str) -> None:
    client = client_of(cast(trial)[who])

    for name in PAGES:
        theirs = client.get(reverse(f"safety:{name}", args=[trial.study.key]))
        nobodys = client.get(reverse(f"safety:{name}", args=["no-such-study"]))
        assert (theirs.status_code, nobodys.status_code) == (404, 404)
        assert "P-00" not in theirs.content.decode()
    assert client.get(reverse("safety:manage")).status_code == 404


def test_another_study_is_in_none_of_it(trial: Conduct) -> None:
    other = in_flight_elsewhere()

    for name in PAGES:
        text = read(trial.manager, reverse(f"safety:{name}", args=[trial.study.key]))
        assert "OTHER" not in text
        client = client_of(trial.manager)
        assert client.get(reverse(f"safety:{name}", args=[other.study.key])).status_code == 404


def in_flight_elsewhere() -> Conduct:
    """Another study, held as well, with a lot that expires."""
    other = open_level(make_trial(key="other"))
    other.stock("OTHER", total_cells=Decimal(9), viability=Decimal(1), lasts=timedelta(days=6))
    place_hold(
        other.study,
        scope=HoldScope.STUDY,
        reason="OTHER signal",
        by=other.monitor,
        now=other.tick(),
    )
    return other


def test_one_study_is_opened_at_once_and_several_are_offered(trial: Conduct) -> None:
    client = client_of(trial.manager)

    assert client.get("/manage/").headers["Location"] == f"/manage/{trial.study.key}/"

    other = make_trial(key="other")
    client = client_of(other.manager)
    assert client.get("/manage/").headers["Location"] == "/manage/other/"


def test_my_studies_lead_to_today(trial: Conduct) -> None:
    home = client_of(trial.manager).get("/").content.decode()
    site = client_of(trial.crews[0].investigator).get("/").content.decode()

    assert f'<a href="/manage/{trial.study.key}/">' in home
    assert "/manage/" not in site


def test_today_costs_the_same_with_1_and_300_rows(trial: Conduct) -> None:
    def cost() -> int:
        viewer = viewer_of(trial.manager, trial.study.key)
        assert viewer is not None
        with CaptureQueriesContext(connection) as queries:
            read_today(viewer, now=trial.now)
        return len(queries)

    add_many(trial, 1)
    one = cost()
    add_many(trial, 300, prefix="N")
    many = cost()

    assert (one, many) == (26, 26)
    assert needs(trial)["LOTS"].count == 302
    assert needs(trial)["LOTS"].more == 299


def test_needs_are_empty_where_nothing_is_open() -> None:
    quiet = make_trial(key="quiet")
    viewer = viewer_of(quiet.manager, quiet.study.key)
    assert viewer is not None

    assert read_needs(viewer, now=quiet.now) == ()
    assert "Nothing waits for anybody." in read(quiet.manager, "/manage/quiet/")


def test_open_boards_fetch_the_page_again_as_it_is(trial: Conduct) -> None:
    client = client_of(trial.manager)
    page = client.get(f"/manage/{trial.study.key}/").content.decode()
    part = client.get(f"/live/{trial.study.key}/parts/today/").content.decode()

    assert 'data-live="today"' in page
    for said in ("5 in-flight answers owed", "Enrolment against plan", "What happened last"):
        assert said in page
        assert said in part


@pytest.mark.parametrize("who", ["investigator", "pharmacist", "committee", "stranger"])
def test_part_is_not_there_for_who_may_not_open_the_page(trial: Conduct, who: str) -> None:
    client = client_of(cast(trial)[who])

    assert client.get(f"/live/{trial.study.key}/parts/today/").status_code == 404
