"""Shows what is being done, and how long it took."""

from __future__ import annotations

import contextlib
import sys
import threading
import time
from collections.abc import Iterator

TICK_SECONDS = 15.0


def say(text: str) -> None:
    """Print a line; a terminal that has gone away is no reason to stop."""
    with contextlib.suppress(OSError, ValueError):
        print(text, flush=True)


@contextlib.contextmanager
def step(what: str) -> Iterator[None]:
    """Name a step, show that it goes on, and say how long it took."""
    begun, done = time.monotonic(), threading.Event()
    on_terminal = sys.stdout.isatty()
    width = 44
    if on_terminal:
        sys.stdout.write(f"  {what:<{width}}")
        sys.stdout.flush()

    def go_on() -> None:
        while not done.wait(1.0 if on_terminal else TICK_SECONDS):
            seconds = time.monotonic() - begun
            with contextlib.suppress(OSError, ValueError):
                line = f"\r  {what:<{width}} {seconds:5.0f} s" if on_terminal else ""
                sys.stdout.write(line or f"  {what} ... {seconds:.0f} s so far\n")
                sys.stdout.flush()

    ticker = threading.Thread(target=go_on, daemon=True)
    ticker.start()
    try:
        yield
    finally:
        done.set()
        ticker.join()
    start = "\r" if on_terminal else ""
    say(f"{start}  {what:<{width}} {time.monotonic() - begun:5.1f} s")
