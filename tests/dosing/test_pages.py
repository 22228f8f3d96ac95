"""Infusions and lots over HTTP: who gets a page, what it does, and what nobody else reads."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from cohorts.models import Outcome, Participant
from cohorts.queries import viewer_of
from dosing.actions import assign_lot
from dosing.models import Infusion, ProductLot, SafetyCheck
from dosing.queries import list_lots, read_infusions
from ntrust import clock
from ntrust.models import Study, User
from safety.management.conduct import Conduct
from tests.dosing.lotted import SECTION, conditioned, give, lot, receive
from tests.factories import (
    cast,
    fingerprint,
    make_trial,
    open_level,
    report_late_dlt,
    seat,
    shared_trial,
)

pytestmark = pytest.mark.django_db


def build() -> Conduct:
    """Two of three conditioned at the first of two sites, Day 0 has come, lot A12 is released."""
    section = {**SECTION, "windows": SECTION["windows"][:2]}
    trial = open_level(make_trial(sites=2, infusion_days=(0, 7), infusions=section))
    seat(trial, 1, 3)
    trial.stock("A12", total_cells=Decimal(8), viability=Decimal("0.75"), lasts=timedelta(days=90))
    for person in trial.study.participants.order_by("id")[:2]:
        conditioned(trial, person)
    return trial


_built, trial = shared_trial(build)


@pytest.fixture(autouse=True)
def _now(trial: Conduct, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock, "now", lambda: trial.now)


def infusion(number: int, person: str = "S-001") -> Infusion:
    return Infusion.objects.get(course__participant__screening_number=person, number=number)


def page(name: str, number: int | None = None, person: str = "S-001") -> str:
    more = [] if number is None else [number]
    return reverse(f"dosing:{name}", args=["trial", person, *more])


def client_of(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def send(client: Client, address: str, **data: Any) -> Any:
    data["revision"] = Study.objects.get(key="trial").revision
    return client.post(address, data)


def said(trial: Conduct) -> str:
    return trial.now.strftime("%Y-%m-%dT%H:%M")


def given_data(trial: Conduct, **changed: Any) -> dict[str, Any]:
    return {"given_at": said(trial), "given_cells": "1", "lot": lot().pk, **changed}


def test_site_gives_checks_corrects_and_takes_back_over_its_pages(trial: Conduct) -> None:
    site = client_of(trial.crews[0].investigator)
    assert send(site, page("infusion_give", 1), **given_data(trial)).status_code == 302
    first = infusion(1)
    assert (first.state, first.lot) == ("GIVEN", lot())
    trial.now += timedelta(days=7)
    shown = site.get(page("infusion_give", 2)).content.decode()
    assert "The safety check before infusion 2 is not entered." in shown
    assert send(site, page("infusion_give", 2), **given_data(trial)).status_code == 409
    answers = {"checked_at": said(trial), "answer_fever": "yes", "answer_icans": "yes"}
    assert send(site, page("infusion_check", 2), **answers).status_code == 302
    assert SafetyCheck.objects.get().answers == {"fever": True, "icans": True}
    assert send(site, page("infusion_give", 2), **given_data(trial)).status_code == 302

    corrected = given_data(
        trial, given_at=first.given_at.strftime("%Y-%m-%dT%H:%M"), given_cells="1.1", reason="typed"
    )
    assert send(site, page("infusion_correct", 1), **corrected).status_code == 302
    assert infusion(1).given_cells == Decimal("1.1")
    assert infusion(1).given_at == first.given_at, "what was shown is not what was changed"
    taken = {"to": "PLANNED", "reason": "another participant"}
    assert send(site, page("infusion_not_given", 2), **taken).status_code == 302
    assert infusion(2).state == "PLANNED"


def test_unanswered_question_is_named(trial: Conduct) -> None:
    site = client_of(trial.crews[0].investigator)
    before = fingerprint()

    answer = send(site, page("infusion_check", 2), checked_at=said(trial), answer_fever="yes")

    assert answer.status_code == 422
    assert "No ICANS" in answer.content.decode()
    assert fingerprint() == before


def test_site_plans_over_its_pages(trial: Conduct) -> None:
    site = client_of(trial.crews[0].investigator)
    pharmacist = client_of(trial.crews[0].pharmacist)
    later = infusion(2).planned_date + timedelta(days=1)

    assert send(site, page("infusion_hold", 1), reason="fever").status_code == 302
    assert send(site, page("infusion_resume", 1), reason="gone").status_code == 302
    moved = {"planned_date": later.isoformat(), "reason": "a storm"}
    assert send(site, page("infusion_reschedule", 2), **moved).status_code == 302
    assert infusion(2).planned_date == later
    assert send(pharmacist, page("infusion_lot", 1), lot=lot().pk).status_code == 302
    assert infusion(1).lot == lot()
    missed = {"is_for_toxicity": "no", "reason": "a storm"}
    assert send(site, page("infusion_miss", 1), **missed).status_code == 302
    already = given_data(trial, because="It was given at night; the note came later.")
    assert send(site, page("infusion_given_already", 1), **already).status_code == 302
    assert infusion(1).state == "GIVEN"


def test_monitor_rules_over_the_pages(trial: Conduct) -> None:
    monitor = client_of(trial.monitor)
    shown = monitor.get(page("rule_out")).content.decode()
    assert "Pending" in shown

    assert send(monitor, page("rule_out"), reason="withdrew").status_code == 302
    assert Outcome.objects.get(participant__screening_number="S-001").letter == "X"
    assert send(monitor, page("rule_counts"), reason="mild").status_code == 409
    assert send(monitor, page("ruling_withdraw"), reason="did not").status_code == 302
    assert Outcome.objects.get(participant__screening_number="S-001").letter == "P"


def test_lots_are_received_released_stopped_and_corrected_over_the_pages(trial: Conduct) -> None:
    pharmacist, manager = client_of(trial.crews[1].pharmacist), client_of(trial.manager)
    label = {
        "code": "A13",
        "received_at": said(trial),
        "total_cells": "1e1",
        "viability": "0.9",
        "expires_on": (trial.now + timedelta(days=9)).date().isoformat(),
    }

    def address(name: str) -> str:
        return reverse(f"dosing:{name}", args=["trial", "A13"])

    received = send(pharmacist, reverse("dosing:lot_receive", args=["trial"]), **label)
    assert received.status_code == 302
    assert send(pharmacist, address("lot_release")).status_code == 403
    assert send(manager, address("lot_release")).status_code == 302
    assert send(pharmacist, address("lot_quarantine"), reason="a warm box").status_code == 302
    fixed = {**label, "viability": "0.8", "reason": "read wrongly"}
    assert send(pharmacist, address("lot_correct"), **fixed).status_code == 302
    assert send(manager, address("lot_discard"), reason="a warm box").status_code == 302
    assert (lot("A13").state, lot("A13").viable_cells) == ("DISCARDED", Decimal(8))


@pytest.mark.parametrize(
    ("who", "status"),
    [
        ("investigator", 200),
        ("manager", 403),
        ("pharmacist", 403),
        ("committee", 403),
        ("investigator elsewhere", 404),
        ("superuser", 404),
        ("stranger", 404),
        ("revoked", 404),
    ],
)
def test_infusion_page_is_for_its_site_only(trial: Conduct, who: str, status: int) -> None:
    client = client_of(cast(trial)[who])
    before = fingerprint()

    assert client.get(page("infusion_give", 1)).status_code == status
    posted = send(client, page("infusion_give", 1), **given_data(trial))

    assert posted.status_code == (302 if status == 200 else status)
    assert (fingerprint() == before) == (status != 200)


@pytest.mark.parametrize("number", [3, 9])
def test_infusion_that_is_not_planned_is_not_there(trial: Conduct, number: int) -> None:
    assert (
        client_of(trial.crews[0].investigator).get(page("infusion_give", number)).status_code == 404
    )


def test_second_submit_is_refused_as_stale(trial: Conduct) -> None:
    site = client_of(trial.crews[0].investigator)
    data = given_data(trial, revision=Study.objects.get(key="trial").revision)

    answers = [site.post(page("infusion_give", 1), data) for _ in range(2)]

    assert [answer.status_code for answer in answers] == [302, 409]
    assert "stale_page" in answers[1].content.decode()


def test_participant_page_shows_infusions_and_what_each_may_do(trial: Conduct) -> None:
    give(trial, infusion(1))
    address = reverse("safety:participant", args=["trial", "S-001"])

    def text(user: User) -> str:
        return client_of(user).get(address).content.decode()

    site, monitor = text(trial.crews[0].investigator), text(trial.monitor)
    assert "Infusion 1:" in site
    assert "100%" in site
    assert page("infusion_correct", 1) in site
    assert page("infusion_give", 2) in site
    assert page("infusion_give", 2) not in monitor
    assert page("infusion_hold", 2) in monitor
    assert page("rule_out") in monitor
    assert page("infusion_lot", 2) in text(trial.crews[0].pharmacist)
    assert page("infusion_correct", 1) not in text(trial.manager)


# --- Lots page -------------------------------------------------------------------------------


def two_dlts(trial: Conduct) -> None:
    """Both infused got lot A12, and both have a DLT."""
    for person in ("S-001", "S-002"):
        give(trial, infusion(1, person))
    trial.now += timedelta(days=2)
    for number in ("S-001", "S-002"):
        report_late_dlt(trial, Participant.objects.get(screening_number=number))


def test_dlts_that_share_a_lot_are_a_finding_for_the_centre(trial: Conduct) -> None:
    two_dlts(trial)
    address = reverse("dosing:lots", args=["trial"])

    def text(user: User) -> str:
        return client_of(user).get(address).content.decode()

    people = cast(trial)
    for who in ("manager", "monitor", "auditor"):
        assert "2 of 2 DLTs share lot A12." in text(people[who])
    own, elsewhere = text(people["investigator"]), text(people["pharmacist elsewhere"])
    assert "DLTs share" not in own
    assert "P-001" in own
    assert "P-001" not in elsewhere
    assert "And 2 infusions of other sites, counted above." in elsewhere
    for who, status in (("committee", 404), ("stranger", 404), ("superuser", 404)):
        assert client_of(people[who]).get(address).status_code == status


def test_one_dlt_is_no_finding(trial: Conduct) -> None:
    give(trial, infusion(1))
    trial.now += timedelta(days=2)
    report_late_dlt(trial, Participant.objects.get(screening_number="S-001"))
    viewer = viewer_of(trial.manager, "trial")
    assert viewer is not None

    (row,) = list_lots(viewer, now=trial.now).lots

    assert (row.finding, row.used, row.left) == ("", "1 1e9 cells", "5 1e9 cells")
    assert [(use.participant, use.has_dlt) for use in row.uses] == [("P-001", True)]


def test_lots_cost_the_same_however_many(trial: Conduct) -> None:
    viewer = viewer_of(trial.manager, "trial")
    assert viewer is not None
    costs = []
    for more in ([], ["A13", "A14"]):
        for code in more:
            receive(trial, code)
        for person in ("S-001", "S-002")[: 1 + len(more)]:
            if infusion(1, person).state == "PLANNED":
                assign_lot(
                    infusion(1, person),
                    lot=lot(),
                    by=trial.crews[0].pharmacist,
                    now=trial.tick(),
                )
        with CaptureQueriesContext(connection) as queries:
            assert len(list_lots(viewer, now=trial.now).lots) == 1 + len(more)
        costs.append(len(queries))

    assert costs == [4, 4]
    assert ProductLot.objects.count() == 3


def test_infusions_panel_costs_little(trial: Conduct) -> None:
    viewer = viewer_of(trial.crews[0].investigator, "trial")
    assert viewer is not None
    person = Participant.objects.select_related("site", "protocol_version").get(
        screening_number="S-001"
    )

    with CaptureQueriesContext(connection) as queries:
        panel = read_infusions(person, viewer=viewer, now=trial.now)

    assert panel is not None
    assert len(panel.rows) == 2
    assert len(queries) == 4
