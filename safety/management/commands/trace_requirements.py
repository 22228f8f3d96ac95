"""`manage.py trace_requirements`: docs/validation/trace-matrix.md, from the tests of requirements.

A test `test_r01_…` in tests/requirements/ says in its docstring `R1 …`, and then on lines that
begin with `Rule:`, `Tests:` and `Open:` where the rule is, which other tests hold it, and what is
not verified yet. A file that is named and not there is refused.
"""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

_FOLDER: Final = "tests/requirements"
_PARTS: Final = re.compile(r"^(Rule|Tests|Open): ", re.MULTILINE)
INTRODUCTION: Final = """# Trace matrix

Drawn by `manage.py trace_requirements` from the tests in `tests/requirements/`, whose numbers are
those of 21 CFR Part 11 and ICH E6(R3) section 4 as the domain's section 9 lists them; a test
compares. Open is what no test verifies yet.

| | requirement | rule | tests | open |
| --- | --- | --- | --- | --- |"""


@dataclass(frozen=True)
class Requirement:
    """A requirement, the files that hold it, and the tests that show it."""

    number: int
    sentence: str
    rules: tuple[str, ...]
    tests: tuple[str, ...]
    is_open: str


class Command(BaseCommand):
    help = "Write docs/validation/trace-matrix.md from the tests of requirements."

    def handle(self, *args: Any, **options: Any) -> None:
        path = Path(settings.BASE_DIR) / "docs" / "validation" / "trace-matrix.md"
        path.write_text(draw(), encoding="utf-8")
        self.stdout.write(f"{path.name}: {len(read_requirements())} requirements.")


def draw() -> str:
    """The whole page."""
    return "\n".join([INTRODUCTION, *map(_row, read_requirements()), ""])


def read_requirements() -> list[Requirement]:
    """Every requirement that a test is named after, in order of their numbers."""
    folder = Path(settings.BASE_DIR) / _FOLDER
    found = [
        _read(node, f"{_FOLDER}/{path.name}")
        for path in sorted(folder.glob("test_*.py"))
        for node in ast.parse(path.read_text(encoding="utf-8")).body
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_r")
    ]
    return sorted(found, key=lambda each: each.number)


def _read(test: ast.FunctionDef, file: str) -> Requirement:
    said = ast.get_docstring(test) or ""
    sentence, *rest = _PARTS.split(said)
    parts = {name: " ".join(text.split()) for name, text in zip(rest[::2], rest[1::2], strict=True)}
    number = re.match(r"test_r(\d\d)_", test.name)
    head = re.match(r"R(\d+) (.+)", " ".join(sentence.split()))
    if number is None or head is None or int(number[1]) != int(head[1]):
        raise CommandError(
            f"{test.name}: the docstring begins with the requirement it is named for."
        )
    rules, others = (
        tuple(parts.get(name, "").replace(",", " ").split()) for name in ("Rule", "Tests")
    )
    for named in (*rules, *others):
        if not (Path(settings.BASE_DIR) / named).exists():
            raise CommandError(f"{test.name}: there is no {named}.")
    tests = (f"{file}::{test.name}", *others)
    return Requirement(int(head[1]), head[2], rules, tests, parts.get("Open", ""))


def _row(each: Requirement) -> str:
    rules, tests = (
        "<br>".join(f"`{name}`" for name in names) for names in (each.rules, each.tests)
    )
    return f"| R{each.number} | {each.sentence} | {rules} | {tests} | {each.is_open} |"
