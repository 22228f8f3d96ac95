"""Pages of lists. A cursor names the row after which the next page goes on, not its place: what is
inserted before it meanwhile is not shown twice, and makes no other row be left out.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Sequence
from typing import Any, Final, TypeVar

from ntrust.api.errors import Unready
from ntrust.api.plain import plain
from ntrust.signing import content_hash

PAGE: Final = 100
Row = TypeVar("Row")
_NAME: Final = re.compile(r"[0-9a-f]{24}")


class Paged(list[Row]):
    """The rows of one page, of a query that reads no more than that; `after`: where the next one
    goes on, in the query's own words, "" at the end."""

    def __init__(self, rows: Sequence[Row], after: str) -> None:
        super().__init__(rows)
        self.after = after


def read_words(cursor: str) -> str:
    """A cursor of a query that pages by itself, in the query's words. Refuses (400) an odd one."""
    try:
        return base64.b64decode(cursor.encode("ascii"), altchars=b"-_", validate=True).decode()
    except ValueError as error:
        raise bad_cursor() from error


def cursor_to(words: str) -> str | None:
    """The other way; None at the end."""
    return base64.urlsafe_b64encode(words.encode()).decode() if words else None


def page_after(
    rows: Sequence[Row], cursor: str, *, key: Sequence[str], size: int
) -> tuple[Sequence[Row], str | None]:
    """The page of a whole list after the row that a cursor names, and the cursor of the next one.

    `key`: the fields that tell rows apart. Refuses (400) what names no row, and (409,
    `list_changed`) a row that is no longer listed: nobody knows what would be left out.
    """
    start = 0
    if cursor:
        if not _NAME.fullmatch(cursor):
            raise bad_cursor()
        start = _place(rows, cursor, key)
    end = start + size
    return rows[start:end], _name(rows[end - 1], key) if end < len(rows) else None


def bad_cursor() -> Unready:
    """What is no cursor of this list."""
    return Unready(400, "bad_cursor", "Take the cursor from the answer before.")


def _place(rows: Sequence[Any], cursor: str, key: Sequence[str]) -> int:
    for place, row in enumerate(rows, start=1):
        if _name(row, key) == cursor:
            return place
    raise Unready(
        409,
        "list_changed",
        "The row after which this page goes on is no longer in the list: begin again.",
    )


def _name(row: Any, key: Sequence[str]) -> str:
    return content_hash([plain(getattr(row, field)) for field in key])[:24]
