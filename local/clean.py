"""`make clean`: removes the environment, the servers and all their data."""

from __future__ import annotations

import os
import shutil
import sys

from local.folders import recorded_home
from local.guarded import CannotRun
from local.paths import DATA
from local.services import take_lock
from local.steps import say


def main() -> int:
    """Remove what runs have left behind; refuses while one is going on."""
    if not DATA.is_dir():
        return 0
    try:
        lock = take_lock(DATA / "servers.lock")
    except CannotRun as problem:
        say(str(problem))
        return 1
    for folder in (recorded_home(DATA), DATA):
        if folder:
            shutil.rmtree(folder)
            say(f"Removed {folder}")
    os.close(lock)
    return 0


if __name__ == "__main__":
    sys.exit(main())
