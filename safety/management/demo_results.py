"""Screening results of the demo's invented participants, read from their file."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import yaml

from cohorts.policies import Entry
from cohorts.protocol import ProtocolDocument

Answers = Callable[..., list[Entry]]
_FILE = Path(__file__).with_suffix(".yaml")


def read_answers(document: ProtocolDocument) -> Answers:
    """`answers(disease, consent=, measured_on=, which=)`: what somebody of a disease brings.

    `which`: eligible; failing, who is not; begun, of whom little is known yet.
    """
    data = yaml.safe_load(_FILE.read_text(encoding="utf-8"))
    fields = {each.key: each for each in document.eligibility.fields}

    def answers(
        disease: str, *, consent: date, measured_on: date, which: str = "eligible"
    ) -> list[Entry]:
        brought = {**data["general"], **data[disease]}
        if which == "failing":
            brought.update(data["failing"])
        if which == "begun":
            brought = {key: brought[key] for key in data["begun"]}
        return [
            Entry(
                field=key,
                value=_value(said, consent),
                unit=fields[key].unit,
                measured_on=measured_on if fields[key].valid_days is not None else None,
                upper_limit=str(said.get("upper_limit", "")),
                comment=said.get("comment", ""),
            )
            for key, said in ((key, _as_mapping(said)) for key, said in brought.items())
        ]

    return answers


def _as_mapping(said: Any) -> Mapping[str, Any]:
    return said if isinstance(said, Mapping) else {"value": said}


def _value(said: Mapping[str, Any], consent: date) -> str:
    if "days" in said:
        return (consent - timedelta(days=said["days"])).isoformat()
    return str(said["value"])
