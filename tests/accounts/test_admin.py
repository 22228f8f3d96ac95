"""The administrator makes and closes accounts; nobody deletes one."""

import pytest
from django.test import Client

from ntrust.actions import add_site, create_study
from ntrust.models import Membership, Site, Study, User
from ntrust.states import Role
from tests.factories import START

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


ROLES = "/admin/ntrust/membership/"


def asked(role: str, *, site: str = "") -> dict[str, object]:
    """The form of a role for an account that is made here, at a site named by its code."""
    person, _ = User.objects.get_or_create(username="someone")
    form: dict[str, object] = {"user": person.pk, "study": a_study("one").pk, "role": role}
    if site:
        owner = a_study(site[:3])
        row = Site.objects.filter(code=site).first()
        form["site"] = (row or add_site(owner, code=site, name=site, by=None, now=START)).pk
    return form


def a_study(key: str) -> Study:
    """The study with a key, made when there is none."""
    found = Study.objects.filter(key=key).first()
    return found or create_study(key, title=key, protocol_number=key, now=START)


def test_a_role_is_given_and_taken_back(administrator: Client) -> None:
    form = asked(Role.INVESTIGATOR, site="one-1")

    administrator.post(f"{ROLES}add/", form)
    administrator.post(f"{ROLES}add/", form)

    (row,) = Membership.objects.all()
    assert (row.user.username, row.role, row.granted_by and row.granted_by.username) == (
        "someone",
        Role.INVESTIGATOR,
        "root",
    )
    end = {"action": "take_back", "_selected_action": row.pk}
    first = administrator.post(ROLES, end, follow=True)
    second = administrator.post(ROLES, end, follow=True)

    row.refresh_from_db()
    assert row.revoked_at is not None
    assert row.revoked_by is not None
    assert "taken back" in first.content.decode()
    assert "already ended" in second.content.decode()


@pytest.mark.parametrize(
    ("role", "site", "sentence"),
    [
        (Role.INVESTIGATOR, "", "name the site"),
        (Role.STUDY_MANAGER, "one-1", "no site"),
        (Role.PHARMACIST, "two-1", "of another study"),
    ],
)
def test_a_role_that_does_not_fit_its_site_is_refused_in_words(
    administrator: Client, role: str, site: str, sentence: str
) -> None:
    page = administrator.post(f"{ROLES}add/", asked(role, site=site))

    assert page.status_code == 200
    assert sentence in page.content.decode()
    assert not Membership.objects.exists()


def test_a_closed_account_gets_no_role(administrator: Client) -> None:
    form = asked(Role.AUDITOR)
    User.objects.filter(username="someone").update(is_active=False)

    page = administrator.post(f"{ROLES}add/", form)

    assert "This account is closed" in page.content.decode()
    assert not Membership.objects.exists()


@pytest.mark.parametrize("verb", ["change", "delete"])
def test_a_role_is_neither_changed_nor_deleted(administrator: Client, verb: str) -> None:
    administrator.post(f"{ROLES}add/", asked(Role.AUDITOR))
    (row,) = Membership.objects.all()

    response = administrator.post(f"{ROLES}{row.pk}/{verb}/", {"role": Role.STUDY_MANAGER})

    assert response.status_code == 403
    assert Membership.objects.get().role == Role.AUDITOR


def test_nobody_but_the_administrator_gives_roles(client: Client) -> None:
    form = asked(Role.STUDY_MANAGER)
    someone = User.objects.get(username="someone")
    client.force_login(someone)

    response = client.post(f"{ROLES}add/", form)

    assert response.status_code == 302
    assert not Membership.objects.exists()
