"""A real SMTP server on the loopback that can be told to refuse, to hang, or to hang up."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Iterator
from email import message_from_bytes
from email.message import Message

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

from local.guarded import free_port


class PostOffice:
    """What has arrived, and how the next message is treated."""

    def __init__(self) -> None:
        self.messages: list[Message] = []
        self.arrived_at: list[float] = []
        self.refuses = False
        self.hangs_up = 0
        """So many more messages are kept, and the line is cut before the answer."""
        self.is_hanging = False
        self.has_caller = threading.Event()

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        """Named by the library."""
        self.has_caller.set()
        while self.is_hanging:
            await asyncio.sleep(0.05)
        if self.refuses:
            return "451 try again later"
        assert isinstance(envelope.content, bytes)
        self.messages.append(message_from_bytes(envelope.content))
        self.arrived_at.append(time.time())
        if self.hangs_up:
            self.hangs_up -= 1
            server.transport.abort()
        return "250 OK"

    @property
    def ids(self) -> list[str]:
        return [str(message["X-Ntrust-Notification"]) for message in self.messages]

    @property
    def keys(self) -> list[str]:
        return [str(message["X-Ntrust-Key"]) for message in self.messages]


@pytest.fixture
def post_office() -> Iterator[tuple[PostOffice, int]]:
    """The office and its port."""
    office = PostOffice()
    controller = Controller(office, hostname="127.0.0.1", port=free_port())
    controller.start()
    try:
        yield office, controller.port
    finally:
        office.is_hanging = False
        controller.stop()


def wait_until(happened: Callable[[], bool], *, seconds: float = 20) -> None:
    """Fail when it has not happened in time."""
    give_up = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < give_up, "it did not happen in time"
        time.sleep(0.05)
