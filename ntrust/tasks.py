"""Background work: each task calls one function."""

from __future__ import annotations

import structlog
from celery import shared_task

from ntrust import clock
from ntrust.actions import forget_keys as forget
from ntrust.actions import tell_of_outages as tell_outages
from ntrust.errors import Refused
from ntrust.notifications import deliver_due
from ntrust.notifications import make_digests as make
from ntrust.sealing import seal_history as seal
from ntrust.signing.locks import tell_of_locks as tell

logger = structlog.get_logger(__name__)


@shared_task(name="ntrust.tasks.deliver_notifications")
def deliver_notifications() -> int:
    """Send what is due. Runs after each change that tells somebody, and every 10 s by the beat."""
    return deliver_due(now=clock.now())


@shared_task(name="ntrust.tasks.make_digests")
def make_digests() -> int:
    """Make the digests whose hour has struck; how many. Every minute by the beat."""
    return make(now=clock.now())


@shared_task(name="ntrust.tasks.tell_of_outages")
def tell_of_outages() -> int:
    """Tell the studies concerned of channels that cannot send. Every minute by the beat."""
    return tell_outages(now=clock.now())


@shared_task(name="ntrust.tasks.seal_history")
def seal_history() -> int:
    """Seal what has been written since the last seal; how many rows. A refusal is an error line."""
    try:
        return seal().rows
    except Refused as refusal:
        logger.error("history not sealed", code=refusal.code, reason=refusal.sentence)
        return 0


@shared_task(name="ntrust.tasks.forget_keys")
def forget_keys() -> int:
    """Forget the keys of programs that are old enough; how many. Every hour by the beat."""
    return forget(now=clock.now())


@shared_task(name="ntrust.tasks.tell_of_locks")
def tell_of_locks() -> int:
    """Tell the owners of locked accounts, and the administrators. Every minute by the beat."""
    return tell(now=clock.now())
