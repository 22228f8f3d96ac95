"""Starting and stopping programs that end with this process, whatever ends it."""

from __future__ import annotations

import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from local.accounts import Account
from local.paths import GUARD

# A guard needs at most grace + 1.5 s (harder) + 3 s (leftovers); nobody waits longer than this.
LONGEST_STOP = 9.5


class CannotRun(Exception):
    """Something on this machine is missing or broken; the text is one sentence with the fix."""


@dataclass(frozen=True)
class Stopping:
    """How a program is asked to stop, and how long it may take."""

    signal: str = "TERM"
    harder: str = ""
    grace: float = 4.0
    remove: Path | None = None


@dataclass
class Guarded:
    """A running program below its guard (`local/guard.py`)."""

    name: str
    process: subprocess.Popen[bytes] = field(repr=False)

    def is_running(self) -> bool:
        """True until the program has ended."""
        return self.process.poll() is None

    def stop(self) -> int:
        """Ask the program to end, wait for it, answer its exit status."""
        if self.process.stdin and not self.process.stdin.closed:
            self.process.stdin.close()
        try:
            return self.process.wait(LONGEST_STOP)
        except subprocess.TimeoutExpired:
            self.process.kill()
            return self.process.wait()


def start_guarded(
    name: str,
    command: Sequence[str],
    *,
    output: int | IO[bytes] | None,
    stopping: Stopping = Stopping(),
    account: Account | None = None,
    cwd: Path | str = "/",
    env: Mapping[str, str] | None = None,
    pass_fds: Sequence[int] = (),
) -> Guarded:
    """Start a program under a guard. ``output`` takes both its streams (None: as ours)."""
    guard = [sys.executable, "-I", "-S", str(GUARD)]
    guard += ["--stop", stopping.signal, "--grace", str(stopping.grace)]
    guard += ["--harder", stopping.harder] if stopping.harder else []
    guard += ["--remove", str(stopping.remove)] if stopping.remove else []
    guard += ["--account", f"{account.uid}:{account.gid}"] if account else []
    process = subprocess.Popen(
        [*guard, "--", *command],
        stdin=subprocess.PIPE,
        stdout=output,
        stderr=subprocess.STDOUT if output is not None else None,
        cwd=cwd,
        env=None if env is None else dict(env),
        pass_fds=tuple(pass_fds),
        start_new_session=True,
    )
    return Guarded(name, process)


def free_port() -> int:
    """A port of the loopback nobody listens on just now; another may still take it first."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
