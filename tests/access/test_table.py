"""What the table must say, whatever the service does: rules over rows.txt that need no service."""

from __future__ import annotations

import re
from typing import Final

import pytest
from django.conf import settings

from tests.access.table import ROWS, Letters, faults, read_rows
from tests.access.walking import PEOPLE, every_route

LET_IN: Final = set("orx")
SHUT: Final = set(".-ml_")
ROUTES: Final = {route.shown: route for route in every_route()}
A_ROW: Final = re.compile(
    r"<(number|report|event|alert|superseding|infusion|dose|row|code|label|object_id)>"
)
OF_A_PERSON: Final = (
    "/participants/<number>/",
    "/events/<event>/",
    "/reports/<report>/",
    "/measurements/<number>/",
    "/medications/<number>/",
    "/queries/<number>/",
    "/verifications/<number>/",
    "/sent/<event>/",
)
"""In these, the first site's participants are asked about."""
THEIR_OWN: Final = ("/accounts/", "/acknowledge/", "/api/v1/preferences/", "/api/v1/inbox/")
"""Everybody's log-in, preferences and alerts; nothing of a study is written there."""
FILES_AND_VIEWS: Final = re.compile(
    r"/(audit|noise)/<form>/|/export/|/datasets/|/views/|/logout/|/undelivered/$"
)
"""A file that is taken is an event first; a saved view is one's own."""
NOBODY_GETS_IN: Final = {
    r"/manage/records/(.*/(add|delete|history)|autocomplete)/": "lists have no raw forms",
    r"/(manage/records|admin)/(r/<content_type_id>/<object_id>/|<url>)": "no other page is led to",
    r"/accounts/(signup|email|password/set)/": "accounts belong to the administrator",
    r"/accounts/2fa/(totp/deactivate|recovery-codes(/download)?)/": "nobody here has an app",
    r"/admin/(ntrust/(user|loginattempt|membership)/.*|autocomplete/)": "none is deleted",
    r"/manage/records/login/": "one logs in elsewhere",
    r"/metrics": "no token for it is set",
    r".*/decisions/<number>/re-review/sign/": "no re-review here: tests/safety/test_re_reviews.py",
}


@pytest.fixture(scope="module")
def rows() -> Letters:
    return read_rows(ROWS.read_text(encoding="utf-8"))


def of(letters: str, person: str) -> str:
    return letters[PEOPLE.index(person)]


def is_of_a_study(address: str) -> bool:
    """Whether a study's key stands in the address; the log-in's own addresses have other keys."""
    return "<key>" in address and not address.startswith("/accounts/")


def test_every_address_has_a_row_and_every_row_an_address(rows: Letters) -> None:
    """At once; what it answers, tests/access/test_rows.py says after some minutes."""
    unknown = dict.fromkeys(("GET", "POST"), "?" * len(PEOPLE))

    said = faults(rows, {address: rows.get(address, unknown) for address in ROUTES})

    assert said == [], "\n".join(said)


def test_every_row_has_a_letter_for_everybody(rows: Letters) -> None:
    bad = [one for one, row in rows.items() for each in row.values() if len(each) != len(PEOPLE)]

    assert bad == []
    assert len(rows) > 600


def test_visitor_is_sent_to_log_in(rows: Letters) -> None:
    """Except where an address is on the list of the settings, and where nothing is answered."""
    for address, row in rows.items():
        letters = {of(each, "nobody") for each in row.values()}
        if ROUTES[address].name not in settings.LOGIN_EXEMPT_URL_NAMES:
            assert letters == {"l"}, address


def test_who_is_in_no_role_of_the_study_finds_nothing_of_it(rows: Letters) -> None:
    """Nor does the machine's administrator; and a refusal does not say that it exists."""
    asked = [address for address in rows if is_of_a_study(address)]
    for address in asked:
        for person in ("superuser", "revoked", "of another study"):
            letters = {of(each, person) for each in rows[address].values()}
            assert letters <= {".", "m"}, f"{address}: {person} {letters}"

    assert len(asked) > 350


def test_a_row_of_this_study_is_not_in_another(rows: Letters) -> None:
    """With the key of one's own study and the number of a row of this one."""
    asked = [one for one in rows if is_of_a_study(one) and A_ROW.search(one)]
    for address in asked:
        letters = {of(each, "of another study, there") for each in rows[address].values()}
        assert letters <= {".", "m"}, f"{address}: {letters}"

    assert len(asked) > 240


def test_another_site_finds_nothing_of_a_participant(rows: Letters) -> None:
    asked = [one for one in rows if is_of_a_study(one) and any(part in one for part in OF_A_PERSON)]
    for address in asked:
        for person in ("investigator elsewhere", "pharmacist elsewhere"):
            letters = {of(each, person) for each in rows[address].values()}
            assert letters <= {".", "m"}, f"{address}: {person} {letters}"

    assert len(asked) > 150


@pytest.mark.parametrize("person", ["committee", "auditor"])
def test_who_only_reads_writes_nothing(rows: Letters, person: str) -> None:
    for address, row in rows.items():
        if address.startswith(THEIR_OWN) or FILES_AND_VIEWS.search(address):
            continue
        assert of(row["POST"], person) in SHUT, address


def test_committee_takes_no_file_and_no_view(rows: Letters) -> None:
    asked = [one for one in rows if FILES_AND_VIEWS.search(one) and not one.endswith("/logout/")]
    for address in asked:
        assert of(rows[address]["POST"], "committee") in SHUT, address

    assert len(asked) > 50


def test_somebody_gets_in_everywhere(rows: Letters) -> None:
    """A row in which everybody is refused would be right if the address were broken."""
    shut = [
        address
        for address, row in rows.items()
        if not set(row["GET"] + row["POST"]) & LET_IN
        and not any(re.fullmatch(pattern, address) for pattern in NOBODY_GETS_IN)
    ]

    assert shut == []


def test_no_address_of_ours_takes_another_method() -> None:
    """So the two columns are all there is; tests/safety/test_committee_reads_only.py sends them."""
    for route in ROUTES.values():
        view = getattr(route.view, "view_class", getattr(route.view, "cls", None))
        if view is not None and view.__module__.startswith(
            ("ntrust", "cohorts", "dosing", "safety")
        ):
            assert not {"put", "patch", "delete"} & set(dir(view)), route.shown


def test_faults_are_sentences(rows: Letters) -> None:
    one, other = list(rows)[:2]
    changed = {**rows, one: {**rows[one], "GET": "o" * len(PEOPLE)}, "/new/": rows[one]}
    del changed[other]

    said = faults(rows, changed)

    assert len(said) == 3
    assert said[0].startswith("/new/ has no row in tests/access/rows.txt: who may ask for it?")
    assert said[1].startswith(f"{other} has a row in tests/access/rows.txt, but there is no such")
    assert said[2].startswith(f"{one} answers otherwise than its row says:")
