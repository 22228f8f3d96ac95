"""Staging, signing and withdrawing a take-over over HTTP; the legacy mark on every page."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from cohorts.models import Participant
from ntrust import clock
from ntrust.models import User
from safety.management.conduct import Conduct
from safety.models import TakeOver
from tests.factories import (
    cast,
    fingerprint,
    make_trial,
    open_level,
    run_cohort,
    shared_trial,
    typed_by,
)
from tests.safety.paper import Rows, as_workbook, beside, live, stage, take_over, write_down

pytestmark = pytest.mark.django_db


def one() -> Conduct:
    """1N conducted in one study; answers the other, in which nobody is."""
    trial = open_level(make_trial())
    run_cohort(trial, 1, "N")
    return beside(trial)


_built, trial = shared_trial(one)


@pytest.fixture
def rows(trial: Conduct) -> Rows:
    return write_down(live(trial).study)


@pytest.fixture(autouse=True)
def _at(trial: Conduct, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock, "now", trial.tick)


def log_in(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def get(client: Client, name: str, *more: str) -> Any:
    return client.get(reverse(f"safety:{name}", args=["empty", *more]))


def send(client: Client, name: str, **entered: Any) -> Any:
    page = get(client, name)
    hidden = dict(re.findall(r'type="hidden" name="(\w+)" value="(\w*)"', page.content.decode()))
    url = reverse(f"safety:{name}", args=["empty"])
    return client.post(url, {**hidden, **entered}, follow=True)


def workbook(rows: Rows) -> SimpleUploadedFile:
    return SimpleUploadedFile("paper.xlsx", as_workbook(rows))


def test_staged_signed_and_there(trial: Conduct, rows: Rows) -> None:
    manager, monitor = log_in(trial.manager), log_in(trial.monitor)

    staged = send(manager, "stage_take_over", workbook=workbook(rows)).content.decode()
    assert "staged, not signed" in staged
    assert TakeOver.objects.get().content_hash in staged
    first = send(monitor, "sign_take_over", **typed_by(trial.monitor)).content.decode()
    assert "Your signature is recorded." in first
    assert "Signed as medical monitor" in first
    assert not Participant.objects.filter(study=trial.study).exists()
    second = send(manager, "sign_take_over", **typed_by(trial.manager)).content.decode()

    assert "The trial is taken over." in second
    assert Participant.objects.get(study=trial.study).is_legacy
    person = get(manager, "participant", "S-001").content.decode()
    assert "legacy: taken over from paper" in person
    assert "▤ legacy" in get(manager, "participants").content.decode()
    for page in ("ladder", "path"):
        said = manager.get(reverse(f"cohorts:{page}", args=["empty"])).content.decode()
        assert "legacy" in said
        assert "taken on paper 05-Jan-2026 (minutes 1)" in said
        assert "nobody yet" not in said.partition("taken on paper")[2].partition("</li>")[0]
    assert get(manager, "sign_take_over").status_code == 404
    assert get(manager, "withdraw_take_over").status_code == 404


def test_page_has_a_link_for_those_who_sign(trial: Conduct) -> None:
    link = reverse("safety:take_over", args=["empty"])
    ladder = reverse("cohorts:ladder", args=["empty"])
    crew = trial.crews[0]

    shown = {
        user: link in log_in(user).get(ladder).content.decode()
        for user in (trial.manager, trial.monitor, crew.investigator, crew.pharmacist)
    }

    assert list(shown.values()) == [True, True, False, False]


def test_monitor_is_not_offered_to_stage_or_withdraw(trial: Conduct, rows: Rows) -> None:
    stage(trial, rows)
    page = get(log_in(trial.monitor), "take_over").content.decode()

    assert reverse("safety:sign_take_over", args=["empty"]) in page
    assert reverse("safety:stage_take_over", args=["empty"]) not in page
    assert reverse("safety:withdraw_take_over", args=["empty"]) not in page


@pytest.mark.parametrize(
    ("name", "allowed"),
    [
        ("stage_take_over", {"manager"}),
        ("sign_take_over", {"manager", "monitor"}),
        ("withdraw_take_over", {"manager"}),
    ],
)
def test_acts_are_for_their_owners(
    trial: Conduct, rows: Rows, name: str, allowed: set[str]
) -> None:
    stage(trial, rows)
    strangers = {"superuser", "stranger", "revoked"}

    answers = {who: get(log_in(user), name).status_code for who, user in cast(trial).items()}

    assert answers == {
        who: 200 if who in allowed else 404 if who in strangers else 403 for who in answers
    }


def test_refusals_are_shown_and_nothing_is_written(trial: Conduct, rows: Rows) -> None:
    manager = log_in(trial.manager)
    rows["participants"][0]["site"] = "<b>S7</b>"
    before = fingerprint()
    faulty = send(manager, "stage_take_over", workbook=workbook(rows))
    text = SimpleUploadedFile("paper.xlsx", b"no workbook")
    wrong = send(manager, "stage_take_over", workbook=text)
    nothing = send(manager, "stage_take_over")
    assert [one.status_code for one in (faulty, wrong, nothing)] == [409, 409, 422]
    assert "&lt;b&gt;S7&lt;/b&gt; is none of S1, S2." in faulty.content.decode()
    assert "bad_spreadsheet" in wrong.content.decode()
    assert fingerprint() == before

    rows["participants"][0]["site"] = "S1"
    stage(trial, rows)
    before = fingerprint()
    typed = typed_by(trial.manager)
    stale = send(manager, "sign_take_over", **typed, seen_hash="0" * 64)
    guess = send(manager, "sign_take_over", **{**typed, "password": "guess"})
    blank = send(manager, "withdraw_take_over", reason=" ")
    assert [one.status_code for one in (stale, guess, blank)] == [409, 409, 422]
    assert "stale_take_over" in stale.content.decode()
    assert "signature_refused" in guess.content.decode()
    assert fingerprint() == before


def test_withdrawn_one_says_why(trial: Conduct, rows: Rows) -> None:
    stage(trial, rows)

    page = send(log_in(trial.manager), "withdraw_take_over", reason="wrong <i>file</i>")

    assert "wrong &lt;i&gt;file&lt;/i&gt;" in page.content.decode()
    assert TakeOver.objects.get().state == "WITHDRAWN"


def test_other_sites_do_not_read_the_numbers_of_paper(trial: Conduct, rows: Rows) -> None:
    rows["decisions"][0]["reference"] = "minutes on P-001"
    take_over(trial, rows)
    client = log_in(trial.crews[1].investigator)

    assert get(client, "participant", "S-001").status_code == 404
    ladder = client.get(reverse("cohorts:ladder", args=["empty"])).content.decode()
    assert "minutes on a participant of another site" in ladder
    assert "P-001" not in ladder
