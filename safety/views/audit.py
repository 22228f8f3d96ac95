"""The audit trail, its files, the study as known on a date, and the history of accounts."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.utils.http import urlencode
from django.views.decorators.http import require_GET, require_POST

from cohorts.queries import Viewer
from ntrust import clock
from ntrust.models import User
from ntrust.seals import last_seal
from safety.actions import record_audit_export
from safety.queries.accounts import may_read_accounts, read_accounts
from safety.queries.audit import (
    NAMES,
    audit_tables,
    every_row,
    field_names,
    may_read_audit,
    read_audit,
    read_filter,
    read_key,
)
from safety.queries.known import may_read_past, read_known, revision_asked
from safety.views.audit_files import FORMS, send, spool
from safety.views.viewers import viewer_for


@require_GET
def show_audit(request: HttpRequest, key: str) -> HttpResponse:
    """Every version of every clinical row; of their own site for investigators."""
    viewer = _reader(request, key)
    asked = read_filter(request.GET.dict())
    page = read_audit(viewer, asked, before=read_key(request.GET.get("before", "")))
    said = {name: request.GET.get(name, "") for name in NAMES}
    context = {
        "page": page,
        "asked": said,
        "filter": asked.said(),
        "older": urlencode({**{k: v for k, v in said.items() if v}, "before": page.older}),
        "tables": [(table.name, table.label) for table in audit_tables()],
        "fields": field_names(),
        "forms": FORMS,
        "seal": last_seal(),
        "as_of": clock.now(),
    }
    return _render(request, "safety/audit.html", viewer, **context)


@require_POST
def export_audit(request: HttpRequest, key: str, form: str) -> HttpResponseBase:
    """The same rows as a file, with its generation record; that is an event."""
    viewer = _reader(request, key)
    if form not in FORMS:
        raise Http404
    asked = read_filter(request.POST.dict())
    spooled = spool(every_row(viewer, asked), form)
    assert isinstance(request.user, User)
    record = record_audit_export(
        viewer.study,
        form=form,
        asked=asked.said(),
        rows=spooled.rows,
        sha256=spooled.sha256,
        by=request.user,
    )
    kind = "text/csv; charset=utf-8" if form == "csv" else "application/json"
    answer = StreamingHttpResponse(send(spooled, form, record), content_type=kind)
    vars(answer)["_resource_closers"].append(spooled.file.close)  # also when nobody reads it
    name = f"audit-{viewer.study.key}-{record['revision']}.{form}"
    answer["Content-Disposition"] = f'attachment; filename="{name}"'
    return answer


@require_GET
def show_known(request: HttpRequest, key: str) -> HttpResponse:
    """The study as it was known on a date or at a revision."""
    viewer = viewer_for(request, key)
    if not may_read_past(viewer):
        raise PermissionDenied
    asked = {name: request.GET.get(name, "").strip() for name in ("at", "revision")}
    revision = revision_asked(viewer.study, **asked)
    known = None if revision is None else read_known(viewer, revision)
    is_odd = known is None and any(asked.values())
    context: dict[str, Any] = {"known": known, "asked": asked, "is_odd": is_odd}
    return _render(request, "safety/known.html", viewer, **context, as_of=clock.now())


@require_GET
def show_accounts(request: HttpRequest, key: str) -> HttpResponse:
    """What happened to the accounts of the study's people."""
    viewer = viewer_for(request, key)
    if not may_read_accounts(viewer):
        raise PermissionDenied
    page = read_accounts(viewer, before=_moment(request.GET.get("before", "")))
    older = urlencode({"before": page.older.isoformat()}) if page.older else ""
    return _render(request, "safety/accounts.html", viewer, page=page, older=older)


def _moment(text: str) -> datetime | None:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment if moment.tzinfo else None


def _reader(request: HttpRequest, key: str) -> Viewer:
    viewer = viewer_for(request, key)
    if not may_read_audit(viewer):
        raise PermissionDenied
    return viewer


def _render(request: HttpRequest, template: str, viewer: Viewer, **page: Any) -> HttpResponse:
    context = {"study": viewer.study, "viewer": viewer, **page}
    return render(request, template, context)
