"""Every address that the resolver knows, as a pattern to be filled in."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from django.urls import URLPattern, URLResolver
from django.utils.regex_helper import normalize

_VARIABLE = re.compile(r"%\((\w+)\)s")


@dataclass(frozen=True)
class Route:
    """One pattern: its name with namespaces, and its address with `%(name)s` for each variable.

    `kinds`: the converter of each variable that has one.
    """

    name: str
    template: str
    kinds: Mapping[str, Any]
    view: Any

    @property
    def asked(self) -> tuple[tuple[str, str], ...]:
        """Each variable with the part of the address before it."""
        parts = self.template.split("/")
        before = ["", *(_VARIABLE.sub(r"\1", part) for part in parts)]
        return tuple(
            (word, name)
            for word, part in zip(before, parts, strict=False)
            for name in _VARIABLE.findall(part)
        )

    @property
    def shown(self) -> str:
        """The address as a reader of the table sees it: `<name>` for each variable."""
        return _VARIABLE.sub(r"<\1>", self.template)

    def fill(self, values: Mapping[str, str]) -> str:
        """The address with these values in place of its variables."""
        return self.template % values


def routes(resolver: URLResolver, before: str = "/", space: str = "") -> Iterator[Route]:
    """Every pattern under a resolver, in the order in which it tries them."""
    for each in resolver.url_patterns:
        template = before + normalize(each.pattern.regex.pattern)[0][0]
        if isinstance(each, URLResolver):
            inner = f"{space}{each.namespace}:" if each.namespace else space
            yield from routes(each, template, inner)
        elif isinstance(each, URLPattern):
            kinds = each.pattern.converters
            yield Route(f"{space}{each.name or template[1:]}", template, kinds, each.callback)
