"""Alerts: planned with their event, sent after the commit, never lost."""

from ntrust.notifications.chats import allowed_services, check_chat, seal_chat
from ntrust.notifications.circuits import OPEN_FOR, OPENS_AFTER
from ntrust.notifications.composing import compose, compose_digest
from ntrust.notifications.delivering import (
    CLAIM_LASTS,
    FIRST_RETRY,
    MOST_ATTEMPTS,
    Undeliverable,
    deliver_due,
)
from ntrust.notifications.digests import DIGEST_HOUR, hours_of, last_struck, make_digests
from ntrust.notifications.links import Link, acknowledge_url, read_link
from ntrust.notifications.nudging import ask_worker, nudge
from ntrust.notifications.planning import plan_deliveries, plan_notifications
from ntrust.notifications.targets import check_target
from ntrust.notifications.webhooks import secret_of, sign

__all__ = [
    "CLAIM_LASTS",
    "DIGEST_HOUR",
    "FIRST_RETRY",
    "MOST_ATTEMPTS",
    "Link",
    "OPENS_AFTER",
    "OPEN_FOR",
    "Undeliverable",
    "acknowledge_url",
    "allowed_services",
    "ask_worker",
    "check_chat",
    "check_target",
    "compose",
    "compose_digest",
    "deliver_due",
    "hours_of",
    "last_struck",
    "make_digests",
    "nudge",
    "plan_deliveries",
    "plan_notifications",
    "read_link",
    "seal_chat",
    "secret_of",
    "sign",
]
