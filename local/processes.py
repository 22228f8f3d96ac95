"""The service's own processes, side by side: their output on one terminal, each under its name.

Not honcho: it runs each process below a copy of itself that `kill -9` leaves behind, cannot hand a
bound socket down, and stops all at once, while the web must end before what it depends on.
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from subprocess import PIPE

from local.guarded import Guarded, Stopping, start_guarded
from local.paths import ROOT
from local.steps import say, step

COLOURS = (36, 33, 35, 32)
PYTHON = sys.executable


@dataclass
class Processes:
    """What has been started, in order."""

    env: Mapping[str, str]
    pass_fds: tuple[int, ...] = ()
    running: list[Guarded] = field(default_factory=list)

    def start(
        self, name: str, arguments: Sequence[str], *, grace: float = 4.0, fd: int | None = None
    ) -> None:
        """Start a Python program whose lines appear under its name."""
        guarded = start_guarded(
            name,
            [PYTHON, "-u", *arguments],
            output=PIPE,
            stopping=Stopping("TERM", "QUIT", grace),
            cwd=ROOT,
            env=self.env,
            pass_fds=[*self.pass_fds, *([fd] if fd is not None else [])],
        )
        colour = COLOURS[len(self.running) % len(COLOURS)]
        threading.Thread(target=show_lines, args=(guarded, colour), daemon=True).start()
        self.running.append(guarded)

    def run(self, arguments: Sequence[str]) -> int:
        """Run a Python program to its end, its output as it comes; answers its exit status."""
        guarded = start_guarded(
            arguments[0],
            [PYTHON, *arguments],
            output=None,
            cwd=ROOT,
            env=self.env,
            pass_fds=self.pass_fds,
        )
        try:
            return guarded.process.wait()
        finally:
            guarded.stop()

    def first_ended(self) -> Guarded | None:
        """A process that has ended though nobody asked it to."""
        return next((each for each in self.running if not each.is_running()), None)

    def stop(self) -> None:
        """Stop in the order of starting."""
        while self.running:
            guarded = self.running.pop(0)
            with step(f"Stopping {guarded.name}"):
                guarded.stop()


def show_lines(guarded: Guarded, colour: int) -> None:
    """Print what a process says, each line under its name, until it has ended."""
    label = f"{guarded.name:<6} |"
    if sys.stdout.isatty() and "NO_COLOR" not in os.environ:
        label = f"\033[{colour}m{label}\033[0m"
    assert guarded.process.stdout is not None
    for line in guarded.process.stdout:
        say(f"{label} {line.decode(errors='replace').rstrip()}")
