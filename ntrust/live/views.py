"""The live addresses of a study: the stream of hints, and the revision for those who ask."""

from __future__ import annotations

import random
import time
from collections.abc import AsyncIterator

from asgiref.sync import sync_to_async
from django.conf import settings
from django.db import connections
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.views.decorators.http import require_GET

from ntrust import clock
from ntrust.hints import Hint
from ntrust.live.hub import hub_here
from ntrust.live.watchers import Watcher, is_member
from ntrust.models import Study, User
from ntrust.standing import KEPT


@require_GET
async def stream(request: HttpRequest, key: str) -> HttpResponseBase:
    """Server-sent events: the study's revision now, after each change, and every few seconds.

    Each names the study and the revision and nothing else. 404 for a study that is not theirs; 429
    when this person has too many boards open here. Ends by itself after some minutes, when the
    log-in or the role has ended, and when the service cannot tell: the board comes back or asks.
    """
    user = request.user
    assert isinstance(user, User)  # the log-in middleware lets nobody else through
    if not await sync_to_async(is_member)(user.pk, key):
        raise Http404
    if hub_here().count(user.pk) >= settings.LIVE_BOARDS_A_PERSON:
        return HttpResponse("Too many boards are open.", status=429, content_type="text/plain")
    spread = random.uniform(0.8, 1)  # nosec B311 # so that boards do not come back together
    until = time.monotonic() + settings.LIVE_STREAM_SECONDS * spread
    watcher = Watcher(user.pk, request.session.session_key or "", key, until)
    answer = StreamingHttpResponse(_words(watcher), content_type="text/event-stream")
    answer["Cache-Control"] = "private, no-store"
    answer["X-Accel-Buffering"] = "no"
    return answer


async def _words(watcher: Watcher) -> AsyncIterator[bytes]:
    # The thread of this request has used the database; for minutes now it will not.
    await sync_to_async(connections.close_all)()
    hub = hub_here()
    try:
        if await hub.join(watcher):
            while hint := await watcher.wait():
                yield as_event(hint)
    finally:
        hub.leave(watcher)


def as_event(hint: Hint) -> bytes:
    """A hint as a server-sent event; its id is the revision."""
    return f"id: {hint.revision}\nevent: hint\ndata: {hint.as_json()}\n\n".encode()


@require_GET
def read_revision(request: HttpRequest, key: str) -> JsonResponse:
    """The study's revision, for boards that hear no hints, and what is wrong with the queue, if
    anything is: without Redis both are asked for here. 404 for a study that is not theirs."""
    user = request.user
    assert isinstance(user, User)
    if not is_member(user.pk, key):
        raise Http404
    revision = Study.objects.values_list("revision", flat=True).get(key=key)
    news = KEPT.read(clock.now(), settings.QUEUE_NEWS_SECONDS)
    said = {"news": news.sentence} if news else {}
    return JsonResponse({"study": key, "revision": revision, **said})
