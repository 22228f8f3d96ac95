"""Who listens, and whether they still may: asked of the database, which is then let go of."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Collection
from dataclasses import dataclass, field

from django.contrib.sessions.models import Session
from django.db import connections
from django.utils import timezone

from ntrust.hints import Hint
from ntrust.models import Membership, Study


@dataclass(eq=False)
class Watcher:
    """One open board: who, on which log-in, at which study, until when at the latest.

    `last` is the hint it was given last; `due` the one it is still to be given.
    """

    user: int
    session: str
    study: str
    until: float
    due: Hint | None = None
    is_over: bool = False
    woken: asyncio.Event = field(default_factory=asyncio.Event)

    def tell(self, hint: Hint) -> None:
        """Have it told; of several that wait only the newest is."""
        self.due = hint
        self.woken.set()

    def end(self) -> None:
        """Have it hang up: it may not listen any more, or nobody can tell it anything."""
        self.is_over = True
        self.woken.set()

    async def wait(self) -> Hint | None:
        """The next hint; None when it is over."""
        await self.woken.wait()
        self.woken.clear()
        return None if self.is_over else self.due


def is_member(user: int, study: str) -> bool:
    """Whether a person holds a role in the study with that key."""
    return Membership.objects.filter(
        user_id=user, user__is_active=True, study__key=study, revoked_at__isnull=True
    ).exists()


def look(watchers: Collection[Watcher]) -> tuple[dict[str, int], set[Watcher]]:
    """The revisions of the studies, and who of the watchers may hear of them now.

    Three statements, however many watch; the connection is closed after them.
    """
    keys = {each.study for each in watchers}
    try:
        revisions = dict(Study.objects.filter(key__in=keys).values_list("key", "revision"))
        members = set(
            Membership.objects.filter(
                study__key__in=keys,
                user__in={each.user for each in watchers},
                user__is_active=True,
                revoked_at__isnull=True,
            ).values_list("user_id", "study__key")
        )
        sessions = set(
            Session.objects.filter(
                session_key__in={each.session for each in watchers},
                expire_date__gt=timezone.now(),
            ).values_list("session_key", flat=True)
        )
    finally:
        connections.close_all()
    moment = time.monotonic()
    allowed = {
        each
        for each in watchers
        if (each.user, each.study) in members and each.session in sessions and moment < each.until
    }
    return revisions, allowed
