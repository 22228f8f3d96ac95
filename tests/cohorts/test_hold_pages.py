"""Holds and what is in flight over HTTP: one tap to place one, and a list for everybody."""

from __future__ import annotations

import html
import re
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from cohorts.actions import place_hold
from cohorts.models import Hold, HoldLift, Participant
from dosing.models import InFlight, Infusion
from ntrust import clock
from ntrust.models import User
from ntrust.states import Role
from safety.management.conduct import Conduct, enlist
from tests.factories import (
    DISEASE,
    PASSWORD,
    client_of,
    make_trial,
    open_level,
    report_dlt_of,
    revision_of,
    shared_trial,
    treat,
)
from tests.pausing import PAUSING, report

pytestmark = pytest.mark.django_db


def build() -> Conduct:
    """Level 1: one conditioned at each site, and one treated at the first."""
    trial = open_level(make_trial(sites=2, infusion_days=(0, 7), conduct=PAUSING))
    here, there, treated = (trial.seat(1, disease=DISEASE, crew=crew) for crew in (0, 1, 0))
    trial.condition([there], day_0=trial.now + timedelta(days=9))
    treat(trial, [treated])
    trial.condition([here], day_0=trial.now + timedelta(days=5))
    return trial


_built, trial = shared_trial(build)


@pytest.fixture(autouse=True)
def _now(trial: Conduct, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock, "now", lambda: trial.now)


def people(trial: Conduct) -> list[Participant]:
    return list(trial.study.participants.order_by("id"))


def words(answer: Any) -> str:
    """A page's text: tags out, white space single."""
    text = re.sub(r"<[^>]+>", " ", answer.content.decode())
    return html.unescape(re.sub(r"\s+", " ", text))


def read(user: User, name: str, *args: object) -> str:
    answer = client_of(user).get(reverse(name, args=["trial", *args]))
    assert answer.status_code == 200
    return words(answer)


def send(user: User, trial: Conduct, name: str, *args: object, **entered: Any) -> Any:
    data = {"revision": revision_of(trial), **entered}
    return client_of(user).post(reverse(name, args=["trial", *args]), data)


def signed(user: User) -> dict[str, str]:
    return {"username": user.username, "password": PASSWORD}


def hold(trial: Conduct, **named: Any) -> Hold:
    named = {"scope": "STUDY", "reason": "a signal", "by": trial.manager, **named}
    return place_hold(trial.study, now=trial.tick(), **named)


# --- The banner and the list -------------------------------------------------------------------


def test_page_without_a_hold_has_no_banner_and_one_tap_for_those_who_may(trial: Conduct) -> None:
    for user, may in ((trial.manager, True), (trial.monitor, True), (investigator(trial), False)):
        text = read(user, "safety:participants")
        assert "Held:" not in text
        assert ("Place a hold" in text) is may


def investigator(trial: Conduct, crew: int = 0) -> User:
    return trial.crews[crew].investigator


def test_banner_says_where_in_words_and_shape_on_every_page(trial: Conduct) -> None:
    hold(trial, scope="LEVEL", level=trial.level(2))

    for name in ("cohorts:ladder", "safety:participants", "dosing:in_flight", "cohorts:holds"):
        assert "■ Held: level 2 and all above." in read(investigator(trial), name)


def test_hold_of_a_site_is_told_there_and_to_the_central_people(trial: Conduct) -> None:
    hold(trial, scope="SITE", site=trial.crews[1].site)

    assert "■ Held: site S2." in read(trial.manager, "cohorts:holds")
    assert "■ Held: site S2." in read(investigator(trial, 1), "cohorts:holds")
    text = read(investigator(trial), "cohorts:holds")
    assert "Held" not in text
    assert "Nothing is held." in text


def test_list_names_nobody_of_another_site(trial: Conduct) -> None:
    treated = people(trial)[2]
    report(trial, treated, 4)

    assert f"PR2, Any CRS of grade 4 or higher: {treated}." in read(
        investigator(trial), "cohorts:holds"
    )
    elsewhere = read(investigator(trial, 1), "cohorts:holds")
    assert str(treated) not in elsewhere
    assert "a participant of another site" in elsewhere


def test_committee_reads_the_holds(trial: Conduct) -> None:
    hold(trial)
    member = enlist(
        "member", study=trial.study, role=Role.COMMITTEE, password=PASSWORD, now=trial.now
    )

    text = read(member, "cohorts:holds")

    assert "1 hold in force" in text
    assert "Propose to lift it" not in text


# --- Placed and lifted over pages --------------------------------------------------------------


def test_hold_is_placed_after_its_effect_was_shown(trial: Conduct) -> None:
    entered = {"scope": "LEVEL", "level": trial.level(1).pk, "reason": "two fevers"}

    asked = send(trial.manager, trial, "cohorts:place_hold", **entered)

    assert not Hold.objects.exists()
    page = asked.content.decode()
    assert "two fevers" in page
    checked = re.search(r'name="checked"\s+value="([^"]+)"', page)
    assert checked is not None
    answer = send(trial.manager, trial, "cohorts:place_hold", **entered, checked=checked.group(1))
    assert answer.status_code == 302
    placed = Hold.objects.get()
    assert (placed.scope, placed.level, placed.reason) == ("LEVEL", trial.level(1), "two fevers")


def test_investigator_places_and_lifts_nothing(trial: Conduct) -> None:
    placed = hold(trial)

    assert send(investigator(trial), trial, "cohorts:place_hold").status_code == 403
    assert send(investigator(trial), trial, "cohorts:propose_lift", placed.pk).status_code == 403


