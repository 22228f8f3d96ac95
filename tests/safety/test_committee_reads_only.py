"""Whoever reads for the committee changes nothing: every address, every method.

The addresses come from the resolver, so one that is new is tried without a row here.
"""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from django.urls import get_resolver

from ntrust import clock
from ntrust.models import Event, Study
from ntrust.states import Role
from safety.management.conduct import Conduct, enlist
from tests.accounts.test_login_required import addresses as every_address
from tests.everything import build_everything
from tests.factories import PASSWORD, fingerprint, shared_trial
from tests.safety.test_odd_forms import addresses as trial_addresses

pytestmark = pytest.mark.django_db

_built, trial = shared_trial(build_everything)
UNSAFE = ("POST", "PUT", "PATCH", "DELETE")
EXEMPT = (
    "/accounts/",
    "/admin/logout/",
    "/api/",
    "/manage/records/login/",
    "/manage/records/logout/",
)
"""Sign-in, second factor, sign-out and one's own password; nothing of a study. The API is tried
in test_api_acts.py."""
_LOG_INS = ("/accounts/login/", "/admin/login/")
REFUSED = (403, 404, 405)
"""405: nothing is written there by anybody; 404: it is not there for this person."""


@pytest.fixture(autouse=True)
def _now(trial: Conduct, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock, "now", lambda: trial.now)


def committee(trial: Conduct) -> Client:
    client = Client(raise_request_exception=False)
    common: dict[str, Any] = {"study": trial.study, "password": PASSWORD, "now": trial.now}
    client.force_login(enlist("committee-reader", role=Role.COMMITTEE, **common))
    return client


def every_one(trial: Conduct) -> set[str]:
    """About the trial's own rows, and with 1 for whatever an address asks for."""
    found = {*trial_addresses(trial), *(address for _, address in every_address(get_resolver()))}
    return {address for address in found if not address.startswith(EXEMPT)}


def is_shut(method: str, address: str, answer: Any) -> bool:
    """Whether a request was refused; the administration asks for somebody else's log-in."""
    if address.startswith("/admin/") and answer.status_code == 302:
        return str(answer["Location"]).startswith(_LOG_INS)
    return answer.status_code in REFUSED


def test_every_unsafe_method_of_every_address_is_refused_and_writes_nothing(
    trial: Conduct,
) -> None:
    client, before = committee(trial), fingerprint()
    revision, events = Study.objects.get(pk=trial.study.pk).revision, Event.objects.count()
    tried = sorted(every_one(trial))

    answers = {
        (method, address): client.generic(
            method, address, "reason=because&revision=0", "application/x-www-form-urlencoded"
        )
        for address in tried
        for method in UNSAFE
    }

    assert len(tried) > 120
    assert {
        what: str(answer) for what, answer in answers.items() if not is_shut(*what, answer)
    } == {}
    assert fingerprint() == before
    assert Study.objects.get(pk=trial.study.pk).revision == revision
    assert Event.objects.count() == events


def test_every_act_on_the_study_answers_403(trial: Conduct) -> None:
    """An address that takes a POST from others says that this person may not, where this person
    knows that it is there."""
    client = committee(trial)
    manager = Client(raise_request_exception=False)
    manager.force_login(trial.manager)
    acts = [
        address
        for address in sorted(trial_addresses(trial))
        if not address.startswith(EXEMPT)
        and manager.get(address).status_code == 200
        and client.get(address).status_code != 404
        and client.post(address).status_code != 405
    ]

    assert len(acts) > 10
    assert {address: client.post(address).status_code for address in acts} == dict.fromkeys(
        acts, 403
    )


def test_reading_every_address_writes_nothing(trial: Conduct) -> None:
    client, before = committee(trial), fingerprint()

    codes = {address: client.get(address).status_code for address in sorted(trial_addresses(trial))}

    assert {address: code for address, code in codes.items() if code >= 500} == {}
    assert fingerprint() == before
