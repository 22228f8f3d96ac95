"""My studies leads each person to the page that is theirs."""

from __future__ import annotations

from functools import partial

import pytest

from safety.management.conduct import Conduct
from tests.everybody import everybody
from tests.factories import client_of, make_trial, shared_trial

pytestmark = pytest.mark.django_db

_built, trial = shared_trial(partial(make_trial, sites=2))


@pytest.mark.parametrize(
    ("who", "home"),
    [
        ("manager", "/manage/{}/"),
        ("monitor", "/manage/{}/"),
        ("auditor", "/manage/{}/"),
        ("investigator", "/site/{}/"),
        ("pharmacist", "/site/{}/"),
        ("committee", "/committee/{}/"),
        ("data monitor", "/studies/{}/"),
    ],
)
def test_card_of_a_study_opens_ones_own_home(trial: Conduct, who: str, home: str) -> None:
    client = client_of(everybody(trial)[who])
    address = home.format(trial.study.key)

    page = client.get("/").content.decode()

    assert f'<a href="{address}">' in page
    assert client.get(address).status_code == 200
