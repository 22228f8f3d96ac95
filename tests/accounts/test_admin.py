"""The administrator makes and closes accounts; nobody deletes one."""

import pytest
from django.test import Client

from ntrust.models import User

pytestmark = pytest.mark.django_db

LIST = "/admin/ntrust/user/"


@pytest.fixture
def administrator(client: Client) -> Client:
    """A browser of the person who runs the machine."""
    client.force_login(User.objects.create_superuser("root", "root@example.org"))
    return client


def test_administrator_makes_an_account(administrator: Client) -> None:
    form = {
        "username": "ana",
        "printed_name": "Ana Lima",
        "email": "ana@example.org",
        "usable_password": "true",
        "password1": "a new long password",
        "password2": "a new long password",
    }

    response = administrator.post(f"{LIST}add/", form)

    ana = User.objects.get(username="ana")
    assert response.status_code == 302
    assert ana.check_password("a new long password")
    assert (ana.printed_name, ana.is_staff, ana.is_demo) == ("Ana Lima", False, False)


@pytest.mark.parametrize("address", [LIST, f"{LIST}add/", f"{LIST}%d/change/", "/admin/"])
def test_administration_pages_open(administrator: Client, address: str) -> None:
    root = User.objects.get(username="root")
    where = address % root.pk if "%" in address else address

    assert administrator.get(where).status_code == 200


def test_account_is_never_deleted(administrator: Client) -> None:
    ana = User.objects.create_user("ana")

    response = administrator.post(f"{LIST}{ana.pk}/delete/", {"post": "yes"})

    assert response.status_code == 403
    assert User.objects.filter(username="ana").exists()


def test_short_password_is_refused(administrator: Client) -> None:
    form = {
        "username": "ana",
        "usable_password": "true",
        "password1": "sh0rt",
        "password2": "sh0rt",
    }

    assert administrator.post(f"{LIST}add/", form).status_code == 200
    assert not User.objects.filter(username="ana").exists()
