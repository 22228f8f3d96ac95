"""A person's own chat as it stands; where it leads is never read back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from cohorts.queries.words import HARM, PLAN, SETTLED, WAITING, Mark
from ntrust.models import Chat, Delivery, User
from ntrust.notifications import OPEN_FOR, allowed_services
from ntrust.states import DeliveryState

_MARKS: Final = {
    DeliveryState.PLANNED: ("waits to be sent", PLAN, "○"),
    DeliveryState.SENDING: ("being sent", WAITING, "◔"),
    DeliveryState.SENT: ("taken by the service", SETTLED, "●"),
    DeliveryState.FAILED: ("could not be sent", HARM, "▲"),
}


@dataclass(frozen=True)
class Message:
    """The last message to a chat. `why`: what kept it, in words."""

    what: str
    mark: Mark
    at: str
    why: str


@dataclass(frozen=True)
class OwnChat:
    """`service` is blank without one; `paused`: until when nothing is tried; `services`: those
    that may be chosen."""

    service: str
    is_allowed: bool
    services: tuple[str, ...]
    since: str
    paused: str
    last: Message | None


def read_chat(user: User) -> OwnChat:
    """A person's chat, with what became of its last message. Two statements."""
    row, services = Chat.objects.filter(user=user).first(), allowed_services()
    if row is None or not row.service:
        return OwnChat("", False, services, "", "", None)
    sent = row.deliveries.filter(planned_at__gte=row.changed_at).order_by("-id").first()
    paused = f"{row.opened_at + OPEN_FOR:%d-%b-%Y %H:%M} UTC" if row.opened_at else ""
    return OwnChat(
        service=row.service,
        is_allowed=row.service in services,
        services=services,
        since=f"{row.changed_at:%d-%b-%Y %H:%M} UTC",
        paused=paused,
        last=None if sent is None else _message(sent),
    )


def _message(row: Delivery) -> Message:
    return Message(
        what="alert" if row.notification_id else "test",
        mark=Mark(*_MARKS[DeliveryState(row.state)]),
        at=f"{row.sent_at or row.claimed_at or row.planned_at:%d-%b-%Y %H:%M} UTC",
        why=row.failure,
    )
