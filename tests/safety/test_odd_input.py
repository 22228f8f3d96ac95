"""Addresses and filters that nobody types are answered: not there, or ignored."""

from __future__ import annotations

import pytest
from django.test import Client

from safety.management.conduct import Conduct
from tests.factories import make_trial, open_level, shared_trial

pytestmark = pytest.mark.django_db


def build() -> Conduct:
    """A level open, nobody seated."""
    return open_level(make_trial())


_built, trial = shared_trial(build)


@pytest.mark.parametrize("odd", ["%00", "%F0%9F%A7%AC", "%25", "..", "9" * 30])
def test_odd_addresses_are_not_there(trial: Conduct, odd: str) -> None:
    client = Client(raise_request_exception=False)
    client.force_login(trial.manager)
    key = trial.study.key
    for address in (
        f"/studies/{key}/participants/{odd}/",
        f"/studies/{key}/participants/{odd}/event/",
        f"/studies/{key}/lots/{odd}/release/",
        f"/studies/{key}/sites/{odd}/suspend/",
        f"/studies/{key}/protocols/{odd}/",
        f"/studies/{key}/calls/{odd}/answer/",
        f"/studies/{key}/measurements/{odd}/correct/",
        f"/studies/{key}/deviations/{odd}/close/",
    ):
        assert client.get(address).status_code in (403, 404), address


@pytest.mark.parametrize("odd", ["%00", "9" * 5000, "-1", "%D9%A1", "NaN"])
def test_odd_filters_are_ignored(trial: Conduct, odd: str) -> None:
    client = Client(raise_request_exception=False)
    client.force_login(trial.manager)
    key = trial.study.key
    for address in (
        f"/studies/{key}/trail/?before={odd}",
        f"/studies/{key}/deviations/?site={odd}&state={odd}&kind={odd}&severity={odd}",
        f"/studies/{key}/trends/?measurement={odd}",
        f"/studies/{key}/protocols/A/changes/?since={odd}",
    ):
        assert client.get(address).status_code in (200, 404), address
