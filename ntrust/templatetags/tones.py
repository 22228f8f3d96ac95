"""A document's text on a page: the colour that goes with a shape, and drawings."""

from __future__ import annotations

import re
from typing import Final

from django import template
from django.utils.html import conditional_escape, format_html_join
from django.utils.safestring import SafeString, mark_safe

register = template.Library()
_IN_ONE_PIECE: Final = re.compile(r"\b[A-Z]{1,3}\d{0,2}-\d{2,}\b|\b\d\d-[A-Z][a-z]{2}(?:-\d{4})?\b")
"""A participant's number, and a day."""
_TONES: Final = {"▲": "harm", "■": "harm", "◔": "waiting", "●": "settled"}


@register.filter
def tone(said: str) -> str:
    """The class of a text by the shape it begins with."""
    return _TONES.get(said[:1], "")


@register.filter
def unbroken(numbers: str) -> SafeString:
    """Numbers with commas between them, none of which breaks at its hyphen."""
    parts = ((one,) for one in numbers.split(", "))
    return format_html_join(", ", '<span class="unbroken">{}</span>', parts)


@register.filter
def whole(sentence: str) -> SafeString:
    """A sentence in which no participant's number and no date is broken at the end of a line."""
    text = str(conditional_escape(sentence))
    return mark_safe(  # nosec B308 # escaped in the line above
        _IN_ONE_PIECE.sub(lambda found: f'<span class="unbroken">{found[0]}</span>', text)
    )


@register.filter
def drawing(svg: str) -> SafeString:
    """A chart of a document, as the chart library wrote it and as it was hashed."""
    return mark_safe(svg)  # nosec B308 # made by the chart library, which escapes
