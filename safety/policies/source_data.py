"""Which rows are checked against source documents, and what each of them says.

Only what a person read in a source counts as a fact of a row. What the service works out from it
may change without a new look at the source.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from django.db import models
from django.db.models import Q

from cohorts.models import Outcome, Participant, ScreeningResult
from cohorts.policies import active_protocol, document_of
from dosing.models import Infusion, LdAdministration, Measurement
from dosing.states import InfusionState, LdDoseState
from ntrust.models import Study
from ntrust.signing import content_hash
from safety.models import AdverseEvent, DltReport, Verification, WindowStatement


@dataclass(frozen=True)
class Source:
    """A table whose rows are verified: the way to the participant, the facts, the rows that count,
    and the words for a row, with its facts by name."""

    key: str
    label: str
    model: type[models.Model]
    person: str
    facts: tuple[str, ...]
    counted: Q
    words: str


SOURCES: Final = {
    one.key: one
    for one in (
        Source(
            "screening_result",
            "screening results",
            ScreeningResult,
            "screening__participant",
            ("field", "entered", "unit", "value", "upper_limit_entered", "measured_on"),
            Q(),
            "{field}: {entered} {unit}",
        ),
        Source(
            "ld_dose",
            "lymphodepletion doses",
            LdAdministration,
            "course__participant",
            (
                "drug",
                "day",
                "state",
                "given_mg",
                "started_at",
                "stopped_at",
                "not_given_because",
            ),
            Q(state__in=[LdDoseState.GIVEN, LdDoseState.OMITTED]),
            "{drug}, Day {day}: {given_mg} mg",
        ),
        Source(
            "infusion",
            "infusions",
            Infusion,
            "course__participant",
            (
                "number",
                "state",
                "given_cells",
                "given_at",
                "stopped_at",
                "lot_id",
                "interrupted_minutes",
                "not_given_because",
                "is_missed_for_toxicity",
            ),
            Q(state__in=[InfusionState.GIVEN, InfusionState.MISSED]),
            "infusion {number}: {given_cells} cells",
        ),
        Source(
            "statement",
            "window statements",
            WindowStatement,
            "participant",
            ("has_dlt", "signed_at"),
            Q(withdrawn_at__isnull=True),
            "window statement, DLT: {has_dlt}",
        ),
        Source(
            "adverse_event",
            "adverse events",
            AdverseEvent,
            "participant",
            (
                "term",
                "onset_at",
                "ended_at",
                "grade",
                "grading_system",
                "grading_version",
                "category",
                "causality",
                "causalities",
                "is_serious",
                "seriousness",
                "outcome",
                "aware_at",
            ),
            Q(),
            "{term}, grade {grade}",
        ),
        Source(
            "dlt_report",
            "DLT reports",
            DltReport,
            "event__participant",
            ("event_id", "criterion", "reported_at"),
            Q(superseded_by__isnull=True),
            "DLT report, criterion {criterion}",
        ),
        Source(
            "measurement",
            "measurements",
            Measurement,
            "participant",
            ("measurement", "visit", "entered_value", "entered_unit", "measured_on", "measured_at"),
            Q(),
            "{measurement} {entered_value} {entered_unit}, {measured_on}",
        ),
    )
}


@dataclass(frozen=True)
class SourceRow:
    """A row that is to be verified, as it is now. `level` None: no seat yet."""

    table: str
    row: int
    participant: int
    level: int | None
    words: str
    facts_hash: str
    verified: Verification | None

    @property
    def is_verified(self) -> bool:
        """Verified, and unchanged since."""
        return self.verified is not None and self.verified.facts_hash == self.facts_hash

    @property
    def has_lapsed(self) -> bool:
        """Verified once, and changed since."""
        return self.verified is not None and not self.is_verified


def source_rows(study: Study, *, people: Iterable[Participant] | None = None) -> list[SourceRow]:
    """Every row that is to be verified; of these participants, or of all. One statement a table."""
    levels = dict(Outcome.objects.filter(study=study).values_list("participant", "level__ordinal"))
    in_force = Verification.objects.filter(study=study, withdrawn_at__isnull=True)
    verified = {(one.table, one.row): one for one in in_force}
    wanted = None if people is None else [person.pk for person in people]
    labels = _labels(study)
    rows = []
    for source in SOURCES.values():
        found = source.model._default_manager.filter(
            source.counted, **{f"{source.person}__study": study}
        )
        if wanted is not None:
            found = found.filter(**{f"{source.person}__in": wanted})
        for pk, person, *values in found.order_by("pk").values_list(
            "pk", source.person, *source.facts
        ):
            facts = dict(zip(source.facts, values, strict=True))
            rows.append(
                SourceRow(
                    table=source.key,
                    row=pk,
                    participant=person,
                    level=levels.get(person),
                    words=_in_words(source, facts, labels),
                    facts_hash=content_hash({"table": source.key, "row": pk, **facts}),
                    verified=verified.get((source.key, pk)),
                )
            )
    return rows


def _labels(study: Study) -> Mapping[str, str]:
    """What the protocol in force calls the fields of screening, by their keys."""
    version = active_protocol(study)
    if version is None:
        return {}
    return {each.key: each.label for each in document_of(version).eligibility.fields}


def _in_words(source: Source, facts: dict[str, Any], labels: Mapping[str, str]) -> str:
    if facts.get("not_given_because"):
        return f"{source.words.partition(':')[0].format(**facts)}: not given"
    said = {name: _word(value) for name, value in facts.items()}
    if "field" in facts:
        said |= {"field": labels.get(facts["field"], facts["field"]), "unit": facts["unit"]}
    return source.words.format(**said).strip()


def _word(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value.normalize():f}" if hasattr(value, "normalize") else str(value or "not stated")


def history_of(table: str) -> Any:
    """The model of the table's rows of history."""
    return SOURCES[table].model._meta.get_field("row_history").related_model


def versions_of(row: SourceRow) -> Sequence[tuple[int, Any]]:
    """Of each version of a row, first to last: its number, and who wrote it."""
    versions = history_of(row.table)._default_manager.filter(pgh_obj_id=row.row)
    return list(versions.order_by("pgh_id").values_list("pgh_id", "pgh_context__user"))
