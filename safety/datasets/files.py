"""Datasets as files: CSV and XLSX for people, CDISC Dataset-JSON 1.1 for programs, in one ZIP.

The ZIP holds a generation record, `manifest.json`: from which revision, by which version of the
service, and the SHA-256 of each file. `content_hash` is of the data alone: two exports of the same
revision have the same.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Final

from openpyxl import Workbook
from openpyxl.cell import WriteOnlyCell
from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE
from openpyxl.writer.excel import save_workbook

from ntrust.signing import content_hash
from safety.datasets.shape import TEXT, Dataset, Value
from safety.datasets.source import Source

DATASET_JSON: Final = "1.1.0"
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r", "\n")


@dataclass(frozen=True)
class Made:
    """A finished export: the ZIP's bytes, the hash of the data in it, records by dataset."""

    content: bytes
    content_hash: str
    records: Mapping[str, int]


def hash_of(datasets: Sequence[Dataset]) -> str:
    """SHA-256 over everything the datasets say, in canonical JSON."""
    return content_hash({one.name: _rows(one) for one in datasets})


def make_zip(
    source: Source, datasets: Sequence[Dataset], *, at: datetime, by: str, system: str
) -> Made:
    """Every dataset in every form. `system`: the service and its version."""
    files: dict[str, bytes] = {}
    for one in datasets:
        files[f"csv/{one.name}.csv"] = as_csv(one)
        files[f"json/{one.name}.json"] = as_json(one, source, at=at, system=system)
    files["datasets.xlsx"] = as_xlsx(datasets)
    said = {
        "study": source.study,
        "revision": source.revision,
        "data_cut_at": source.cut_at.astimezone(UTC).isoformat(),
        "protocol_versions": [one.version for one in source.documents.values()],
        "generated_at": at.astimezone(UTC).isoformat(),
        "generated_by": by,
        "system": system,
        "content_hash": hash_of(datasets),
        "datasets": {one.name: len(one.records) for one in datasets},
        "files": {name: hashlib.sha256(each).hexdigest() for name, each in files.items()},
        "signatures": "do not travel",
    }
    files["manifest.json"] = json.dumps(said, indent=1).encode()
    return Made(_zip(files, at=at), said["content_hash"], said["datasets"])  # type: ignore[arg-type]


def _zip(files: Mapping[str, bytes], *, at: datetime) -> bytes:
    made = io.BytesIO()
    moment = at.astimezone(UTC).timetuple()[:6]
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as book:
        for name, content in sorted(files.items()):
            book.writestr(zipfile.ZipInfo(name, moment), content, zipfile.ZIP_DEFLATED)
    return made.getvalue()


def as_csv(dataset: Dataset) -> bytes:
    """Names, then records, in UTF-8. What a spreadsheet takes for a formula gets an apostrophe."""
    text = io.StringIO()
    lines = csv.writer(text, lineterminator="\n")
    lines.writerow(one.name for one in dataset.variables)
    for record in dataset.records:
        lines.writerow(
            _safe(record[one.name]) if one.kind == TEXT else record[one.name]
            for one in dataset.variables
        )
    return text.getvalue().encode()


def _safe(value: Value) -> str:
    text = "" if value is None else str(value)
    return f"'{text}" if text.lstrip(" ").startswith(_FORMULA) else text


def as_xlsx(datasets: Sequence[Dataset]) -> bytes:
    """One worksheet a dataset: names, labels, records. Text is never a formula."""
    book = Workbook(write_only=True)
    for one in datasets:
        page = book.create_sheet(one.name)
        page.freeze_panes = "A3"
        page.append([variable.name for variable in one.variables])
        page.append([variable.label for variable in one.variables])
        for record in one.records:
            page.append([_cell(page, record[variable.name]) for variable in one.variables])
    made = io.BytesIO()
    save_workbook(book, made)
    return made.getvalue()


def _cell(page: Any, value: Value) -> Any:
    if value is None or isinstance(value, int | Decimal):
        return value
    cell = WriteOnlyCell(page, ILLEGAL_CHARACTERS_RE.sub("", value))
    cell.data_type = "s"
    return cell


def as_json(dataset: Dataset, source: Source, *, at: datetime, system: str) -> bytes:
    """CDISC Dataset-JSON 1.1. Decimals are strings, so that no digit is lost."""
    name, _, version = system.partition(" ")
    said = {
        "datasetJSONCreationDateTime": at.astimezone(UTC).isoformat(timespec="seconds"),
        "datasetJSONVersion": DATASET_JSON,
        "sourceSystem": {"name": name, "version": version},
        "studyOID": source.study_id,
        "itemGroupOID": f"IG.{dataset.name}",
        "isReferenceData": dataset.is_reference,
        "records": len(dataset.records),
        "name": dataset.name,
        "label": dataset.label,
        "columns": [
            {
                "itemOID": f"IT.{dataset.name}.{one.name}",
                "name": one.name,
                "label": one.label,
                "dataType": one.kind,
                **({"targetDataType": "decimal"} if one.kind == "decimal" else {}),
            }
            for one in dataset.variables
        ],
        "rows": _rows(dataset),
    }
    return json.dumps(said, ensure_ascii=False, indent=None, separators=(",", ":")).encode()


def _rows(dataset: Dataset) -> list[list[Any]]:
    return [[_plain(record[one.name]) for one in dataset.variables] for record in dataset.records]


def _plain(value: Value) -> Any:
    return format(value, "f") if isinstance(value, Decimal) else value
