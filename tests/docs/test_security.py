"""The checklist names every item of the standard once, with evidence that exists."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[2]
PAGE: Final = (ROOT / "docs/security/asvs.md").read_text(encoding="utf-8")
STANDINGS: Final = {"met", "partly", "not met", "n/a"}
ITEMS: Final = """
1.1.1-7 1.2.1-4 1.4.1 1.4.4-5 1.5.1-4 1.6.1-4 1.7.1-2 1.8.1-2 1.9.1-2 1.10.1 1.11.1-2 1.12.2
1.14.1-6
2.1.1-12 2.2.1-3 2.3.1-3 2.4.1-5 2.5.1-7 2.6.1-3 2.7.1-6 2.8.1-7 2.9.1-3 2.10.1-4
3.1.1 3.2.1-4 3.3.1-4 3.4.1-5 3.5.1-3 3.7.1
4.1.1-3 4.1.5 4.2.1-2 4.3.1-3
5.1.1-5 5.2.1-8 5.3.1-10 5.4.1-3 5.5.1-4
6.1.1-3 6.2.1-6 6.3.1-2 6.4.1-2
7.1.1-4 7.2.1-2 7.3.1 7.3.3-4 7.4.1-3
8.1.1-4 8.2.1-3 8.3.1-8
9.1.1-3 9.2.1-4
10.2.1-2 10.3.1-3
11.1.1-8
12.1.1-3 12.2.1 12.3.1-6 12.4.1-2 12.5.1-2 12.6.1
13.1.1 13.1.3-5 13.2.1-3 13.2.5-6 13.3.1-2 13.4.1-2
14.1.1-4 14.2.1-6 14.3.2-3 14.4.1-7 14.5.1-4
"""
"""Items of ASVS 4.0.3 up to level 2, without those that it deleted."""


def every_item() -> list[str]:
    found = []
    for span in ITEMS.split():
        head, _, first_to_last = span.rpartition(".")
        first, _, last = first_to_last.partition("-")
        found += [f"{head}.{number}" for number in range(int(first), int(last or first) + 1)]
    return found


def rows() -> list[list[str]]:
    """Items, standing, how, evidence."""
    found = [line.strip("|").split("|") for line in PAGE.splitlines() if re.match(r"\| \d", line)]
    return [[cell.strip() for cell in row] for row in found]


def fault(evidence: str) -> str:
    """Why a file or test that is named is none; "" when it is one."""
    name, _, test = evidence.partition("::")
    path = ROOT / name
    if not path.exists():
        return f"{name} does not exist"
    if not test:
        return ""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    tests = {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}
    return "" if test in tests else f"{name} has no test {test}"


def test_every_item_stands_there_once() -> None:
    named = [item for row in rows() for item in row[0].split(", ")]

    assert sorted(named) == sorted(every_item())


def test_every_row_says_how_it_stands_with_evidence_that_exists() -> None:
    said = []
    for items, standing, how, evidence in rows():
        named = re.findall(r"`([^`]+)`", evidence)
        if standing not in STANDINGS or not how or not named:
            said.append(f"{items}: incomplete")
        said += [f"{items}: {why}" for one in named if (why := fault(one))]

    assert said == []


def test_what_does_not_exist_is_found() -> None:
    assert fault("nowhere.py") == "nowhere.py does not exist"
    assert fault("tests/docs/test_security.py::test_x").endswith("has no test test_x")
