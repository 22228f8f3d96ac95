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
        f"/studies/{key}/export/{odd}/csv/",
        f"/studies/{key}/export/participants/{odd}/",
        f"/manage/records/cohorts/participant/{odd}/change/",
        f"/manage/records/cohorts/participant/export/{odd}/",
    ):
        assert client.get(address).status_code in (403, 404, 405), address


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
        f"/studies/{key}/participants/?site={odd}&disease={odd}&stage={odd}",
        f"/manage/{key}/calendar/?from={odd}",
        f"/manage/{key}/look-ahead/?cohorts={odd}",
        f"/manage/{key}/design/?rate_1={odd}&rate_2=0.1&rate_3=0.1",
        f"/manage/records/cohorts/participant/?state={odd}&site__code={odd}&study__key={odd}",
        f"/manage/records/cohorts/hold/?level__ordinal={odd}&state={odd}&site__code={odd}",
        f"/manage/records/safety/dltreport/?worklist={odd}&criterion={odd}",
    ):
        assert client.get(address).status_code in (200, 404), address
