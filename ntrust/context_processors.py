"""What every template may use."""

from functools import partial
from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.utils import timezone

from ntrust import clock
from ntrust.notifications.inboxes import count_open
from ntrust.standing import KEPT, QueueNews


def service(request: HttpRequest) -> dict[str, Any]:
    """``is_training`` shows the banner; ``page_time`` is the "as of" in the header, in UTC;
    ``live`` is how open pages follow their study, ``queue_news`` what is wrong with the queue,
    ``inbox_count`` what waits in the person's inbox."""
    user = request.user if hasattr(request, "user") else None
    return {
        "inbox_count": partial(count_open, user),
        "queue_news": _queue_news,
        "is_training": settings.NTRUST_MODE == "training",
        "page_time": timezone.now(),
        "live": {"stale": settings.LIVE_STALE_SECONDS, "poll": settings.LIVE_POLL_SECONDS},
    }


def _queue_news() -> QueueNews | None:
    """Asked for by the pages that say it, a few seconds old at most."""
    return KEPT.read(clock.now(), settings.QUEUE_NEWS_SECONDS)
