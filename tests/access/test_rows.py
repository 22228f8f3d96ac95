"""Every address × method × person is answered as its row in rows.txt says."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from pytest_django import DjangoDbBlocker

from safety.management.conduct import Conduct
from tests.access.places import build
from tests.access.table import ROWS, faults, read_rows
from tests.access.walking import Walked, walk
from tests.factories import shared_trial

pytestmark = pytest.mark.django_db
_built, trial = shared_trial(build)

OUTSIDE = ("nobody", "superuser", "revoked", "of another study", "of another study, there")
ELSEWHERE = ("investigator elsewhere", "pharmacist elsewhere")
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
