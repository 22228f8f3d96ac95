"""Addresses of a service in which something is broken."""

from django.http import HttpRequest, HttpResponse
from django.urls import include, path

handler500 = "ntrust.failures.show_failure"


def broken(request: HttpRequest) -> HttpResponse:
    """Fail with something that nobody may read."""
    raise RuntimeError("subject P-004")


broken.login_required = False  # type: ignore[attr-defined]
urlpatterns = [path("broken/", broken, name="healthz"), path("", include("ntrust.urls"))]