def test_hold_is_lifted_over_pages(trial: Conduct) -> None:
    placed = hold(trial)
    grounds = {"reason": "fits seized", "looked_at": "the freezer's log"}
    proposed = send(trial.manager, trial, "cohorts:propose_lift", placed.pk, **grounds)
    assert proposed.status_code == 302
    lift = HoldLift.objects.get()
    assert "Sign to lift it" in read(trial.monitor, "cohorts:holds")

    monitor = trial.monitor
    answer = send(monitor, trial, "cohorts:sign_lift", lift.pk, **signed(monitor))

    assert answer.status_code == 302
    text = read(monitor, "cohorts:holds")
    assert "1 lifted" in text
    assert "the freezer's log" in text
    assert "signature valid" in text


def test_stale_proposal_says_so_and_cannot_be_signed(trial: Conduct) -> None:
    placed = hold(trial)
    grounds = {"reason": "over", "looked_at": "the log"}
    send(trial.manager, trial, "cohorts:propose_lift", placed.pk, **grounds)
    report_dlt_of(trial, people(trial)[2])

    text = read(trial.monitor, "cohorts:holds")
    assert "What is under this hold has changed since" in text
    assert "Sign to lift it" not in text
    lift, monitor = HoldLift.objects.get(), trial.monitor
    answer = send(monitor, trial, "cohorts:sign_lift", lift.pk, **signed(monitor))
    assert answer.status_code == 409
    assert "stale_lift" in answer.content.decode()


# --- In flight ---------------------------------------------------------------------------------


def test_list_has_the_conditioned_first_by_hours(trial: Conduct) -> None:
    here, there, treated = people(trial)
    hold(trial)

    text = read(trial.monitor, "dosing:in_flight")

    order = [f"{there} infusion 1", f"{here} infusion 1", f"{treated} infusion 2"]
    found = [text.index(one) for one in order]
    assert found == sorted(found)
    assert text.count("conditioned ") >= 2


def test_site_sees_its_own_alone(trial: Conduct) -> None:
    here, there, _ = people(trial)
    hold(trial)

    text = read(investigator(trial, 1), "dosing:in_flight")

    assert f"{there} infusion 1" in text
    assert str(here) not in text


def test_answer_over_the_page_and_the_count_on_the_participants_page(trial: Conduct) -> None:
    here = people(trial)[0]
    hold(trial)
    by = investigator(trial)
    number = here.screening_number
    assert "2 infusions in flight" in read(by, "safety:participant", number)
    entered = {"answer": "HELD", "reason": "put off", **signed(by)}

    answer = send(by, trial, "dosing:in_flight_answer", number, 1, **entered)

    assert (answer.status_code, answer.url) == (302, reverse("dosing:in_flight", args=["trial"]))
    assert Infusion.objects.get(course__participant=here, number=1).state == "HELD"
    assert "1 infusion in flight" in read(by, "safety:participant", number)


def test_already_given_leads_to_its_entry(trial: Conduct) -> None:
    here = people(trial)[0]
    hold(trial)
    by = investigator(trial)
    number = here.screening_number
    entered = {
        "answer": "ALREADY_GIVEN",
        "given_at": f"{trial.now:%Y-%m-%dT%H:%M}",
        "reason": "it was running",
        **signed(by),
    }

    answer = send(by, trial, "dosing:in_flight_answer", number, 1, **entered)

    entry = reverse("dosing:infusion_given_already", args=["trial", number, 1])
    assert (answer.status_code, answer.url) == (302, entry)
    assert "already given, its entry is owed" in read(trial.manager, "dosing:in_flight")


def test_proceeding_without_a_signed_word_is_refused_on_the_page(trial: Conduct) -> None:
    treated = people(trial)[2]
    report(trial, treated, 3, "infection", criterion="NOW")
    by, number = investigator(trial), treated.screening_number
    entered = {"answer": "PROCEEDING", "reason": "by telephone", **signed(by)}

    answer = send(by, trial, "dosing:in_flight_answer", number, 2, **entered)
    assert answer.status_code == 409
    assert "no_instruction" in answer.content.decode()

    monitor = trial.monitor
    word = {"reason": "fit and well", **signed(monitor)}
    assert send(monitor, trial, "dosing:in_flight_instruct", number, 2, **word).status_code == 302
    assert "The medical monitor signed: fit and well" in read(by, "dosing:in_flight")
    assert send(by, trial, "dosing:in_flight_answer", number, 2, **entered).status_code == 302


def test_another_sites_question_is_not_there(trial: Conduct) -> None:
    here = people(trial)[0]
    hold(trial)

    answer = send(
        investigator(trial, 1), trial, "dosing:in_flight_answer", here.screening_number, 1
    )

    assert answer.status_code == 404
    assert not InFlight.objects.exclude(state="OPEN").exists()


def test_list_takes_the_same_statements_however_long(
    trial: Conduct, django_assert_num_queries: Any
) -> None:
    client = client_of(trial.monitor)
    address = reverse("dosing:in_flight", args=["trial"])
    client.get(address)
    report_dlt_of(trial, people(trial)[2])
    with django_assert_num_queries(12):
        client.get(address)
    hold(trial)
    with django_assert_num_queries(12):
        client.get(address)


def test_committee_has_no_list_of_infusions(trial: Conduct) -> None:
    member = enlist(
        "member", study=trial.study, role=Role.COMMITTEE, password=PASSWORD, now=trial.now
    )

    assert Client().get(reverse("dosing:in_flight", args=["trial"])).status_code == 302
    assert client_of(member).get(reverse("dosing:in_flight", args=["trial"])).status_code == 404
