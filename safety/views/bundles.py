"""The inspection bundle of a decision, to take away."""

from __future__ import annotations

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.views.decorators.http import require_GET

from cohorts.models import Decision
from cohorts.queries import may_inspect, viewer_of
from ntrust.models import User
from safety.bundles import bundle_name, bundle_parts, write_bundle


@require_GET
def inspection_bundle(request: HttpRequest, key: str, number: int) -> HttpResponse:
    """For managers, monitors and auditors. No page of it is kept anywhere on the way."""
    assert isinstance(request.user, User)  # the log-in middleware lets nobody else through
    viewer = viewer_of(request.user, key)
    if viewer is None:
        raise Http404
    if not may_inspect(viewer):
        raise PermissionDenied
    decision = (
        Decision.objects.filter(study=viewer.study, number=number)
        .select_related("study", "recommendation", "manager_signature", "monitor_signature")
        .first()
    )
    if decision is None:
        raise Http404
    content = write_bundle(bundle_parts(decision))
    return HttpResponse(
        content,
        content_type="application/zip",
        headers={
            "Content-Disposition": f'attachment; filename="{bundle_name(decision)}"',
            "Cache-Control": "no-store",
        },
    )
