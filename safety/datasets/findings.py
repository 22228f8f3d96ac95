"""Laboratory results (LB): as they were entered, and in the protocol's unit."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any, Final

from safety.datasets.numbering import numbered
from safety.datasets.shape import Dataset, Variable, make_dataset
from safety.datasets.source import Source, head

_LB: Final = (
    *head("LB"),
    Variable("LBTESTCD", "Lab Test or Examination Short Name"),
    Variable("LBTEST", "Lab Test or Examination Name"),
    Variable("LBORRES", "Result or Finding in Original Units"),
    Variable("LBORRESU", "Original Units"),
    Variable("LBSTRESC", "Result or Finding in Std Format"),
    Variable("LBSTRESN", "Numeric Result/Finding in Standard Units", "decimal"),
    Variable("LBSTRESU", "Standard Units"),
    Variable("LBSTNRLO", "Reference Range Lower Limit-Std Units", "decimal"),
    Variable("LBSTNRHI", "Reference Range Upper Limit-Std Units", "decimal"),
    Variable("VISIT", "Visit Name"),
    Variable("LBDTC", "Date/Time of Specimen Collection"),
    Variable("LBDY", "Study Day of Specimen Collection", "integer"),
)
LONGEST_CODE: Final = 8


def short_names(keys: Iterable[str]) -> dict[str, str]:
    """Codes of at most 8 capitals and digits, a letter first; each once, in the order given."""
    made: dict[str, str] = {}
    for key in keys:
        plain = re.sub(r"[^A-Z0-9]", "", key.upper())
        plain = plain if plain[:1].isalpha() else f"X{plain}"
        code, number = plain[:LONGEST_CODE], 1
        while code in made.values():
            number += 1
            code = f"{plain[: LONGEST_CODE - len(str(number))]}{number}"
        made[key] = code
    return made


def measurements(source: Source) -> Dataset:
    """LB: every measurement, corrected ones as they stand."""
    known = {
        one.key: one for document in source.documents.values() for one in document.measurements
    }
    visits = {one.key: one.name for doc in source.documents.values() for one in doc.visits}
    codes = short_names(
        [*known, *sorted({row["measurement"] for row in source.of("Measurement")} - set(known))]
    )

    def found() -> Iterator[tuple[int, dict[str, Any]]]:
        for row in source.of("Measurement"):
            person, one = row["participant_id"], known.get(row["measurement"])
            taken = source.local(person, row["measured_at"]) or row["measured_on"]
            yield (
                person,
                {
                    "LBTESTCD": codes[row["measurement"]],
                    "LBTEST": one.name if one else row["measurement"],
                    "LBORRES": row["entered_value"],
                    "LBORRESU": row["entered_unit"],
                    "LBSTRESC": row["value"],
                    "LBSTRESN": row["value"],
                    "LBSTRESU": row["unit"],
                    "LBSTNRLO": one.reference_low if one else None,
                    "LBSTNRHI": one.reference_high if one else None,
                    "VISIT": visits.get(row["visit"], row["visit"]),
                    "LBDTC": taken,
                    "LBDY": source.day(person, taken),
                },
            )

    return make_dataset("LB", "Laboratory Test Results", _LB, numbered(source, "LB", found()))
