"""Every address of the service."""

from allauth.account.decorators import secure_admin_login
from django.contrib import admin
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import include, path

from ntrust.health import healthz, readyz

# One way in for everybody: the administration's own log-in form has no limits and no second step.
admin.site.login = secure_admin_login(admin.site.login)  # type: ignore[method-assign]


def not_offered(request: HttpRequest) -> HttpResponse:
    """Close a page of allauth: accounts and their addresses belong to the administrator."""
    raise Http404


urlpatterns = [
    path("", include("cohorts.urls")),
    path("", include("dosing.urls")),
    path("", include("safety.urls")),
    path("healthz", healthz, name="healthz"),
    path("readyz", readyz, name="readyz"),
    path("accounts/signup/", not_offered),
    path("accounts/email/", not_offered),
    path("accounts/password/set/", not_offered),
    path("accounts/", include("allauth.urls")),
    path("admin/", admin.site.urls),
]
