"""Pages of lymphodepletion, of calls and of leaving the study."""

from __future__ import annotations

import re
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
import yaml
from django.http import HttpResponse
from django.test import Client
from django.urls import reverse

from cohorts.actions import place_hold
from cohorts.models import Participant
from dosing.models import Course, LdAdministration, MonitorCall
from ntrust import clock
from ntrust.models import Study
from safety.management.conduct import Conduct
from safety.management.demo import PROTOCOLS
from tests.factories import (
    cast,
    client_of,
    fingerprint,
    make_trial,
    open_level,
    seat,
    shared_trial,
    typed_by,
)

pytestmark = pytest.mark.django_db
SHIPPED = yaml.safe_load((PROTOCOLS / "ntrust-1.yaml").read_text(encoding="utf-8"))
SECTIONS = ("lymphodepletion", "lymphodepletion_limits", "measurements")


def seated() -> Conduct:
    """One seated at level 1, lymphodepletion as in Ntrust-1."""
    conduct = {section: SHIPPED[section] for section in SECTIONS}
    trial = open_level(make_trial(sites=2, conduct=conduct, zone="America/Puerto_Rico"))
    seat(trial, 1)
    return trial


_built, trial = shared_trial(seated)


@pytest.fixture(autouse=True)
def _now(trial: Conduct, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock, "now", trial.tick)


def address(name: str, *more: int) -> str:
    return reverse(f"dosing:{name}", args=["trial", "S-001", *more])


def send(client: Client, url: str, **data: Any) -> HttpResponse:
    revision = Study.objects.get(key="trial").revision
    answer = client.post(url, {"revision": revision, **data})
    assert isinstance(answer, HttpResponse)
    return answer


def here(trial: Conduct, **later: float) -> str:
    """A moment as typed in Puerto Rico, four hours behind UTC."""
    return (trial.now + timedelta(**later) - timedelta(hours=4)).strftime("%Y-%m-%dT%H:%M")


def start(trial: Conduct, **changed: Any) -> dict[str, Any]:
    return {
        "regimen": "flu_cy",
        "started_at": here(trial, minutes=-5),
        "first_infusion_on": here(trial, days=5),
        "height_cm": "170",
        "weight_kg": "70.5",
        "value_egfr": "60",
        "taken_egfr": here(trial)[:10],
        **changed,
    }


def begin(client: Client, trial: Conduct) -> None:
    data = start(trial)
    shown = send(client, address("ld_begin"), **data)
    found = re.search(r'name="doses_seen" value="([^"]+)"', shown.content.decode())
    assert found is not None
    assert send(client, address("ld_begin"), **data, doses_seen=found[1]).status_code == 302


def test_doses_are_shown_before_lymphodepletion_begins(trial: Conduct) -> None:
    client = client_of(trial.crews[0].investigator)
    before = fingerprint()

    shown = send(client, address("ld_begin"), **start(trial))

    text = shown.content.decode()
    assert shown.status_code == 422
    assert "Body surface 1.82 m²" in text
    assert "Day -5: fludarabine 43.7 mg" in text
    assert "Day -5: cyclophosphamide 910.0 mg" in text
    assert 'value="70.5"' in text, "nothing entered is lost"
    assert f'value="{here(trial, days=5)[:10]}' in text
    assert fingerprint() == before

    begin(client, trial)

    course = Course.objects.get()
    assert course.surface_m2 == Decimal("1.82")
    assert course.administrations.count() == 6


def test_doses_changed_after_they_were_shown_are_shown_again(trial: Conduct) -> None:
    client = client_of(trial.crews[0].investigator)
    shown = send(client, address("ld_begin"), **start(trial)).content.decode()
    seen = re.search(r'name="doses_seen" value="([^"]+)"', shown)
    assert seen is not None

    again = send(client, address("ld_begin"), **start(trial, weight_kg="80"), doses_seen=seen[1])

    assert again.status_code == 422
    assert "Body surface 1.94 m²" in again.content.decode()
    assert not Course.objects.exists()


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"weight_kg": "155"}, "body mass index"),
        ({"height_cm": "67"}, "not inches or pounds"),
        ({"value_egfr": "44.9"}, "not given with egfr 44.9"),
        ({"value_egfr": ""}, "needs the egfr and its date"),
        ({"regimen": "cy"}, "Say why"),
        ({"weight_kg": ""}, "need height and weight"),
    ],
)
def test_what_the_doses_cannot_rest_on_is_refused_in_words(
    trial: Conduct, changed: dict[str, str], words: str
) -> None:
    client = client_of(trial.crews[0].investigator)
    before = fingerprint()

    answer = send(client, address("ld_begin"), **start(trial, **changed))

    assert answer.status_code == 422
    assert words in answer.content.decode()
    assert fingerprint() == before


