"""What is said of the packages' known weaknesses, above all when nothing could be looked up."""

from __future__ import annotations

import json
import subprocess
from typing import Any

import pytest

from local import audit
from local.lint import COMMANDS

REFUSED = """Traceback (most recent call last):
requests.exceptions.ProxyError: HTTPSConnectionPool(host='pypi.org', port=443): Max retries exceeded
"""
CLEAN = {"name": "django", "version": "5.2.19", "vulns": []}
UNKNOWN = {"name": "ours", "skip_reason": "Dependency not found on PyPI"}
WEAK = {
    "name": "pillow",
    "version": "9.0",
    "vulns": [{"id": "PYSEC-1", "fix_versions": ["9.1"]}, {"id": "PYSEC-2", "fix_versions": []}],
}


def answer(*rows: dict[str, Any]) -> str:
    return json.dumps({"dependencies": rows, "fixes": []})


@pytest.mark.parametrize(
    ("said", "problem", "expected", "is_bad"),
    [
        (
            "",
            REFUSED,
            "pip-audit: SKIPPED, no package was looked up: "
            "its service cannot be reached from here.",
            False,
        ),
        (
            answer(UNKNOWN, UNKNOWN),
            "",
            "pip-audit: SKIPPED, no package was looked up: "
            "the service that answers here knows none of them.",
            False,
        ),
        ("", "error: no such file", "pip-audit: it did not run: error: no such file", True),
        (answer(CLEAN), "", "pip-audit: 1 packages, no known weakness", False),
        (
            answer(CLEAN, UNKNOWN),
            "",
            "pip-audit: 1 packages, no known weakness; not looked up: ours",
            False,
        ),
        (
            answer(CLEAN, WEAK),
            "",
            "pip-audit: known weaknesses:\npillow 9.0: PYSEC-1, mended in 9.1\n"
            "pillow 9.0: PYSEC-2, mended in no version yet",
            True,
        ),
    ],
    ids=["unreachable", "empty mirror", "broken", "clean", "partly", "weak"],
)
def test_audit_says_what_it_knows(said: str, problem: str, expected: str, *, is_bad: bool) -> None:
    assert audit.judge(said, problem) == audit.Verdict(expected, is_bad=is_bad)


def test_service_that_never_answers_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    def never(*asked: Any, timeout: float, **more: Any) -> None:
        raise subprocess.TimeoutExpired("pip-audit", timeout)

    monkeypatch.setattr(audit.subprocess, "run", never)

    assert audit.audit().said == (
        "pip-audit: SKIPPED, no package was looked up: its service did not answer in 300 s."
    )


def test_lint_looks_for_what_attackers_use() -> None:
    assert "bandit" in {command[0] for command in COMMANDS}
