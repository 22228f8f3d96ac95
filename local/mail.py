"""A mail server that delivers nothing: every mail becomes an .eml file in `.data/mail`."""

from __future__ import annotations

import asyncio
import itertools
import os
import socket
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from aiosmtpd.smtp import SMTP, Envelope, Session


class Catcher:
    """Writes each mail it is handed to a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.numbers = itertools.count(1)

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:
        """Store one mail whole: a reader never sees half a file."""
        content = envelope.original_content or b""
        moment = datetime.now(UTC).strftime("%Y%m%dT%H%M%S.%f")
        path = self.folder / f"{moment}-{next(self.numbers):04}.eml"
        unfinished = path.with_suffix(".part")
        unfinished.write_bytes(content)
        os.replace(unfinished, path)
        return "250 Kept"


async def serve(descriptor: int, folder: Path) -> None:
    """Answer on a socket that is already bound, for ever."""
    catcher = Catcher(folder)
    loop = asyncio.get_running_loop()
    session: Callable[[], SMTP] = lambda: SMTP(catcher, hostname="localhost", loop=loop)  # noqa: E731
    server = await loop.create_server(session, sock=socket.socket(fileno=descriptor))
    await server.serve_forever()


if __name__ == "__main__":
    folder = Path(sys.argv[2])
    folder.mkdir(parents=True, exist_ok=True)
    asyncio.run(serve(int(sys.argv[1]), folder))
