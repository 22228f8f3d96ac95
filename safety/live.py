"""Parts of pages that open boards fetch again, each rendered for one scope and kept for a minute.

A panel is made from the study and the viewer alone: the template is given no request and no person,
so that two people with the same roles at the same sites read the same, and may share it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django.utils.html import format_html
from django.utils.safestring import mark_safe
from django.views.decorators.http import require_GET

from cohorts.queries import Viewer, ladder, viewer_of
from cohorts.queries.holds import banner_for
from cohorts.queries.part_2 import read_rde_line
from ntrust import clock
from ntrust.fragments import fragment
from ntrust.models import User
from ntrust.standing import KEPT
from safety.queries.site_home import may_open_site, read_site_home
from safety.queries.today import may_read_today, read_today


@dataclass(frozen=True)
class Panel:
    """A part of a page: its template, what it shows, and whether a viewer may read it."""

    template: str
    read: Callable[[Viewer, datetime], dict[str, Any]]
    may_read: Callable[[Viewer], bool] = lambda viewer: True


def _ladder(viewer: Viewer, now: datetime) -> dict[str, Any]:
    page = ladder(viewer.study, viewer=viewer, now=now)
    return {"page": page, "rde": read_rde_line(viewer.study)}


def _today(viewer: Viewer, now: datetime) -> dict[str, Any]:
    return {**_ladder(viewer, now), "today": read_today(viewer, now=now)}


def _holds(viewer: Viewer, now: datetime) -> dict[str, Any]:
    return {"banner": banner_for(viewer)}


def _site(viewer: Viewer, now: datetime) -> dict[str, Any]:
    return {"home": read_site_home(viewer, now=now), "as_of": now}


PART = '<div data-part="{}">{}</div>'
PANELS = {
    "ladder": Panel("cohorts/ladder_body.html", _ladder),
    "today": Panel("safety/manage/today_body.html", _today, may_read_today),
    "site": Panel("safety/site/home_body.html", _site, may_open_site),
    "holds": Panel("cohorts/hold_banner.html", _holds),
}


@require_GET
def show_parts(request: HttpRequest, key: str, names: str) -> HttpResponse:
    """The panels with these names, between commas, as this person may read them: a board asks for
    all of its own at once. With them comes what is wrong with the queue, if anything is. 404 for a
    study or a panel that is not theirs.

    Who looks is asked first, each time; only then is a kept panel looked for.
    """
    assert isinstance(request.user, User)  # the log-in middleware lets nobody else through
    viewer = viewer_of(request.user, key)
    wanted = names.split(",")
    if viewer is None or len(wanted) != len(set(wanted)):
        raise Http404
    now = clock.now()
    news = KEPT.read(now, settings.QUEUE_NEWS_SECONDS)
    parts = [format_html(PART, name, mark_safe(_part(viewer, name, now))) for name in wanted]  # nosec B308 # rendered by templates, which escape
    if news:
        said = render_to_string("queue_news.html", {"news": news})
        parts.append(format_html(PART, "queue", mark_safe(said)))  # nosec B308 # as above
    return HttpResponse("".join(parts))


def _part(viewer: Viewer, name: str, now: datetime) -> str:
    panel = PANELS.get(name)
    if panel is None or not panel.may_read(viewer):
        raise Http404
    return render_panel(viewer, name, now=now)


def render_panel(viewer: Viewer, name: str, *, now: datetime) -> str:
    """A panel at the study's revision and this minute, as kept for this scope or made anew."""
    panel = PANELS[name]

    def render() -> str:
        return render_to_string(panel.template, {"study": viewer.study, **panel.read(viewer, now)})

    return fragment(scope_of(viewer) | {"panel": name, "minute": f"{now:%Y-%m-%dT%H:%M}"}, render)


def scope_of(viewer: Viewer) -> dict[str, Any]:
    """Everything of a viewer that a panel can depend on: the study as it is, roles, and sites."""
    return {
        "study": viewer.study.pk,
        "revision": viewer.study.revision,
        "state": viewer.study.state,
        "roles": sorted(viewer.roles),
        "sees_every_site": viewer.sees_every_site,
        "sites": sorted(viewer.site_ids),
        "investigates": sorted(viewer.investigates),
    }
