"""What every record list does: its rows, its columns, its files and its saved views; no writing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator
from functools import cached_property
from operator import attrgetter
from typing import Any, ClassVar, Final
from urllib.parse import parse_qsl, urlencode

from django.contrib import messages
from django.contrib.admin.options import IncorrectLookupParameters
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import (
    Http404,
    HttpRequest,
    HttpResponse,
    HttpResponseNotAllowed,
    HttpResponseRedirect,
    QueryDict,
)
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404
from django.urls import path, reverse
from unfold.admin import ModelAdmin
from unfold.views import ChangeList

from cohorts.queries.viewers import Mask
from ntrust import clock
from ntrust.errors import Refused
from ntrust.models import User
from safety.actions import delete_view, save_view
from safety.admin.columns import Column, heavy_of, joins_of
from safety.admin.site import reading
from safety.exports import FORMS, Sheet, send_sheet
from safety.models import SavedView
from safety.queries.records import list_views

_PAGING: Final = ("p", "all", "e")
_CHUNK: Final = 500


class RecordList(ChangeList):
    """A list whose rows lead to their own pages, where the actions are."""

    def url_for_result(self, result: Any) -> str:
        """The row's own page."""
        address: str = self.model_admin.page_of(result)
        return address


class RecordAdmin(ModelAdmin):
    """One record list, declared like a table.

    `name` is its name in addresses and in `RECORD_LISTS`, which says who reads it. `study` and
    `site` are the ways from a row to them. `page` is a row's own page: the name of an address, and
    the ways to what it is about, after the study.
    """

    name: ClassVar[str]
    title: ClassVar[str]
    columns: ClassVar[tuple[Column, ...]]
    page: ClassVar[tuple[str, ...]]
    study: ClassVar[str] = "study"
    site: ClassVar[str] = ""

    actions = None
    list_per_page = 50
    list_fullwidth = True
    list_filter_sheet = True
    show_full_result_count = False
    empty_value_display = "–"
    change_list_template = "safety/records/list.html"
    list_before_template = "safety/records/above.html"

    @cached_property
    def ways(self) -> tuple[str, ...]:
        """Every way that is gone from a row."""
        return (*(one.way for one in self.columns), f"{self.study}.key", *self.page[1:])

    def rows_of(self, studies: Collection[int]) -> QuerySet[Any]:
        """The rows of these studies with all that the columns say of them; one statement."""
        joins = joins_of(self.model, self.ways)
        rows = self.model._default_manager.filter(
            **{f"{self.study.replace('.', '__')}__in": studies}
        )
        rows = rows.select_related(*joins).defer(*heavy_of(self.model, joins, self.ways))
        return rows.order_by(*self.ordering)

    def sheet(  # noqa: PLR0913 - what a file says of itself
        self,
        rows: QuerySet[Any],
        *,
        studies: tuple[str, ...],
        by: User,
        asked: tuple[tuple[str, str], ...] = (),
        mask: Mask | None = None,
    ) -> Sheet:
        """These rows as a file; with `mask`, the numbers of people it hides are covered."""
        counted: Counter[str] = Counter()
        return Sheet(
            name=self.name,
            title=self.title,
            studies=studies,
            by=by,
            at=clock.now(),
            asked=asked,
            headings=tuple(column.heading for column in self.columns),
            rows=self._cells(rows, mask or Mask(None), counted),
            counted=counted,
        )

    def _cells(
        self, rows: QuerySet[Any], mask: Mask, counted: Counter[str]
    ) -> Iterator[tuple[Any, ...]]:
        key_of = attrgetter(f"{self.study}.key")
        for row in rows.iterator(chunk_size=_CHUNK):
            counted[key_of(row)] += 1
            cells = (column.value(row) for column in self.columns)
            yield tuple(mask.cover(one) if isinstance(one, str) else one for one in cells)

    def page_of(self, row: Any) -> str:
        """The address of a row's own page."""
        name, *ways = self.page
        key = attrgetter(f"{self.study}.key")(row)
        about = [attrgetter(way)(row) for way in ways]
        return reverse(name, args=[key, *about])

    def address_of(self, key: str) -> str:
        """The list, filtered to the study with that key."""
        return f"{reverse(self.addresses['changelist'])}?{self._study_asked}={key}"

    @property
    def _study_asked(self) -> str:
        return f"{self.study}.key".replace(".", "__")

    # What Django's lists ask for.

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """The rows of the studies of which this person reads this list; no others exist."""
        return self.rows_of(reading(request).studies(self.name))

    def get_list_display(self, request: HttpRequest) -> tuple[Column, ...]:
        """The columns."""
        return self.columns

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[RecordList]:
        """The list that leads to the rows' own pages."""
        return RecordList

    def lookup_allowed(self, lookup: str, value: Any, request: HttpRequest | None = None) -> bool:
        """Only what the list offers: its filters, and the years, months and days of its dates.
        Everything else could ask about what no column shows."""
        offered = {one.parameter_name for one in self.list_filter}
        dates = {f"{self.date_hierarchy}__{part}" for part in ("year", "month", "day")}
        return lookup in offered or lookup in dates

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Whether this person reads the list in any study."""
        return bool(reading(request).studies(self.name))

    def has_module_permission(self, request: HttpRequest) -> bool:
        """Whether the list is offered."""
        return self.has_view_permission(request)

    def has_add_permission(self, request: HttpRequest) -> bool:
        """No: rows are made by actions."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """No: rows are changed by actions, with a reason."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """No: rows stay."""
        return False

    def get_urls(self) -> list[Any]:
        """The list, its files and its views. The raw forms' addresses refuse."""
        names = f"{self.model._meta.app_label}_{self.model._meta.model_name}"
        pages: tuple[tuple[str, str, Any], ...] = (
            ("", "changelist", self.changelist_view),
            ("export/<slug:form>/", "export", self.export_list),
            ("views/", "save_view", self.save_list_view),
            ("views/<int:number>/delete/", "delete_view", self.delete_list_view),
            ("add/", "add", self.refuse),
            ("<str:object_id>/change/", "change", self.open_page),
            ("<str:object_id>/delete/", "delete", self.refuse),
            ("<str:object_id>/history/", "history", self.refuse),
        )
        wrap = self.admin_site.admin_view
        return [path(where, wrap(view), name=f"{names}_{word}") for where, word, view in pages]

    def refuse(self, request: HttpRequest, object_id: str = "") -> HttpResponse:
        """There is no raw form of a row."""
        raise PermissionDenied

    def open_page(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """From a row's number to its own page."""
        self._check(request)
        if not (object_id.isascii() and object_id.isdecimal() and len(object_id) < 16):
            raise Http404
        row = get_object_or_404(self.get_queryset(request), pk=int(object_id))
        return HttpResponseRedirect(self.page_of(row))

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """The list, with the views this person saved of it and its files."""
        assert isinstance(request.user, User)
        self._check(request)
        query = _filter_of(request.GET)
        more = {
            "title": self.title,
            "saved_views": list_views(request.user, self.name),
            "query": query,
            "forms": tuple(FORMS),
            "as_of": clock.now(),
            "addresses": self.addresses,
        }
        answer: HttpResponse = super().changelist_view(request, {**more, **(extra_context or {})})
        return answer

    @cached_property
    def addresses(self) -> dict[str, str]:
        """Names of this list's own addresses, for its templates."""
        names = f"{self.model._meta.app_label}_{self.model._meta.model_name}"
        words = ("changelist", "export", "save_view", "delete_view")
        return {word: f"records:{names}_{word}" for word in words}

    def export_list(self, request: HttpRequest, form: str) -> HttpResponseBase:
        """All rows of the filtered list as a file; that is an event."""
        assert isinstance(request.user, User)
        self._check(request)
        if form not in FORMS:
            raise Http404
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        asked = tuple(parse_qsl(_filter_of(request.GET)))
        try:
            rows = self.get_changelist_instance(request).get_queryset(request)
        except IncorrectLookupParameters as error:
            raise Http404 from error
        held = reading(request)
        keys = tuple(sorted(held.keys[study] for study in held.studies(self.name)))
        wanted = dict(asked).get(self._study_asked)
        studies = tuple(key for key in keys if wanted in (None, key))
        sheet = self.sheet(rows, studies=studies, by=request.user, asked=asked)
        return send_sheet(request, sheet, form)

    def save_list_view(self, request: HttpRequest) -> HttpResponse:
        """Keep the filter under a name, for oneself."""
        assert isinstance(request.user, User)
        self._check(request)
        if request.method != "POST":
            raise Http404
        query = _filter_of(QueryDict(request.POST.get("query", "")[:4000]))
        name = request.POST.get("name", "")
        try:
            view = save_view(self.name, name=name, query=query, by=request.user)
        except Refused as refusal:
            messages.error(request, refusal.sentence)
        else:
            messages.success(request, f"Saved as “{view}”.")
        return self._back(query)

    def delete_list_view(self, request: HttpRequest, number: int) -> HttpResponse:
        """Let go of one's own view; those of others are not there."""
        assert isinstance(request.user, User)
        self._check(request)
        own = SavedView.objects.filter(owner=request.user, record_list=self.name)
        view = get_object_or_404(own, pk=number)
        if request.method != "POST":
            raise Http404
        delete_view(view, by=request.user)
        messages.success(request, f"View “{view}” is deleted.")
        return self._back("")

    def _check(self, request: HttpRequest) -> None:
        if not self.has_view_permission(request):
            raise PermissionDenied

    def _back(self, query: str) -> HttpResponse:
        address = reverse(self.addresses["changelist"])
        return HttpResponseRedirect(f"{address}?{query}" if query else address)


def _filter_of(asked: QueryDict) -> str:
    """What somebody filters and orders by, as in an address, without the page they are on."""
    pairs = [(name, value) for name, value in asked.items() if name not in _PAGING and value]
    return urlencode(pairs)
