"""The committee's pages: its home, a packet, the packet's files. Nothing here can be changed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_safe

from cohorts.queries import Viewer
from ntrust import clock
from ntrust.models import Study, User
from safety.actions.packet_files import ask_for_files
from safety.queries.committee import committee_studies, read_home
from safety.queries.packet_files import read_file, read_files
from safety.queries.packet_pages import PacketPage, read_packet_page
from safety.states import PacketForm
from safety.views.reviews import drawn_document, reader_of

_POLL_SECONDS: Final = 2
_AT_A_GLANCE: Final = 2
"""Sections of a packet that its home shows: the numbers, and what is new."""
_TYPES: Final = {
    PacketForm.PDF: "application/pdf",
    PacketForm.XLSX: "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    PacketForm.JSON: "application/json",
}


@require_safe
def choose_study(request: HttpRequest) -> HttpResponse:
    """The studies whose packets this person reads; straight to it where there is one."""
    assert isinstance(request.user, User)  # the log-in middleware lets nobody else through
    studies = committee_studies(request.user)
    if len(studies) == 1:
        return redirect("safety:committee", studies[0].key)
    return render(request, "safety/committee/studies.html", {"studies": studies})


@require_safe
def show_committee(request: HttpRequest, key: str) -> HttpResponse:
    """The latest packet at a glance, the earlier ones, decisions and holds."""
    viewer = reader_of(request, key)
    home = read_home(viewer)
    context: dict[str, Any] = {"study": viewer.study, "home": home, "as_of": clock.now()}
    if home.latest is not None:
        context |= packet_context(viewer, home.latest)
        document = context["document"]
        context["glance"] = document.sections[:_AT_A_GLANCE] if document else ()
    return render(request, "safety/committee/home.html", context)


@require_safe
def show_packet(request: HttpRequest, key: str, number: int) -> HttpResponse:
    """One packet, from the same document as its files."""
    viewer = reader_of(request, key)
    page = _page(viewer.study, number)
    context = {"study": viewer.study, "as_of": clock.now(), **packet_context(viewer, page)}
    return render(request, "safety/committee/packet.html", context)


@require_safe
def packet_progress(request: HttpRequest, key: str, number: int) -> HttpResponse:
    """How far the files are; the page that asks is told to come again once they are ready."""
    viewer = reader_of(request, key)
    page = _page(viewer.study, number)
    files = read_files(page, now=clock.now())
    context = {"study": viewer.study, "page": page, "files": files, "seconds": _POLL_SECONDS}
    answer = render(request, "safety/committee/files.html", context)
    if files.is_ready:
        answer["HX-Refresh"] = "true"
    return answer


def packet_context(viewer: Viewer, page: PacketPage) -> dict[str, Any]:
    """What a page needs to show a packet: the document, and how far its files are. Where they are
    owed, the worker is asked once more."""
    files = read_files(page, now=clock.now())
    is_asked = True
    if not (files.is_ready or files.is_moving) and page.content is not None:
        is_asked = ask_for_files(viewer.study, page.review)
    return {
        "page": page,
        "document": drawn_document(page),
        "files": files,
        "is_asked": is_asked,
        "seconds": _POLL_SECONDS,
    }


def packet_file(form: PacketForm) -> Callable[..., HttpResponse]:
    """The page that hands out one form of a packet."""

    @require_safe
    def download(request: HttpRequest, key: str, number: int) -> HttpResponse:
        viewer = reader_of(request, key)
        page = _page(viewer.study, number)
        content = read_file(page, form)
        if content is None:
            return redirect("safety:packet", key, number)
        study = (viewer.study.protocol_number or viewer.study.key).replace("/", "-")
        name = f"{study}-review-{number}.{form.lower()}"
        return HttpResponse(
            content,
            content_type=_TYPES[form],
            headers={
                "Content-Disposition": f'attachment; filename="{name}"',
                "Cache-Control": "no-store",
            },
        )

    return download


def _page(study: Study, number: int) -> PacketPage:
    page = read_packet_page(study, number)
    if page is None:
        raise Http404
    return page
