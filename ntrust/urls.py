"""Every address of the service."""

from allauth.account.decorators import secure_admin_login
from django.contrib import admin
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import URLPattern, URLResolver, include, path

from ntrust.api.documents import DOCUMENTS
from ntrust.api.pages import list_operations, show_operation
from ntrust.api.routes import act_routes
from ntrust.health import healthz, readyz
from ntrust.live.views import read_revision, stream
from ntrust.metrics import metrics
from safety.admin import records
from safety.api import ADDRESSES
from safety.views.alerts import acknowledge_by_link

# One way in for everybody: the administration's own log-in form has no limits and no second step.
admin.site.login = secure_admin_login(admin.site.login)  # type: ignore[method-assign]


def not_offered(request: HttpRequest) -> HttpResponse:
    """Close a page of allauth: accounts and their addresses belong to the administrator."""
    raise Http404


handler400 = "ntrust.failures.show_unreadable"
handler403 = "ntrust.failures.show_forbidden"
handler404 = "ntrust.failures.show_missing"
handler500 = "ntrust.failures.show_failure"

_PAGES: list[URLPattern | URLResolver] = [
    path("", include("cohorts.urls")),
    path("", include("dosing.urls")),
    path("", include("safety.urls")),
]

urlpatterns = [
    path("live/<slug:key>/", stream, name="live"),
    path("live/<slug:key>/revision/", read_revision, name="live_revision"),
    path("manage/records/", records.urls),
    path("acknowledge/<str:token>/", acknowledge_by_link, name="acknowledge"),
    *_PAGES,
    path("api/v1/docs/", list_operations, name="api_docs"),
    path("api/v1/docs/<slug:operation>/", show_operation, name="api_operation"),
    path("api/v1/", include(([*act_routes(_PAGES), *ADDRESSES, *DOCUMENTS], "api"))),
    path("healthz", healthz, name="healthz"),
    path("readyz", readyz, name="readyz"),
    path("metrics", metrics, name="metrics"),
    path("accounts/signup/", not_offered),
    path("accounts/email/", not_offered),
    path("accounts/password/set/", not_offered),
    path("accounts/", include("allauth.urls")),
    path("admin/", admin.site.urls),
]