def test_doses_are_entered_omitted_and_completed(trial: Conduct) -> None:
    client = client_of(trial.crews[0].investigator)
    begin(client, trial)
    page = client.get(reverse("safety:participant", args=["trial", "S-001"])).content.decode()
    assert "43.7 mg" in page
    assert "Complete lymphodepletion" in page
    moment = {"started_at": here(trial), "stopped_at": here(trial)}

    given = send(client, address("ld_give", 1), given_mg="43.7", **moment)
    off_plan = send(client, address("ld_give", 2), given_mg="500", **moment)
    early = send(client, address("ld_complete"), ended_at=here(trial))

    assert given.status_code == 302
    assert off_plan.status_code == 409
    assert "910.0 mg were planned, 500 mg given" in off_plan.content.decode()
    assert "doses_open" in early.content.decode()

    for number in range(2, 7):
        send(client, address("ld_omit", number), reason="vomiting")
    assert send(client, address("ld_complete"), ended_at=here(trial)).status_code == 302
    assert set(LdAdministration.objects.values_list("state", flat=True)) == {"GIVEN", "OMITTED"}
    assert client.get(address("ld_give", 7)).status_code == 404


def test_call_is_answered_by_the_monitor(trial: Conduct) -> None:
    begin(client_of(trial.crews[0].investigator), trial)
    place_hold(trial.study, scope="STUDY", reason="a signal", by=trial.manager, now=trial.tick())
    monitor, manager = client_of(trial.monitor), client_of(trial.manager)
    calls = reverse("dosing:calls", args=["trial"])
    answer = reverse("dosing:call_answer", args=["trial", MonitorCall.objects.get().pk])
    typed = typed_by(trial.monitor)
    data = {"answer": "PROCEED", "reason": "the signal is not his", **typed}

    assert "Answer" in monitor.get(calls).content.decode()
    assert "P-001" in manager.get(calls).content.decode()
    assert manager.get(answer).status_code == 403
    assert client_of(trial.crews[0].investigator).get(calls).status_code == 404
    wrong = send(monitor, answer, **{**data, "password": "no"})
    assert "signature_refused" in wrong.content.decode()
    assert send(monitor, answer, **data).status_code == 302

    assert "the signal is not his" in manager.get(calls).content.decode()
    assert MonitorCall.objects.get().answer == "PROCEED"


def test_list_of_calls_takes_the_same_statements_however_long(
    trial: Conduct, django_assert_num_queries: Any
) -> None:
    begin(client_of(trial.crews[0].investigator), trial)
    client = client_of(trial.monitor)
    calls = reverse("dosing:calls", args=["trial"])
    client.get(calls)
    counted = []
    for reason in ("first", "second", "third"):
        place_hold(
            trial.study,
            scope={"first": "STUDY", "second": "LEVEL", "third": "SITE"}[reason],
            level=trial.level(1) if reason == "second" else None,
            site=trial.crews[0].site if reason == "third" else None,
            reason=reason,
            by=trial.manager,
            now=trial.tick(),
        )
        with django_assert_num_queries(12) as asked:
            client.get(calls)
        counted.append(len(asked))

    assert MonitorCall.objects.count() == 3
    assert len(set(counted)) == 1


def test_leaving_is_entered_with_its_reason(trial: Conduct) -> None:
    client = client_of(trial.crews[0].investigator)

    blank = send(client, address("leave"), to="WITHDRAWN", reason=" ")
    entered = send(client, address("leave"), to="WITHDRAWN", reason="moved away")

    assert (blank.status_code, entered.status_code) == (422, 302)
    assert Participant.objects.get(screening_number="S-001").state == "WITHDRAWN"


@pytest.mark.parametrize("name", ["ld_begin", "leave", "cycle_begin", "follow_up_complete"])
def test_pages_are_for_the_sites_investigator(trial: Conduct, name: str) -> None:
    statuses = {
        who: client_of(user).get(address(name)).status_code for who, user in cast(trial).items()
    }

    assert statuses == {
        "manager": 403,
        "monitor": 403,
        "investigator": 200,
        "investigator elsewhere": 404,
        "pharmacist": 403,
        "pharmacist elsewhere": 404,
        "committee": 403,
        "auditor": 403,
        "superuser": 404,
        "stranger": 404,
        "revoked": 404,
    }
