"""The log of protocol deviations, as far as a person may read it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from django.db.models import QuerySet

from cohorts.models import Deviation, Participant
from cohorts.queries.viewers import Mask, Viewer, mask_for
from cohorts.queries.words import PLAN, SETTLED, WAITING, Mark
from cohorts.states import DeviationKind, DeviationState, Severity
from ntrust.states import Role

READERS: Final = (
    Role.STUDY_MANAGER,
    Role.MEDICAL_MONITOR,
    Role.INVESTIGATOR,
    Role.PHARMACIST,
    Role.AUDITOR,
)
CLASSIFIERS: Final = (Role.STUDY_MANAGER, Role.MEDICAL_MONITOR)
FILTERS: Final = ("state", "kind", "site", "severity")
_MARKS: Final = {
    DeviationState.OPEN: Mark("open", WAITING, "◔"),
    DeviationState.CLASSIFIED: Mark("classified", PLAN, "◑"),
    DeviationState.CLOSED: Mark("closed", SETTLED, "●"),
}


@dataclass(frozen=True)
class DeviationRow:
    """One deviation. `screening_number` is empty for one of the site as a whole."""

    number: int
    who: str
    screening_number: str
    site: str
    zone: str
    kind: str
    kind_name: str
    sentence: str
    occurred_at: datetime
    noted_at: datetime
    noted_by: str
    state: str
    mark: Mark
    severity: str
    severity_name: str
    comment: str
    action_taken: str
    is_open: bool
    is_closed: bool


@dataclass(frozen=True)
class Choice:
    """A value a list can be filtered by, how many there are, and whether it is chosen."""

    value: str
    label: str
    count: int
    is_chosen: bool


@dataclass(frozen=True)
class DeviationLog:
    """The log, filtered; the counts are of everything this person may read."""

    rows: tuple[DeviationRow, ...]
    total: int
    choices: Mapping[str, tuple[Choice, ...]]
    can_classify: bool
    can_report: bool


@dataclass(frozen=True)
class DeviationPanel:
    """A participant's deviations, newest first."""

    rows: tuple[DeviationRow, ...]
    can_report: bool
    can_classify: bool


def name_kind(kind: str) -> str:
    """A kind in words: a person's own choice, or a rule's code in lower case."""
    if kind in DeviationKind.values:
        return str(DeviationKind(kind).label)
    return kind.replace("_", " ").lower()


def may_read_deviations(viewer: Viewer) -> bool:
    """Everybody but the committee; people bound to a site read their own."""
    return any(role.label in viewer.roles for role in READERS)


def read_deviations(viewer: Viewer, filters: Mapping[str, str]) -> DeviationLog:
    """The log with `filters` (those of FILTERS that are not empty) applied. One statement,
    and one more for people bound to a site."""
    mask = mask_for(viewer)
    found = [_row(deviation, mask) for deviation in _visible(viewer)]
    values = {name: [_value(row, name) for row in found] for name in FILTERS}
    wanted = {name: filters[name] for name in FILTERS if filters.get(name)}
    return DeviationLog(
        rows=tuple(
            row
            for row in found
            if all(_value(row, name) == value for name, value in wanted.items())
        ),
        total=len(found),
        choices={name: _choices(name, values[name], wanted.get(name, "")) for name in FILTERS},
        can_classify=_can_classify(viewer),
        can_report=_can_report(viewer),
    )


def find_deviation(viewer: Viewer, number: int) -> Deviation | None:
    """The deviation of that number; None when there is none, or not for this person."""
    return _visible(viewer).filter(pk=number).first()


def read_participant_deviations(
    participant: Participant, *, viewer: Viewer, now: datetime
) -> DeviationPanel:
    """What was done otherwise with one participant. Statements as above."""
    mask, rows = mask_for(viewer), _visible(viewer).filter(participant=participant)
    return DeviationPanel(
        rows=tuple(_row(deviation, mask) for deviation in rows),
        can_report=viewer.is_investigator_at(participant.site_id)
        or Role.STUDY_MANAGER.label in viewer.roles,
        can_classify=_can_classify(viewer),
    )


def _visible(viewer: Viewer) -> QuerySet[Deviation]:
    rows = (
        Deviation.objects.filter(study=viewer.study)
        .select_related("site", "participant", "noted_by", "study")
        .order_by("-id")
    )
    return rows if viewer.sees_every_site else rows.filter(site_id__in=viewer.site_ids)


def _row(deviation: Deviation, mask: Mask) -> DeviationRow:
    person = deviation.participant
    severity = deviation.severity
    return DeviationRow(
        number=deviation.pk,
        who=str(person) if person else f"site {deviation.site.code}",
        screening_number=person.screening_number if person else "",
        site=deviation.site.code,
        zone=deviation.site.timezone,
        kind=deviation.kind,
        kind_name=name_kind(deviation.kind),
        sentence=mask.cover(deviation.sentence),
        occurred_at=deviation.occurred_at,
        noted_at=deviation.noted_at,
        noted_by=str(deviation.noted_by) if deviation.noted_by else "the service",
        state=deviation.state,
        mark=_MARKS[DeviationState(deviation.state)],
        severity=severity,
        severity_name=Severity(severity).label if severity else "not classified",
        comment=deviation.comment,
        action_taken=deviation.action_taken,
        is_open=deviation.state == DeviationState.OPEN,
        is_closed=deviation.state == DeviationState.CLOSED,
    )


def _value(row: DeviationRow, name: str) -> str:
    if name == "severity":
        return row.severity or "NONE"
    return str(getattr(row, name))


def _choices(name: str, values: Iterable[str], chosen: str) -> tuple[Choice, ...]:
    counts = Counter(values)
    if name == "state":
        counts.update({str(state): 0 for state in DeviationState})
    if name == "severity":
        counts.update({str(severity): 0 for severity in Severity})
    return tuple(
        Choice(value, _label(name, value), counts[value], value == chosen)
        for value in sorted(counts, key=lambda value: (_place(name, value), value))
    )


def _place(name: str, value: str) -> int:
    order = {"state": DeviationState.values, "severity": Severity.values}.get(name, [])
    return order.index(value) if value in order else len(order)


def _label(name: str, value: str) -> str:
    if name == "state":
        return str(DeviationState(value).label)
    if name == "severity":
        return str(Severity(value).label) if value in Severity.values else "not classified"
    return name_kind(value) if name == "kind" else value


def _can_classify(viewer: Viewer) -> bool:
    return any(role.label in viewer.roles for role in CLASSIFIERS)


def _can_report(viewer: Viewer) -> bool:
    return bool(viewer.investigates) or Role.STUDY_MANAGER.label in viewer.roles
