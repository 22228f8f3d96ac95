"""One listener a web process: hears hints from Redis and passes them on to the boards.

Before anybody is told anything, the database is asked, once for all of them, who still may hear.
The same happens every few seconds without a hint, so a board learns within that time of a role
that has ended, of a log-out, and of a hint that was lost. When Redis or the database cannot be
asked, all boards are hung up on: they ask for the revision by themselves and come back later.
"""

from __future__ import annotations

import asyncio
import contextvars
import time
import weakref
from collections.abc import Collection

import structlog
from django.conf import settings
from django.db import Error
from redis import RedisError
from redis import asyncio as redis
from redis.asyncio.client import PubSub

from ntrust.hints import Hint, channel, read_hint
from ntrust.live.watchers import Watcher, look

log = structlog.get_logger(__name__)

JOIN_SECONDS = 3.0
_hubs: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, Hub] = weakref.WeakKeyDictionary()


def hub_here() -> Hub:
    """The hub of this process; of this event loop, to be exact."""
    return _hubs.setdefault(asyncio.get_running_loop(), Hub())


class Hub:
    """Listens as long as somebody watches."""

    def __init__(self) -> None:
        self.watchers: set[Watcher] = set()
        self._task: asyncio.Task[None] | None = None
        self._subscribed = asyncio.Event()

    def count(self, user: int) -> int:
        """How many boards of one person are open here."""
        return sum(each.user == user for each in self.watchers)

    async def join(self, watcher: Watcher) -> bool:
        """Have a board told from now on, beginning with the present revision; False when nobody can
        tell it anything. The question comes after the subscription, so nothing falls between."""
        self.watchers.add(watcher)
        if self._task is None:
            # A task of its own: it outlives the request that began it, and inherits nothing of it.
            context = contextvars.Context()
            self._task = asyncio.get_running_loop().create_task(self._run(), context=context)
        try:
            await asyncio.wait_for(self._subscribed.wait(), JOIN_SECONDS)
        except TimeoutError:
            return False
        await self._pass_on({watcher})
        return True

    def leave(self, watcher: Watcher) -> None:
        """Forget a board; the last one to leave ends the listening."""
        self.watchers.discard(watcher)
        if not self.watchers and self._task is not None:
            self._task.cancel()

    async def _run(self) -> None:
        try:
            # No timeout to read with: silence is normal. Pings find a dead line.
            async with (
                redis.Redis.from_url(
                    settings.REDIS_URL, socket_connect_timeout=2, health_check_interval=5
                ) as line,
                line.pubsub(ignore_subscribe_messages=True) as ear,
            ):
                await ear.subscribe(channel())
                await self._listen(ear)
        except (RedisError, OSError, Error) as error:
            log.warning("live_hub_failed", error=type(error).__name__)
        finally:
            self._task = None
            self._subscribed.clear()
            for watcher in self.watchers:
                watcher.end()

    async def _listen(self, ear: PubSub) -> None:
        self._subscribed.set()
        next_beat = time.monotonic() + settings.LIVE_BEAT_SECONDS
        while True:
            patience = max(0.0, next_beat - time.monotonic())
            message = await ear.get_message(timeout=patience)
            if message is not None:
                hint = read_hint(message["data"])
                watching = [each for each in self.watchers if hint and each.study == hint.study]
                await self._pass_on(watching)
            if time.monotonic() >= next_beat:
                await self._pass_on(list(self.watchers))
                next_beat = time.monotonic() + settings.LIVE_BEAT_SECONDS

    async def _pass_on(self, watchers: Collection[Watcher]) -> None:
        """Tell those who may hear, and hang up on the others. The revision is the database's."""
        if not watchers:
            return
        revisions, allowed = await asyncio.to_thread(look, watchers)
        for watcher in watchers:
            if watcher in allowed:
                watcher.tell(Hint(watcher.study, revisions[watcher.study]))
            else:
                watcher.end()
