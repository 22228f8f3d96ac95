"""Links to pages that a query names."""

from __future__ import annotations

from collections.abc import Iterable

from django import template
from django.urls import reverse

register = template.Library()


@register.simple_tag
def page_of(key: str, address: str, about: Iterable[str | int]) -> str:
    """The address of a page of the study `key`, by its name and what it is about."""
    return reverse(address, args=[key, *about])
