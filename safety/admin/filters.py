"""Filters of a record list: what the rows that this person may read say, and nothing else."""

from __future__ import annotations

from typing import Any

from django.contrib.admin import ModelAdmin, SimpleListFilter
from django.db import models
from django.db.models import Q, QuerySet
from django.http import HttpRequest

from safety.admin.columns import say, steps

_EMPTY = "-"


def among(title: str, way: str) -> type[SimpleListFilter]:
    """A filter by what lies at the end of a way ("participant.site.code"): each value that occurs
    in this person's rows. One statement."""
    path = way.replace(".", "__")

    class Among(SimpleListFilter):
        parameter_name = path

        def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
            values = (
                model_admin.get_queryset(request)
                .order_by(path)
                .values_list(path, flat=True)
                .distinct()
            )
            labels = _labels(model_admin, way)
            return [(_said(value), labels.get(value) or say(value) or "none") for value in values]

        def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
            asked = self.value()
            if asked is None:
                return queryset
            if asked == _EMPTY:
                return queryset.filter(_empty(queryset.model, way))
            if asked not in {value for value, _ in self.lookup_choices}:
                return queryset.none()
            return queryset.filter(**{path: asked})

        def has_output(self) -> bool:
            return bool(self.lookup_choices)

    Among.title = title
    return Among


def chosen(title: str, name: str, **choices: tuple[str, Q]) -> type[SimpleListFilter]:
    """A filter by conditions with words of their own: `open=("still open", Q(...))`."""

    class Chosen(SimpleListFilter):
        parameter_name = name

        def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
            return [(key, words) for key, (words, _) in choices.items()]

        def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
            asked = self.value()
            if asked is None:
                return queryset
            return queryset.filter(choices[asked][1]) if asked in choices else queryset.none()

    Chosen.title = title
    return Chosen


def _labels(model_admin: ModelAdmin[Any], way: str) -> dict[Any, str]:
    field = _field(model_admin.model, way)
    return {key: str(label) for key, label in getattr(field, "flatchoices", ())}


def _field(model: type[models.Model], way: str) -> Any:
    holder, name = steps(model, way)[-1]
    return holder._meta.get_field(name)


def _empty(model: type[models.Model], way: str) -> Q:
    path = way.replace(".", "__")
    is_text = isinstance(_field(model, way), models.CharField | models.TextField)
    return Q(**{f"{path}__isnull": True}) | (Q(**{path: ""}) if is_text else Q())


def _said(value: Any) -> str:
    return _EMPTY if value in (None, "") else str(value)
