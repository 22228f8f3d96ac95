"""Files, as their pages hand them out: a packet's, a decision's bundle, lists, audit and datasets.

What is taken away of participants' data is written down first: that is a POST, and needs a token
that may act. Filters stand in the address.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from django.http.response import HttpResponseBase
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request

from ntrust.api.errors import Unready
from ntrust.api.telling import Query, Told
from safety.actions.packet_files import ask_for_files
from safety.api.endpoints import StudyEndpoint
from safety.queries.audit import NAMES
from safety.queries.shown import FILTERS
from safety.states import PacketForm
from safety.views.alerts import export_noise
from safety.views.audit import export_audit
from safety.views.bundles import inspection_bundle
from safety.views.committee import packet_file
from safety.views.datasets import export_datasets
from safety.views.exports import export_list

_STUDY: Final = "studies/<slug:key>/"
_PACKET: Final = f"{_STUDY}packets/<int:number>/packet"


@dataclass(frozen=True)
class File:
    """An address of a file, what it is in words, and the page that hands it out. `media`: any,
    where the address says which form of several it is."""

    address: str
    name: str
    words: str
    page: Callable[..., HttpResponseBase]
    is_written_down: bool = True
    filters: tuple[str, ...] = ()
    media: str = "*/*"


class HandedOut(StudyEndpoint):
    """A file as its page hands it out. Refusals are JSON, whatever was asked for."""

    file: File = None  # type: ignore[assignment]

    def tell(self, method: str) -> Told:
        """The words of the file, and the filters that its page has."""
        asks = [
            Query(name, f"Only with this {name}.", {"type": "string"}, "")
            for name in self.file.filters
        ]
        return Told(
            summary=self.file.words.removesuffix("."),
            words="That it is taken is an event."
            if method == "POST"
            else "As its page hands it out.",
            answer={"type": "string", "format": "binary"},
            asks=asks,
            refuses=(409,),
            media=self.file.media,
            takes_key=False,
        )

    def perform_content_negotiation(self, request: Request, force: bool = False) -> Any:
        """The media type is the file's."""
        return JSONRenderer(), JSONRenderer.media_type

    def hand_out(self, request: Request, kwargs: dict[str, Any]) -> HttpResponseBase:
        """What the page answers. Refuses (409, `not_ready`) what is still being made."""
        viewer = self.viewer()
        answer = self.file.page(request._request, **kwargs)
        if answer.status_code == 302:
            ask_for_files(viewer.study, kwargs["number"])
            raise Unready(409, "not_ready", "The file is being made: ask again in a moment.")
        return answer


class FileEndpoint(HandedOut):
    """A file that is only read."""

    def get(self, request: Request, **kwargs: Any) -> HttpResponseBase:
        """The file, once it is made."""
        return self.hand_out(request, kwargs)


class TakenFileEndpoint(HandedOut):
    """A file of which it is written down who takes it."""

    def post(self, request: Request, **kwargs: Any) -> HttpResponseBase:
        """The file, once the event stands that it is taken; each time is an event of its own."""
        request._request.POST = request._request.GET
        return self.hand_out(request, kwargs)


FILES: Final = (
    *(
        File(
            f"{_PACKET}.{form.lower()}",
            f"packet_{form.lower()}",
            f"A packet as {form}.",
            packet_file(form),
            is_written_down=False,
        )
        for form in (PacketForm.PDF, PacketForm.XLSX, PacketForm.JSON)
    ),
    File(
        f"{_STUDY}decisions/<int:number>/bundle.zip",
        "inspection_bundle",
        "A decision with everything under it.",
        inspection_bundle,
        is_written_down=False,
        media="application/zip",
    ),
    File(
        f"{_STUDY}audit/<str:form>/",
        "export_audit",
        "The audit trail as csv or json.",
        export_audit,
        filters=NAMES,
    ),
    File(f"{_STUDY}noise/<str:form>/", "export_noise", "Alerts a person and week.", export_noise),
    File(
        f"{_STUDY}export/<slug:name>/<slug:form>/",
        "export_list",
        "A list as csv or xlsx, filtered as its page is.",
        export_list,
        filters=tuple(dict.fromkeys(name for names in FILTERS.values() for name in names)),
    ),
    File(
        f"{_STUDY}data/datasets/",
        "export_datasets",
        "The study's datasets as they are, as a ZIP.",
        export_datasets,
        media="application/zip",
    ),
    File(
        f"{_STUDY}data/<int:number>/datasets/",
        "export_cut_datasets",
        "The datasets of a locked cut, as a ZIP.",
        export_datasets,
        media="application/zip",
    ),
)
