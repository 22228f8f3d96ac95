"""The record lists of the service, and their addresses, for tests about them."""

from __future__ import annotations

import csv
import io
from typing import Any

from django.test import Client
from django.urls import reverse
from openpyxl import load_workbook

from safety.admin import RecordAdmin, records

LISTS: list[RecordAdmin] = list(records._registry.values())  # type: ignore[arg-type]
BY_NAME = {one.name: one for one in LISTS}


def address(name: str, word: str = "changelist", *about: Any) -> str:
    """Where a list, or something of it, is."""
    meta = BY_NAME[name].model._meta
    return reverse(f"records:{meta.app_label}_{meta.model_name}_{word}", args=about)


def body_of(answer: Any) -> bytes:
    """All of a file that is sent in pieces."""
    assert answer.status_code == 200, answer.status_code
    return b"".join(answer.streaming_content)


def status_of(client: Client, where: str) -> int:
    """How an address answers, asked as its page asks; a file is read to its end."""
    answer: Any = client.post(where) if "/export/" in where else client.get(where)
    if answer.streaming:
        body_of(answer)
    return int(answer.status_code)


def read_csv(client: Client, where: str) -> list[list[str]]:
    """The lines of a CSV file: what it is, headings, rows."""
    return list(csv.reader(io.StringIO(body_of(client.post(where)).decode())))


def read_xlsx(client: Client, where: str) -> list[list[Any]]:
    """The same of a workbook, with the values' own types."""
    book = load_workbook(io.BytesIO(body_of(client.post(where))))
    return [[cell.value for cell in row] for row in book.worksheets[0].iter_rows()]
