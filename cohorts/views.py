"""Pages of the escalation, read-only: my studies, the ladder, the escalation path."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from cohorts.charts import draw_boundary, draw_path, draw_turns
from cohorts.models import ProtocolVersion
from cohorts.queries import (
    Viewer,
    escalation_path,
    ladder,
    may_read_deviations,
    may_read_overrides,
    may_read_queue,
    may_read_trail,
    read_deviations,
    read_forecast,
    read_overrides,
    read_queue,
    read_trail,
    studies_for,
    viewer_of,
)
from cohorts.queries.consents import may_read_consents, read_consents
from cohorts.queries.holds import list_holds
from cohorts.queries.impact import read_impact
from cohorts.queries.part_2 import read_part_2, read_rde_line
from cohorts.queries.protocols import (
    compare_with,
    find_version,
    list_versions,
    read_version,
    sees_impact,
)
from cohorts.queries.screening_log import may_read_screening, read_screening_log
from cohorts.queries.sites import may_read_sites, read_sites
from cohorts.queries.turns import read_turns
from ntrust import clock
from ntrust.charts import Chart
from ntrust.models import Study, User
from ntrust.states import StudyState


@require_GET
def my_studies(request: HttpRequest) -> HttpResponse:
    """The studies in which the person holds a role."""
    cards = studies_for(_user(request))
    return render(request, "cohorts/studies.html", {"cards": cards, "as_of": clock.now()})


@require_GET
def show_ladder(request: HttpRequest, key: str) -> HttpResponse:
    """The ladder of a study, with the recommendation and why nobody can be enrolled now."""
    viewer = _viewer(request, key)
    page = ladder(viewer.study, viewer=viewer, now=clock.now())
    rde = read_rde_line(viewer.study)
    return _render(request, "cohorts/ladder.html", viewer, page=page, rde=rde)


@require_GET
def show_path(request: HttpRequest, key: str) -> HttpResponse:
    """The escalation path as a chart, and the same facts as tables."""
    viewer = _viewer(request, key)
    page = escalation_path(viewer.study, viewer=viewer, now=clock.now())
    return _render(
        request,
        "cohorts/path.html",
        viewer,
        page=page,
        chart=draw_path(page),
        turns=_turns(viewer.study),
        rde=read_rde_line(viewer.study),
    )


def _turns(study: Study) -> Chart | None:
    """What can come next; only while the rules decide."""
    if study.state != StudyState.ESCALATING:
        return None
    return draw_turns(read_turns(study), of=study.protocol_number or study.key)


@require_GET
def show_part_2(request: HttpRequest, key: str) -> HttpResponse:
    """The RDE, the expansion cohorts, and where they stand to their toxicity boundary."""
    viewer = _viewer(request, key)
    page = read_part_2(viewer, now=clock.now())
    groups = [{"row": row, "chart": draw_boundary(row)} for row in page.groups]
    return _render(request, "cohorts/part_2.html", viewer, page=page, groups=groups)


@require_GET
def show_trail(request: HttpRequest, key: str) -> HttpResponse:
    """Everything that happened in a study, for auditors, managers and monitors."""
    viewer = _viewer(request, key)
    if not may_read_trail(viewer):
        raise PermissionDenied
    before = request.GET.get("before", "")
    is_number = before.isascii() and before.isdigit() and len(before) < 19
    trail = read_trail(viewer, before=int(before) if is_number else None)
    return _render(request, "cohorts/trail.html", viewer, trail=trail)


@require_GET
def show_deviations(request: HttpRequest, key: str) -> HttpResponse:
    """The log of protocol deviations, filtered; of their own site for people bound to one."""
    viewer = _viewer(request, key)
    if not may_read_deviations(viewer):
        raise Http404
    log = read_deviations(viewer, request.GET.dict())
    return _render(request, "cohorts/deviations.html", viewer, log=log, as_of=clock.now())


@require_GET
def show_protocols(request: HttpRequest, key: str) -> HttpResponse:
    """Every protocol version, for every member of the study."""
    viewer = _viewer(request, key)
    page = list_versions(viewer)
    return _render(request, "cohorts/protocols.html", viewer, page=page, as_of=clock.now())


@require_GET
def show_protocol(request: HttpRequest, key: str, label: str) -> HttpResponse:
    """One protocol version in full, what is illustrative marked."""
    viewer = _viewer(request, key)
    page = read_version(_version(viewer, label), viewer=viewer)
    return _render(request, "cohorts/protocol.html", viewer, page=page)


@require_GET
def show_protocol_changes(request: HttpRequest, key: str, label: str) -> HttpResponse:
    """A protocol version compared with another, field by field."""
    viewer = _viewer(request, key)
    page = compare_with(_version(viewer, label), other=request.GET.get("since", ""))
    if page is None:
        raise Http404
    return _render(request, "cohorts/protocol_changes.html", viewer, page=page)


@require_GET
def show_protocol_impact(request: HttpRequest, key: str, label: str) -> HttpResponse:
    """What would follow if a version came into force now; for those who see every site."""
    viewer = _viewer(request, key)
    version = _version(viewer, label)
    if not sees_impact(viewer):
        raise PermissionDenied
    now = clock.now()
    page = {"version": version, "impact": read_impact(version, now=now), "as_of": now}
    return _render(request, "cohorts/protocol_impact.html", viewer, **page)


@require_GET
def show_holds(request: HttpRequest, key: str) -> HttpResponse:
    """Holds in force and lifted, for every member of the study."""
    viewer = _viewer(request, key)
    page = list_holds(viewer)
    return _render(request, "cohorts/holds.html", viewer, page=page, as_of=clock.now())


@require_GET
def show_sites(request: HttpRequest, key: str) -> HttpResponse:
    """The sites of a study; their own for people bound to one."""
    viewer = _viewer(request, key)
    if not may_read_sites(viewer):
        raise PermissionDenied
    page = read_sites(viewer)
    return _render(request, "cohorts/sites.html", viewer, page=page, as_of=clock.now())


@require_GET
def show_consents(request: HttpRequest, key: str) -> HttpResponse:
    """Consent forms, and who has yet to consent again."""
    viewer = _viewer(request, key)
    if not may_read_consents(viewer):
        raise PermissionDenied
    page = read_consents(viewer)
    return _render(request, "cohorts/consents.html", viewer, page=page, as_of=clock.now())


@require_GET
def show_screening_log(request: HttpRequest, key: str) -> HttpResponse:
    """Who was screened, and which criteria kept people out; own site for people bound to one."""
    viewer = _viewer(request, key)
    if not may_read_screening(viewer):
        raise PermissionDenied
    log = read_screening_log(viewer)
    return _render(request, "cohorts/screening_log.html", viewer, log=log, as_of=clock.now())


def _version(viewer: Viewer, label: str) -> ProtocolVersion:
    version = find_version(viewer, label)
    if version is None:
        raise Http404
    return version


@require_GET
def show_queue(request: HttpRequest, key: str) -> HttpResponse:
    """Who waits for a seat, as far as this person may know, and when one will open."""
    viewer = _viewer(request, key)
    if not may_read_queue(viewer):
        raise Http404
    now = clock.now()
    page = {
        "queue": read_queue(viewer),
        "forecast": read_forecast(viewer, now=now),
        "as_of": now,
    }
    return _render(request, "cohorts/queue.html", viewer, **page)


@require_GET
def show_overrides(request: HttpRequest, key: str) -> HttpResponse:
    """Every time the queue was passed over, with its reason."""
    viewer = _viewer(request, key)
    if not may_read_overrides(viewer):
        raise Http404
    page = {"rows": read_overrides(viewer), "as_of": clock.now()}
    return _render(request, "cohorts/overrides.html", viewer, **page)


def _user(request: HttpRequest) -> User:
    assert isinstance(request.user, User)  # the log-in middleware lets nobody else through
    return request.user


def _render(request: HttpRequest, template: str, viewer: Viewer, **page: Any) -> HttpResponse:
    """A page of one study."""
    return render(request, template, {"study": viewer.study, **page})


def _viewer(request: HttpRequest, key: str) -> Viewer:
    """Who looks; the same 404 for a study that is not theirs and for one that is not."""
    viewer = viewer_of(_user(request), key)
    if viewer is None:
        raise Http404
    return viewer
