"""The committed table of who is answered what: rows.txt, one line an address."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final

ROWS: Final = Path(__file__).with_name("rows.txt")
Letters = dict[str, dict[str, str]]


def read_rows(text: str) -> Letters:
    """Address to method to letters; lines that begin with # say what is what."""
    found: Letters = {}
    for line in text.splitlines():
        if line and not line.startswith("#"):
            get, post, address = line.split(maxsplit=2)
            found[address] = {"GET": get, "POST": post}
    return found


def write_row(address: str, letters: Mapping[str, str]) -> str:
    """One line."""
    return f"{letters['GET']} {letters['POST']} {address}"


def faults(expected: Letters, found: Letters) -> list[str]:
    """A sentence for each address without a row, row without an address, and other answer."""
    return [
        *(
            f"{one} has no row in tests/access/rows.txt: who may ask for it? It answers now:\n"
            f"  {write_row(one, found[one])}"
            for one in sorted(found.keys() - expected.keys())
        ),
        *(
            f"{one} has a row in tests/access/rows.txt, but there is no such address any more."
            for one in sorted(expected.keys() - found.keys())
        ),
        *(
            f"{one} answers otherwise than its row says:\n"
            f"  row {write_row(one, expected[one])}\n  now {write_row(one, found[one])}"
            for one in sorted(expected.keys() & found.keys())
            if expected[one] != found[one]
        ),
    ]
