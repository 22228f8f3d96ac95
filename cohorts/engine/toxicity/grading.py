"""The grade that findings make: the worst feature wins.

Source: ASTCT consensus grading of CRS and ICANS (Lee et al., 2019). What each finding means is
protocol data; only the comparison is here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from cohorts.engine.toxicity.facts import ToxicityError


@dataclass(frozen=True, slots=True)
class Feature:
    """Something looked at, and the grade that each of its answers makes.

    `is_needed`: without it there is no such event, unless a medicine of a kind in `masked_by` was
    given before.
    """

    key: str
    grades: Mapping[str, int]
    is_needed: bool = False
    masked_by: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Computed:
    """`grade`: 0 when nothing was found. `is_whole`: every feature was answered; otherwise the
    grade is at least this. `lacks`: the needed feature that is absent, else empty."""

    grade: int
    is_whole: bool
    lacks: str = ""


def compute_grade(
    features: tuple[Feature, ...], findings: Mapping[str, str], given: frozenset[str]
) -> Computed:
    """The grade of these findings; `given`: kinds of medicines given before.

    Refuses (`ToxicityError`) findings and answers that the system does not know.
    """
    known = {feature.key: feature for feature in features}
    for key, found in findings.items():
        if key not in known or found not in known[key].grades:
            raise ToxicityError(f"No such finding: {key}, {found}.")
    grades = {key: known[key].grades[found] for key, found in findings.items()}
    lacking = [
        feature.key
        for feature in features
        if feature.is_needed and grades.get(feature.key) == 0 and not feature.masked_by & given
    ]
    return Computed(
        grade=max(grades.values(), default=0),
        is_whole=len(findings) == len(features),
        lacks=lacking[0] if lacking else "",
    )
