"""Every address of the service asks who is there, except those in one list."""

from collections.abc import Iterator

import pytest
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.test import Client
from django.urls import URLResolver, get_resolver, path
from django.urls.converters import UUIDConverter
from rest_framework.permissions import AllowAny
from rest_framework.response import Response
from rest_framework.views import APIView

from tests.access.routes import routes

pytestmark = pytest.mark.django_db

UUID = "00000000-0000-0000-0000-000000000000"


def addresses(resolver: URLResolver) -> Iterator[tuple[str, str]]:
    """Each pattern under a resolver as (name, an address that it matches): 1 for each variable."""
    for route in routes(resolver):
        values = {
            name: UUID if isinstance(route.kinds.get(name), UUIDConverter) else "1"
            for _, name in route.asked
        }
        yield route.name, route.fill(values)


def answers_anonymously(client: Client, address: str) -> bool:
    """Whether an address gives something to a visitor who has not logged in."""
    response = client.get(address)
    if response.status_code in (401, 403):
        return False
    login = f"/accounts/login/?next={address}"
    return not (response.status_code == 302 and response["Location"] == login)


def open_addresses(client: Client) -> dict[str, str]:
    """Every address that answers a visitor, by its name."""
    every = dict(addresses(get_resolver()))
    return {name: each for name, each in every.items() if answers_anonymously(client, each)}


def test_only_the_listed_addresses_answer_a_visitor(client: Client) -> None:
    assert set(open_addresses(client)) <= settings.LOGIN_EXEMPT_URL_NAMES


def test_every_exemption_is_an_address() -> None:
    names = {name for name, _ in addresses(get_resolver())}

    assert names >= settings.LOGIN_EXEMPT_URL_NAMES


def test_the_walk_reaches_the_deep_ends() -> None:
    found = dict(addresses(get_resolver()))

    assert len(found) > 40
    assert found["admin:ntrust_user_change"] == "/admin/ntrust/user/1/change/"
    assert found["account_reset_password_from_key"].startswith("/accounts/password/reset/key/")


def leak(request: HttpRequest) -> HttpResponse:
    """A page that somebody forgot to protect, and marked as needing no log-in."""
    return HttpResponse("a subject number")


leak.login_required = False  # type: ignore[attr-defined]


class OpenApi(APIView):
    """An API view that lets everybody in."""

    permission_classes = (AllowAny,)

    def get(self, request: HttpRequest) -> Response:
        """Answer everybody."""
        return Response({})


class ClosedApi(APIView):
    """An API view as they come."""

    def get(self, request: HttpRequest) -> Response:
        """Answer those who are logged in."""
        return Response({})


urlpatterns = [
    path("leak/", leak, name="leak"),
    path("api/open/", OpenApi.as_view(), name="open_api"),
    path("api/closed/", ClosedApi.as_view(), name="closed_api"),
    path("accounts/login/", leak, name="account_login"),
]


@pytest.mark.urls(__name__)
def test_the_walk_finds_an_open_api_and_the_mark_on_a_view_does_not_count(client: Client) -> None:
    assert set(open_addresses(client)) == {"open_api", "account_login"}
    assert client.get("/api/closed/").status_code == 401
