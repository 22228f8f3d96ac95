"""What stands in an address that answers without a log-in cannot be guessed.

All other numbers in addresses may be: they are behind a log-in, and rows.txt says who finds what.
Webhooks go out only, and files are taken after a log-in; so there are two such addresses.
"""

from __future__ import annotations

import base64

import pytest
from allauth.account.forms import default_token_generator
from django.test import Client
from django.utils.http import int_to_base36

from ntrust.models import Notification, User
from ntrust.notifications.links import acknowledge_url, read_link
from ntrust.signing.tokens import new_secret
from tests.access.table import ROWS, read_rows
from tests.access.walking import PEOPLE

pytestmark = pytest.mark.django_db
LINK = "/acknowledge/<token>/"
RESET = "/accounts/password/reset/key/<uidb36>-<key>/"
LEAST_BITS = 128


def test_two_addresses_with_something_to_guess_answer_a_visitor() -> None:
    nobody = PEOPLE.index("nobody")
    public = {
        address
        for address, row in read_rows(ROWS.read_text(encoding="utf-8")).items()
        if "<" in address and {row["GET"][nobody], row["POST"][nobody]} & set("ox")
    }

    assert public == {LINK, RESET}


def test_link_of_a_mail_is_signed_with_256_bits() -> None:
    token = acknowledge_url(Notification(pk=7)).rstrip("/").rpartition("/")[2]
    said, _, signature = token.partition(".")

    assert len(base64.urlsafe_b64decode(signature + "=")) * 8 >= LEAST_BITS
    assert read_link(token) is not None
    for number in range(1, 50):
        other = f"{number}-{said.partition('-')[2]}"
        if other != said:
            assert read_link(f"{other}.{signature}") is None
    for position in range(len(signature) - 1):
        letter = "A" if signature[position] != "A" else "B"
        assert (
            read_link(f"{said}.{signature[:position]}{letter}{signature[position + 1 :]}") is None
        )


def test_link_that_resets_a_password_is_one_account_s_and_ends_with_its_use() -> None:
    user = User.objects.create_user("ana", "ana@example.org", "a long first password")
    other = User.objects.create_user("bo", "bo@example.org", "a long other password")
    key = default_token_generator.make_token(user)

    assert len(key.partition("-")[2]) * 4 >= LEAST_BITS
    assert default_token_generator.check_token(user, key)
    assert not default_token_generator.check_token(other, key)
    user.set_password("a long second password")
    assert not default_token_generator.check_token(user, key)


@pytest.mark.parametrize("key", ["1", "c0ffee-0123456789abcdef0123456789abcdef", "set-password"])
def test_guessed_key_of_a_password_sets_none(key: str) -> None:
    user = User.objects.create_user("ana", "ana@example.org", "a long first password")
    was, typed = user.password, "a password of somebody else"
    address = f"/accounts/password/reset/key/{int_to_base36(user.pk)}-{key}/"
    client = Client()

    shown = client.get(address, follow=True).content.decode()
    client.post(address, {"password1": typed, "password2": typed}, follow=True)

    assert 'name="password1"' not in shown
    assert User.objects.get(pk=user.pk).password == was


def test_secret_of_a_program_is_256_bits_of_chance() -> None:
    made = {new_secret() for _ in range(100)}

    assert len(made) == 100
    assert {len(one.removeprefix("ntrust_")) * 6 // 8 * 8 >= LEAST_BITS for one in made} == {True}
