"""What faults do to alerts: `python -m bench faults` runs their tests and prints the table.

Status 1 when a test fails or a message is lost. The tests start servers of their own. The table is
the one in docs/validation/alerts.md.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from local.paths import ROOT

NOT_THEIRS = ("DATABASE_URL", "REDIS_URL", "DJANGO_SETTINGS_MODULE")
"""Tests that find the settings named before their servers are started do not begin."""
HEAD = """| fault | events | messages | kills | lost | sent twice, under one key | longest delay |
| --- | --- | --- | --- | --- | --- | --- |"""


def main() -> int:
    """Run them, print the table."""
    own = {name: each for name, each in os.environ.items() if name not in NOT_THEIRS}
    with tempfile.TemporaryDirectory() as folder:
        figures = Path(folder) / "figures"
        figures.touch()
        command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
        done = subprocess.run(
            [*command, "tests/faults/test_alerts.py"],
            cwd=ROOT,
            env={**own, "NTRUST_FIGURES": str(figures)},
            check=False,
        )
        rows = [json.loads(line) for line in figures.read_text("utf-8").splitlines()]
    print(f"\n{HEAD}")
    for row in rows:
        print(
            f"| {row['fault']} | {row['events']} | {row['messages']} | {row['kills']} | "
            f"{row['lost']} | {row['duplicated']} | {row['longest_seconds']} s |"
        )
    return 1 if done.returncode or any(row["lost"] for row in rows) or not rows else 0


if __name__ == "__main__":
    sys.exit(main())
