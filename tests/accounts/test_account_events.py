"""What happens to an account is kept, and nothing that was typed."""

import pytest
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.signals import authenticator_added, authenticator_removed, authenticator_reset
from allauth.mfa.totp.internal.auth import TOTP, generate_totp_secret
from django.contrib.auth.models import AnonymousUser
from django.contrib.auth.signals import user_logged_out
from django.db import DatabaseError
from django.test import Client

from ntrust.models import AccountEvent, User

pytestmark = pytest.mark.django_db


@pytest.fixture
def ana() -> User:
    """Somebody with an account and no rights."""
    return User.objects.create_user("ana", "ana@example.org", "correct horse battery")


def kinds(user: User) -> list[str]:
    return list(AccountEvent.objects.filter(user=user).values_list("kind", flat=True))


def test_logout_is_kept_with_its_request(client: Client, ana: User) -> None:
    client.force_login(ana)

    client.post("/accounts/logout/", headers={"X-Request-ID": "request-0001"})

    event = AccountEvent.objects.get()
    assert (event.user, event.kind, event.request) == (ana, "LOGGED_OUT", "request-0001")


def test_second_factors_and_recovery_codes_are_kept(ana: User) -> None:
    totp = TOTP.activate(ana, generate_totp_secret()).instance
    codes = RecoveryCodes.activate(ana).instance

    for signal, authenticator in (
        (authenticator_added, totp),
        (authenticator_added, codes),
        (authenticator_reset, codes),
        (authenticator_removed, totp),
    ):
        signal.send(sender=type(totp), request=None, user=ana, authenticator=authenticator)

    assert kinds(ana) == [
        "SECOND_FACTOR_ADDED",
        "RECOVERY_CODES_MADE",
        "RECOVERY_CODES_MADE",
        "SECOND_FACTOR_REMOVED",
    ]


def test_visitor_has_no_history() -> None:
    for nobody in (None, AnonymousUser()):
        user_logged_out.send(sender=User, request=None, user=nobody)

    assert not AccountEvent.objects.exists()


def test_account_event_stays(client: Client, ana: User) -> None:
    client.force_login(ana)
    client.post("/accounts/logout/")

    with pytest.raises(DatabaseError, match="Cannot update or delete"):
        AccountEvent.objects.all().delete()
