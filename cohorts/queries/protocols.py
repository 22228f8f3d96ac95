"""Protocol versions as pages show them: the list, one in full, two compared."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from itertools import groupby

from django.db.models import Count

from cohorts.models import ProtocolVersion
from cohorts.policies import document_of
from cohorts.policies.protocols import approval_content
from cohorts.protocol import FieldChange, FieldValue, compare_documents, read_fields
from cohorts.queries.viewers import Viewer
from cohorts.queries.words import PLAN, QUIET, SETTLED, WAITING, Mark
from cohorts.states import ProtocolState
from ntrust.signing import SignatureStatus, signature_status
from ntrust.states import Role

CENTRAL = (Role.STUDY_MANAGER, Role.MEDICAL_MONITOR, Role.COMMITTEE, Role.AUDITOR)
_MARKS = {
    ProtocolState.DRAFT: (QUIET, "○"),
    ProtocolState.APPROVED: (WAITING, "◔"),
    ProtocolState.ACTIVE: (SETTLED, "●"),
    ProtocolState.SUPERSEDED: (PLAN, "◑"),
}


@dataclass(frozen=True)
class VersionRow:
    """A version: its state, its signature, how many are pinned to it."""

    label: str
    state: Mark
    is_draft: bool
    is_approved: bool
    effective_on: date | None
    activated_at: datetime | None
    approved_at: datetime | None
    approval: SignatureStatus | None
    reason: str
    document_hash: str
    participants: int


@dataclass(frozen=True)
class Section:
    """A top-level part of a document, with its fields."""

    name: str
    fields: tuple[FieldValue, ...]

    @property
    def has_illustrative(self) -> bool:
        return any(field.is_illustrative for field in self.fields)


@dataclass(frozen=True)
class VersionPage:
    """A version in full. `can_edit`: this person may draft, approve and withdraw."""

    row: VersionRow
    sections: tuple[Section, ...]
    illustrative: int
    can_edit: bool
    sees_impact: bool


@dataclass(frozen=True)
class VersionList:
    """Every version of a study, newest first."""

    rows: tuple[VersionRow, ...]
    can_edit: bool


@dataclass(frozen=True)
class Comparison:
    """What differs between two versions; `others`: those to compare with instead."""

    old: str
    new: str
    changes: tuple[FieldChange, ...]
    others: tuple[str, ...]


def list_versions(viewer: Viewer) -> VersionList:
    """Every version, newest first. One statement."""
    rows = (
        ProtocolVersion.objects.filter(study=viewer.study)
        .select_related("approval", "study")
        .annotate(pinned=Count("participant"))
        .defer("document")
        .order_by("-id")
    )
    return VersionList(tuple(_row(row, row.pinned) for row in rows), may_edit(viewer))


def find_version(viewer: Viewer, label: str) -> ProtocolVersion | None:
    """The version of that name; every member of the study may read it."""
    rows = ProtocolVersion.objects.filter(study=viewer.study, version=label)
    return rows.select_related("study", "approval").first()


def read_version(version: ProtocolVersion, *, viewer: Viewer) -> VersionPage:
    """One version in full."""
    fields = read_fields(document_of(version))
    return VersionPage(
        row=_row(version, version.participant_set.count()),
        sections=tuple(_sections(fields)),
        illustrative=sum(field.is_illustrative for field in fields),
        can_edit=may_edit(viewer),
        sees_impact=sees_impact(viewer),
    )


def _sections(fields: Iterable[FieldValue]) -> Iterable[Section]:
    for name, group in groupby(
        fields, key=lambda field: field.path.partition(".")[0].split("[")[0]
    ):
        yield Section(name.replace("_", " "), tuple(group))


def compare_with(version: ProtocolVersion, *, other: str = "") -> Comparison | None:
    """What changes from another version to this one; without `other`, from the one before it:
    the version in force, or for one that was itself in force the one it followed. None when the
    other one does not exist."""
    rows = list(ProtocolVersion.objects.filter(study=version.study).exclude(pk=version.pk))
    names = tuple(row.version for row in rows)
    old = next((row for row in rows if row.version == other), None) if other else None
    if other and old is None:
        return None
    old = old or _before(version, rows)
    if old is None:
        return Comparison("", version.version, (), names)
    changes = compare_documents(document_of(old), document_of(version))
    return Comparison(old.version, version.version, changes, names)


def _before(version: ProtocolVersion, rows: list[ProtocolVersion]) -> ProtocolVersion | None:
    """The last that came into force before this one did, or has now."""
    at = version.activated_at
    earlier = [
        row
        for row in rows
        if row.activated_at is not None
        and (at is None or (row.activated_at, row.pk) < (at, version.pk))
    ]
    return max(earlier, key=lambda row: (row.activated_at, row.pk), default=None)


def may_edit(viewer: Viewer) -> bool:
    """Whether this person drafts and signs protocol versions."""
    return Role.STUDY_MANAGER.label in viewer.roles


def sees_impact(viewer: Viewer) -> bool:
    """Gates and answers of the whole study are for those who see every site."""
    return bool({role.label for role in CENTRAL} & set(viewer.roles))


def _row(version: ProtocolVersion, pinned: int) -> VersionRow:
    state = ProtocolState(version.state)
    tone, shape = _MARKS[state]
    text = "in force" if state is ProtocolState.ACTIVE else state.label
    return VersionRow(
        label=version.version,
        state=Mark(text, tone, shape),
        is_draft=state is ProtocolState.DRAFT,
        is_approved=state is ProtocolState.APPROVED,
        effective_on=version.effective_on,
        activated_at=version.activated_at,
        approved_at=version.approved_at,
        approval=signature_status(version.approval, approval_content(version))
        if version.approval
        else None,
        reason=version.approval_reason,
        document_hash=version.document_hash,
        participants=pinned,
    )
