"""The addresses of acts, found among those of their pages."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from django.urls import URLPattern, URLResolver, path

from ntrust.acts import Act
from ntrust.api.endpoints import ActEndpoint


def act_routes(pages: Iterable[URLPattern | URLResolver], before: str = "") -> Iterator[URLPattern]:
    """An endpoint for each act among these pages, at the same address and with the same name."""
    for page in pages:
        address = f"{before}{page.pattern}"
        if isinstance(page, URLResolver):
            yield from act_routes(page.url_patterns, address)
            continue
        shown = getattr(page.callback, "view_class", None)
        if isinstance(shown, type) and issubclass(shown, Act):
            yield path(address, ActEndpoint.as_view(act_class=shown), name=page.name)
