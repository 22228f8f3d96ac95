"""Checkouts to try the local servers in, and what is left of a run when it has ended."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from local.guard import descendants
from local.paths import read_pairs

START_SECONDS = 40.0
END_SECONDS = 10.0


@dataclass
class Run:
    """One program of `local/` running in a checkout."""

    process: subprocess.Popen[str]
    log: Path
    known: dict[int, str] = field(default_factory=dict)

    def pids(self) -> list[int]:
        """The processes it has started, remembered with their start times."""
        for pid in descendants(self.process.pid):
            self.known[pid] = start_time(pid)
        return list(self.known)

    def still_there(self) -> list[int]:
        """Those of them that are alive now."""
        return [pid for pid, started in self.known.items() if started == start_time(pid) != ""]

    def kill_9(self) -> None:
        """End the parent without a word; what it started is on its own."""
        self.pids()
        self.process.kill()
        self.process.wait()

    def end(self, number: int = signal.SIGTERM) -> int:
        """Ask it to end; answers its exit status."""
        self.pids()
        self.process.send_signal(number)
        return self.process.wait(END_SECONDS * 2)

    def said(self) -> str:
        """What it has printed."""
        return self.log.read_text(encoding="utf-8")


@dataclass
class Checkout:
    """A folder with the project's `local/` in it."""

    folder: Path
    runs: list[Run] = field(default_factory=list)

    @property
    def data(self) -> Path:
        """Its `.data`."""
        return self.folder / ".data"

    @property
    def services(self) -> dict[str, str]:
        """What `services.env` says."""
        return read_pairs(self.data / "services.env")

    def start(self, code: str, *, env: dict[str, str] | None = None, python: str = "") -> Run:
        """Run Python code in it."""
        log = self.folder / f"run-{len(self.runs)}.log"
        with log.open("w") as output:
            process = subprocess.Popen(
                [python or sys.executable, "-c", code],
                cwd=self.folder,
                env=clean_environment() | (env or {}),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                text=True,
            )
        run = Run(process, log)
        self.runs.append(run)
        return run

    def start_services(self, **more: dict[str, str]) -> Run:
        """Run the servers and wait until they answer."""
        run = self.start("import sys; from local.services import main; sys.exit(main())", **more)
        wait_until(lambda: "REDIS_URL=" in run.said() or run.process.poll() is not None)
        assert run.process.poll() is None, run.said()
        run.pids()
        return run


def clean_environment() -> dict[str, str]:
    """The environment without what the test run has put into it."""
    ours = ("DATABASE_URL", "REDIS_URL", "SECRET_KEY", "EMAIL_URL", "DJANGO_SETTINGS_MODULE")
    return {
        key: value
        for key, value in os.environ.items()
        if key not in ours and not key.startswith(("NTRUST_", "PYTEST_", "COV_"))
    }


def wait_until(is_so: Callable[[], object], seconds: float = START_SECONDS) -> float:
    """Return the seconds it took, or fail."""
    begun = time.monotonic()
    while not is_so():
        assert time.monotonic() - begun < seconds, f"not within {seconds} s"
        time.sleep(0.05)
    return time.monotonic() - begun


def start_time(pid: int) -> str:
    """Tells a process from a later one of the same number; empty when it has ended."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return ""
    return "" if fields[0] in "ZX" else fields[19]
