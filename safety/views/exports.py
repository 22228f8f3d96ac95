"""The lists of a study's pages as files: what the page shows, of one's own site or of all."""

from __future__ import annotations

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest
from django.http.response import HttpResponseBase
from django.views.decorators.http import require_POST

from cohorts.queries.viewers import mask_for
from ntrust import clock
from ntrust.models import User
from safety.admin import record_list
from safety.exports import FORMS, send_sheet
from safety.queries.records import reading_of
from safety.queries.shown import shown_rows
from safety.views.viewers import viewer_for


@require_POST
def export_list(request: HttpRequest, key: str, name: str, form: str) -> HttpResponseBase:
    """A record list of this study as a file, filtered as its page is; that is an event.

    People bound to sites get the rows of those sites in which their role reads the list, with
    everybody else's numbers covered. Refuses (403) people who do not read the list.
    """
    viewer = viewer_for(request, key)
    one = record_list(name)
    if one is None or form not in FORMS:
        raise Http404
    assert isinstance(request.user, User)
    reading, study = reading_of(request.user), viewer.study
    rows, mask = one.rows_of([study.pk]), None
    asked: dict[str, str] = {}
    if study.pk not in reading.studies(name):
        sites = reading.sites(name, study.pk)
        if not sites:
            raise PermissionDenied
        rows = rows.filter(**{f"{one.site.replace('.', '__')}__in": sites})
        codes = study.sites.filter(pk__in=sites).order_by("code").values_list("code", flat=True)
        asked, mask = {"site": " ".join(codes)}, mask_for(viewer)
    shown = shown_rows(viewer, name, request.GET.dict(), now=clock.now())
    if shown is not None:
        rows = rows.filter(**{f"{shown.field}__in": shown.values})
        asked |= shown.asked
    sheet = one.sheet(rows, studies=(key,), by=request.user, asked=tuple(asked.items()), mask=mask)
    return send_sheet(request, sheet, form)
