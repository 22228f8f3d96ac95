"""`make lint`: style, format, types, templates, and what attackers use, in our code and in what it
is made of; all of them, also when one finds something."""

from __future__ import annotations

import subprocess
import sys

from local import bootstrap
from local.audit import COMMAND, audit
from local.paths import ROOT, VENV
from local.steps import say

TEMPLATES = ("ntrust", "cohorts", "dosing", "safety")
PROGRAMS = ("local", "manage.py")
COMMANDS = (
    ("ruff", "check", "."),
    ("ruff", "format", "--check", "."),
    ("mypy",),
    ("djlint", "--check", "--lint", "--quiet", *TEMPLATES),
    ("bandit", "--configfile", "pyproject.toml", "--quiet", "--recursive", *TEMPLATES, *PROGRAMS),
)


def main() -> int:
    """Run each tool; exit status 1 when any of them finds something."""
    failed = []
    for name, *arguments in COMMANDS:
        said = " ".join((name, *arguments))
        say(f"--- {said}")
        if subprocess.run([VENV / "bin" / name, *arguments], cwd=ROOT, check=False).returncode:
            failed.append(said)
    say(f"--- {' '.join(COMMAND)}")
    verdict = audit()
    say(verdict.said)
    if verdict.is_bad:
        failed.append(COMMAND[0])
    say(f"lint: failed: {'; '.join(failed)}" if failed else "lint: all clean")
    return 1 if failed else 0


if __name__ == "__main__":
    bootstrap.main(dev=True)
    sys.exit(main())
