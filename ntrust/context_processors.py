"""What every template may use."""

from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.utils import timezone


def service(request: HttpRequest) -> dict[str, Any]:
    """``is_training`` shows the banner; ``page_time`` is the "as of" in the header, in UTC."""
    return {"is_training": settings.NTRUST_MODE == "training", "page_time": timezone.now()}
