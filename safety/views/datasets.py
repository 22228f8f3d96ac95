"""A study's datasets as one file, of a locked cut or of the data as they are."""

from __future__ import annotations

import hashlib
from typing import Final

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.views.decorators.http import require_POST

from cohorts.engine import ENGINE_VERSION
from ntrust import clock
from ntrust.models import User
from safety.actions import TAKERS, DatasetFile, record_dataset_export
from safety.datasets import build_datasets
from safety.datasets.files import make_zip
from safety.models import DataCut
from safety.queries.data_sources import read_source
from safety.views.viewers import viewer_for

SYSTEM: Final = f"ntrust {ENGINE_VERSION}"


@require_POST
def export_datasets(request: HttpRequest, key: str, number: int | None = None) -> HttpResponse:
    """SDTM-like domains and the analysis set as a ZIP; that is an event.

    Refuses (403) everybody who does not take the whole study's data away.
    """
    viewer, now = viewer_for(request, key), clock.now()
    if not viewer.holds(TAKERS):
        raise PermissionDenied
    study, cut = viewer.study, None
    if number is not None:
        cut = DataCut.objects.filter(study=study, number=number).first()
        if cut is None:
            raise Http404
    assert isinstance(request.user, User)
    revision, cut_at = (cut.revision, cut.cut_at) if cut else (study.revision, now)
    source = read_source(study, revision=revision, cut_at=cut_at)
    made = make_zip(source, build_datasets(source), at=now, by=request.user.username, system=SYSTEM)
    file = DatasetFile(
        revision,
        cut,
        made.records,
        made.content_hash,
        hashlib.sha256(made.content).hexdigest(),
    )
    record_dataset_export(study, file=file, by=request.user, now=now)
    answer = HttpResponse(made.content, content_type="application/zip")
    name = f"datasets-{study.key}-r{revision}.zip"
    answer["Content-Disposition"] = f'attachment; filename="{name}"'
    return answer
