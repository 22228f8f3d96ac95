"""What every page of a study says of its holds, and the way to place one."""

from __future__ import annotations

from typing import Any

from django import template
from django.http import HttpRequest

from cohorts.queries.holds import Banner, read_banner
from ntrust.models import Study, User

register = template.Library()


@register.simple_tag(takes_context=True)
def hold_banner(context: dict[str, Any]) -> Banner | None:
    """For the person who looks at `study`; None without either."""
    request, study = context.get("request"), context.get("study")
    if not (isinstance(request, HttpRequest) and isinstance(study, Study)):
        return None
    return read_banner(request.user, study) if isinstance(request.user, User) else None
