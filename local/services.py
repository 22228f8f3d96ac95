"""The servers of one checkout: started, found by others through `.data/services.env`, stopped.

`python3 -m local.services` runs them alone, without the web service, until Ctrl-C.
"""

from __future__ import annotations

import fcntl
import os
import secrets
import signal
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from local import bootstrap
from local.accounts import server_account
from local.folders import servers_home
from local.guarded import CannotRun, Guarded
from local.paths import DATA, make_data_folder, read_pairs, write_private
from local.postgres import Postgres, embedded_programs
from local.redis import Redis, embedded_program
from local.steps import say, step

# Everything a run starts inherits this lock, so that it is free only when all of it has ended.
LOCK_SECONDS = 20.0


@dataclass
class Services:
    """What the service connects to; starts only what the environment does not name."""

    data: Path
    running: list[Guarded] = field(default_factory=list)
    lock: int = -1

    def start(self) -> dict[str, str]:
        """Start what is needed, write `services.env`, answer its lines."""
        make_data_folder(self.data)
        self.lock = take_lock(self.data / "servers.lock")
        logs = self.data / "log"
        logs.mkdir(exist_ok=True)
        kept = read_pairs(self.data / "services.env")
        chosen = {
            "DATABASE_URL": os.environ.get("DATABASE_URL") or self._start_postgres(logs),
            "REDIS_URL": os.environ.get("REDIS_URL") or self._start_redis(logs),
            "SECRET_KEY": kept.get("SECRET_KEY") or secrets.token_urlsafe(64),
            "NTRUST_MODE": os.environ.get("NTRUST_MODE") or "training",
        }
        self.write(chosen)
        return chosen

    def write(self, chosen: dict[str, str]) -> None:
        """Tell `manage.py` in other terminals."""
        lines = "".join(f"{key}={value}\n" for key, value in chosen.items())
        write_private(self.data / "services.env", "# Written by `make up`.\n" + lines)

    def stop(self) -> None:
        """Stop in the reverse order of starting."""
        while self.running:
            server = self.running.pop()
            with step(f"Stopping {server.name}"):
                server.stop()

    def _start_postgres(self, logs: Path) -> str:
        account = server_account()
        home = servers_home(self.data, account)
        programs = embedded_programs(home, account)
        server = Postgres(home, logs / "postgres.log", account, programs, pass_fds=(self.lock,))
        with step("Starting PostgreSQL"):
            self.running.append(server.start())
        return server.url

    def _start_redis(self, logs: Path) -> str:
        account = server_account()
        home = servers_home(self.data, account)
        program = embedded_program(home, account)
        server = Redis(home, logs / "redis.log", account, program, pass_fds=(self.lock,))
        with step("Starting Redis"):
            self.running.append(server.start())
        return server.url


def take_lock(path: Path) -> int:
    """Wait until nothing of an earlier run is left; answers the lock's file descriptor."""
    lock = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    if try_lock(lock):
        return lock
    give_up = time.monotonic() + LOCK_SECONDS
    with step("Waiting for an earlier run to end"):
        while not try_lock(lock):
            if time.monotonic() > give_up:
                raise CannotRun(
                    "Servers of this checkout are still running: stop the `make up` (or "
                    "`python3 -m local.services`) that started them, then try again."
                )
            time.sleep(0.1)
    return lock


def try_lock(lock: int) -> bool:
    """Take the lock if it is free."""
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


class Ended(Exception):
    """Somebody asked the run to end."""


def end_on_signals() -> Callable[[], None]:
    """Turn the first SIGINT, SIGTERM or SIGHUP into Ended; call the answer to ignore later ones."""

    def end(number: int, _frame: object) -> None:
        ignore()
        raise Ended(signal.Signals(number).name)

    def ignore() -> None:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        if number != signal.SIGHUP or signal.getsignal(number) != signal.SIG_IGN:  # nohup
            signal.signal(number, end)
    return ignore


def main() -> int:
    """Run the servers until Ctrl-C."""
    services = Services(DATA)
    ignore_signals = end_on_signals()
    try:
        chosen = services.start()
        say("\n".join(f"{key}={chosen[key]}" for key in ("DATABASE_URL", "REDIS_URL")))
        while all(server.is_running() for server in services.running):
            time.sleep(0.2)
        say("A server has ended; .data/log says why.")
        return 1
    except Ended:
        return 0
    except CannotRun as problem:
        say(str(problem))
        return 1
    finally:
        ignore_signals()
        services.stop()


if __name__ == "__main__":
    bootstrap.main(dev=False)
    sys.exit(main())
