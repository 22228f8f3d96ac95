"""`make lint`: style, format, types, templates; all of them, also when one finds something."""

from __future__ import annotations

import subprocess
import sys

from local import bootstrap
from local.paths import ROOT, VENV
from local.steps import say

TEMPLATES = ("ntrust", "cohorts", "dosing", "safety")
COMMANDS = (
    ("ruff", "check", "."),
    ("ruff", "format", "--check", "."),
    ("mypy",),
    ("djlint", "--check", "--lint", "--quiet", *TEMPLATES),
)


def main() -> int:
    """Run each tool; exit status 1 when any of them finds something."""
    failed = []
    for name, *arguments in COMMANDS:
        said = " ".join((name, *arguments))
        say(f"--- {said}")
        if subprocess.run([VENV / "bin" / name, *arguments], cwd=ROOT, check=False).returncode:
            failed.append(said)
    say(f"lint: failed: {'; '.join(failed)}" if failed else "lint: all clean")
    return 1 if failed else 0


if __name__ == "__main__":
    bootstrap.main(dev=True)
    sys.exit(main())
