"""That somebody took a list away as a file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from ntrust.change import study_change
from ntrust.errors import Refused
from ntrust.models import Study, User
from safety.queries.records import reading_of

_LONGEST: Final = 200


@dataclass(frozen=True)
class ListFile:
    """A file of a record list: its name and title, its form, the filter, the rows of this study in
    it, and the SHA-256 of its bytes."""

    name: str
    title: str
    form: str
    asked: Mapping[str, str]
    rows: int
    sha256: str


def record_list_export(
    study: Study, *, file: ListFile, by: User, now: datetime | None = None
) -> None:
    """Record that a record list was taken away: by whom, which rows, how many, and the file's hash.

    Refuses people who read the list neither whole nor at a site.
    """
    if not reading_of(by).takes(file.name, study.pk):
        raise Refused("wrong_role", "This list is not one of yours.")
    asked = {name: value.replace("\0", "") for name, value in file.asked.items()}
    said = ", ".join(f"{name} = {value}" for name, value in asked.items()) or "none"
    rows = f"{file.rows} row{'' if file.rows == 1 else 's'}"
    with study_change(study, by=by, reason="list exported", now=now) as change:
        change.record(
            "LIST_EXPORTED",
            f"{rows} of “{file.title}” exported as {file.form.upper()}; filter: "
            f"{said[:_LONGEST]}{'…' if len(said) > _LONGEST else ''}.",
            list=file.name,
            form=file.form,
            filter=asked,
            rows=file.rows,
            sha256=file.sha256,
            username=by.username,
        )
