"""Every address × method × person is answered as its row in rows.txt says."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from pytest_django import DjangoDbBlocker

from safety.management.conduct import Conduct
from tests.access.places import build
from tests.access.table import ROWS, faults, read_rows
from tests.access.tags import acts, ask_acts
from tests.access.walking import Walked, walk
from tests.factories import fingerprint, shared_trial

pytestmark = pytest.mark.django_db
_built, trial = shared_trial(build)

OUTSIDE = ("nobody", "superuser", "revoked", "of another study", "of another study, there")
ELSEWHERE = ("investigator elsewhere", "pharmacist elsewhere")
NOT_READ = {"/api/v1/studies/<key>/decisions/<number>/re-review/sign/"}
"""There is no re-review to sign in this trial."""
EXAMPLES = "GET /api/v1/schema/"
"""The description of the API has numbers that are nobody's."""


@pytest.fixture(scope="module")
def walked(_built: Conduct, django_db_blocker: DjangoDbBlocker) -> Iterator[Walked]:
    """Asked once for all tests here."""
    with django_db_blocker.unblock():
        yield walk(_built)


def test_everybody_is_answered_as_the_rows_say(walked: Walked) -> None:
    said = faults(read_rows(ROWS.read_text(encoding="utf-8")), walked.letters)

    assert said == [], "\n".join(said)


def test_who_is_outside_the_study_reads_no_number(walked: Walked) -> None:
    read = {
        who: numbers
        for who, numbers in walked.read.items()
        if who[0] in OUTSIDE and who[1] != EXAMPLES
    }

    assert read == {}


def test_another_site_reads_its_own_numbers_alone(walked: Walked) -> None:
    """Whatever page it is. The other site has one participant, S-004."""
    read = {
        who: numbers - {"P-004", "S-004"}
        for who, numbers in walked.read.items()
        if who[0] in ELSEWHERE and who[1] != EXAMPLES
    }

    assert {who: numbers for who, numbers in read.items() if numbers} == {}
    assert len(read) > 20


def test_act_that_does_not_say_what_was_read_is_refused(trial: Conduct, walked: Walked) -> None:
    """But for alerts. What is old is refused where its subject has changed: test_api_acts.py."""
    wanted, before = acts(alerts=False), fingerprint()

    said = ask_acts(trial, walked.people, wanted)

    assert fingerprint() == before
    assert {route.shown for route in wanted} - {one for one, _ in said} == NOT_READ
    assert set(said.values()) == {(428, "if_match_needed")}


def test_alert_never_waits_for_what_was_read(trial: Conduct, walked: Walked) -> None:
    wanted = acts(alerts=True)

    said = [*ask_acts(trial, walked.people, wanted).values()]
    old = [*ask_acts(trial, walked.people, wanted, If_Match='"0"').values()]

    assert said
    assert {status for status, _ in said + old} & {412, 428} == set()
