"""Known weaknesses of the pinned packages, looked up by pip-audit; said plainly where it cannot."""

from __future__ import annotations

import json
import re
import subprocess
from dataclasses import dataclass

from local.paths import ROOT, VENV

COMMAND = (
    "pip-audit",
    *("--requirement", "requirements.txt", "--requirement", "requirements-dev.txt"),
    *("--disable-pip", "--format", "json", "--progress-spinner", "off", "--timeout", "5"),
)
LONGEST_SECONDS = 300
_UNREACHED = re.compile(r"ConnectionError|ProxyError|SSLError|Timeout|ServiceError|HTTPError")


@dataclass(frozen=True)
class Verdict:
    """What to say of an audit, and whether it is a reason to stop."""

    said: str
    is_bad: bool


def skipped(why: str) -> Verdict:
    """Nothing was looked up: no reason to stop, but nothing to lean on either."""
    return Verdict(f"pip-audit: SKIPPED, no package was looked up: {why}.", is_bad=False)


def judge(answer: str, problem: str) -> Verdict:
    """What pip-audit found, from what it wrote to its output and to its errors."""
    try:
        rows = json.loads(answer)["dependencies"]
    except (ValueError, KeyError):
        if _UNREACHED.search(problem):
            return skipped("its service cannot be reached from here")
        last = (problem.strip().splitlines() or ["it said nothing"])[-1]
        return Verdict(f"pip-audit: it did not run: {last}", is_bad=True)
    known = [row for row in rows if "skip_reason" not in row]
    if not known:
        return skipped("the service that answers here knows none of them")
    found = [
        f"{row['name']} {row['version']}: {weakness['id']}, mended in "
        f"{', '.join(weakness['fix_versions']) or 'no version yet'}"
        for row in known
        for weakness in row["vulns"]
    ]
    unknown = [row["name"] for row in rows if "skip_reason" in row]
    more = f"; not looked up: {', '.join(unknown)}" if unknown else ""
    if found:
        return Verdict("\n".join(["pip-audit: known weaknesses:", *found]) + more, is_bad=True)
    return Verdict(f"pip-audit: {len(known)} packages, no known weakness{more}", is_bad=False)


def audit() -> Verdict:
    """Look the pinned packages up; sends their names and versions to the index, nothing else."""
    program, *arguments = COMMAND
    try:
        done = subprocess.run(
            [VENV / "bin" / program, *arguments],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
            timeout=LONGEST_SECONDS,
        )
    except subprocess.TimeoutExpired:
        return skipped(f"its service did not answer in {LONGEST_SECONDS} s")
    return judge(done.stdout, done.stderr)
