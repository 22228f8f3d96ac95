"""The trace matrix says what the tests of requirements say, and names files that are there."""

import ast
from pathlib import Path

import pytest
from django.core.management.base import CommandError

from safety.management.commands.trace_requirements import _read, draw, read_requirements

ROOT = Path(__file__).parents[2]


def test_trace_matrix_is_that_of_the_tests() -> None:
    page = ROOT / "docs" / "validation" / "trace-matrix.md"

    assert page.read_text(encoding="utf-8") == draw()


def test_every_requirement_has_one_test() -> None:
    assert [each.number for each in read_requirements()] == list(range(1, 21))


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ('def test_r01_x():\n    """Something."""', "begins with the requirement"),
        ('def test_r01_x():\n    """R2 Something."""', "begins with the requirement"),
        ('def test_r01_x():\n    """R1 It.\n\n    Rule: no/such.py\n    """', "no no/such.py"),
    ],
)
def test_requirement_that_is_told_wrongly_is_refused(text: str, sentence: str) -> None:
    (test,) = ast.parse(text).body
    assert isinstance(test, ast.FunctionDef)

    with pytest.raises(CommandError, match=sentence):
        _read(test, "tests/requirements/test_x.py")
