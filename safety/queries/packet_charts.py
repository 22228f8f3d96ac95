"""What the charts of a packet are drawn from, frozen with it: days, counts and subject numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any, Final

from cohorts.engine.basis import Basis
from cohorts.models import Decision, DoseLevel, Outcome, ProtocolVersion
from cohorts.policies import day_at, document_of, read_groups
from cohorts.queries.covers import Cover
from cohorts.queries.turns import turns_from
from cohorts.states import DecisionState
from dosing.models import Measurement
from ntrust.models import Study
from safety.queries.grades import count_grades
from safety.queries.lanes import Lane, read_lanes
from safety.queries.timeline import read_timeline

MOST_VALUES: Final = 600
"""Of one measurement. With more, the packet says how many and shows none."""


def chart_facts(
    study: Study, *, basis: Basis, version: ProtocolVersion, cover: Cover, cut_at: datetime
) -> dict[str, Any]:
    """One entry a chart."""
    lanes = read_lanes(study, now=cut_at, cover=cover.of)
    return {
        "levels": [
            row.ordinal for row in DoseLevel.objects.filter(study=study).order_by("ordinal")
        ],
        "path": _path(study, basis),
        "swimmer": [asdict(lane) for lane in lanes],
        "ae_by_grade": [asdict(row) for row in count_grades(lanes)],
        "timeline": read_timeline(study, cover=cover.of),
        "lookahead": [asdict(turn) for turn in turns_from(basis)],
        "labs": _labs(study, version, lanes),
        "part_2": _part_2(study, version),
    }


def _path(study: Study, basis: Basis) -> dict[str, Any]:
    """Those who count in order of first infusion, and the decisions between them."""
    begun = {
        number: at
        for number, at in Outcome.objects.filter(study=study, is_counted=True).values_list(
            "participant__subject_number", "first_infused_at"
        )
        if at is not None
    }
    rows = [*basis["outcomes"], *basis.get("excluded", ())]
    treated = sorted((row for row in rows if row["subject"] in begun), key=_begun(begun))
    waiting = [row for row in rows if row["subject"] not in begun]
    signed = (
        Decision.objects.filter(study=study, signed_at__isnull=False)
        .exclude(state=DecisionState.WITHDRAWN)
        .order_by("number")
    )
    return {
        "marks": [
            {"subject": row["subject"], "level": row["level"], "letter": row["letter"]}
            for row in (*treated, *waiting)
        ],
        "treated": len(treated),
        "decisions": [
            {
                "number": row.number,
                "after": sum(at <= row.signed_at for at in begun.values() if row.signed_at),
                "is_override": row.is_override,
            }
            for row in signed
        ],
    }


def _begun(begun: Mapping[str, datetime]) -> Any:
    return lambda row: (begun[row["subject"]], row["subject"])


def _labs(study: Study, version: ProtocolVersion, lanes: Sequence[Lane]) -> list[dict[str, Any]]:
    """Each measurement of the protocol with values: subject, level, day from infusion 1, value."""
    document = document_of(version)
    found: dict[str, list[list[Any]]] = {}
    rows = (
        Measurement.objects.filter(
            participant__study=study, participant__outcome__first_infused_at__isnull=False
        )
        .select_related("participant__site", "participant__outcome__level")
        .order_by("measured_on", "measured_at", "id")
    )
    units = {one.key: one.unit for one in document.measurements}
    for row in rows:
        if units.get(row.measurement) == row.unit:
            found.setdefault(row.measurement, []).append(_value(row))
    return [
        {
            "key": one.key,
            "name": one.name,
            "unit": one.unit,
            "low": str(one.reference_low) if one.reference_low is not None else None,
            "high": str(one.reference_high) if one.reference_high is not None else None,
            "values": values if len(values) <= MOST_VALUES else [],
            "left_out": 0 if len(values) <= MOST_VALUES else len(values),
        }
        for one in document.measurements
        if (values := found.get(one.key, []))
    ]


def _value(row: Measurement) -> list[Any]:
    outcome = row.participant.outcome
    assert outcome.first_infused_at is not None  # only those were asked for
    return [
        row.participant.subject_number,
        outcome.level.ordinal,
        (row.measured_on - day_at(row.participant.site, outcome.first_infused_at)).days,
        f"{row.value.normalize():f}",
    ]


def _part_2(study: Study, version: ProtocolVersion) -> list[dict[str, Any]]:
    """Each group that is monitored together, and how it came to where it stands."""
    return [
        {
            "name": group.name,
            "boundary": {str(n): limit for n, limit in sorted(group.boundary.items())},
            "steps": [list(step) for step in group.steps],
            "pending": len(group.pending),
            "provisional": len(group.provisional),
        }
        for group in read_groups(study, version)
    ]
