"""`make test` and `make test-full`: the suite on real servers, closing on pytest's summary line."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from typing import NoReturn

from local import bootstrap
from local.debian import find_chromium, find_postgres_15
from local.paths import ROOT, VENV_PYTHON
from local.steps import say

NO_CHROMIUM = """
  *** No Chromium: the browser tests will be SKIPPED. Install chromium, or set CHROMIUM=/its/path.
"""
NO_POSTGRES_15 = """
  *** No PostgreSQL 15 in /usr/lib/postgresql/15: install the Debian package postgresql-15.
"""


def main(arguments: list[str]) -> int:
    """Run the suite once, or with --full on both PostgreSQLs; answers pytest's exit status."""
    env = dict(os.environ)
    chromium = find_chromium()
    if chromium:
        env["CHROMIUM"] = chromium
    else:
        say(NO_CHROMIUM)
    pytest = [str(VENV_PYTHON), "-m", "pytest", "-n", "2"]
    pytest += shlex.split(os.environ.get("PYTEST_ARGS", ""))
    if "--full" not in arguments:
        run_in_place(pytest, env)
    env["NTRUST_FULL"] = "1"
    status = run_on_postgres_15(pytest, env)
    say("\n=== Now on the embedded PostgreSQL ===\n")
    return run(pytest, env) or status


def run_on_postgres_15(pytest: list[str], env: dict[str, str]) -> int:
    """The suite on Debian's PostgreSQL 15; a machine that cannot have it fails, loudly."""
    programs = find_postgres_15()
    if programs is None:
        say(NO_POSTGRES_15)
        return 1
    say("\n=== On Debian's PostgreSQL 15 ===\n")
    own = {key: value for key, value in env.items() if key != "DATABASE_URL"}
    return run(pytest, {**own, "NTRUST_POSTGRES_BIN": str(programs)})


def run_in_place(pytest: list[str], env: dict[str, str]) -> NoReturn:
    """Become pytest."""
    sys.stdout.flush()
    os.chdir(ROOT)
    os.execve(VENV_PYTHON, pytest, env)


def run(pytest: list[str], env: dict[str, str]) -> int:
    """Run pytest to its end, through Ctrl-C too: it needs a moment to clean up."""
    process = subprocess.Popen(pytest, cwd=ROOT, env=env)
    while True:
        try:
            return process.wait()
        except KeyboardInterrupt:
            continue


if __name__ == "__main__":
    bootstrap.main(dev=True)
    sys.exit(main(sys.argv[1:]))
