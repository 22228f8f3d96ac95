"""The audit trail: every version of every clinical row, filtered, paged and exported."""

from __future__ import annotations

from typing import Final

from cohorts.queries.viewers import Viewer
from ntrust.states import Role
from safety.queries.audit.filters import NAMES, AuditFilter, read_filter
from safety.queries.audit.rows import AuditPage, AuditRow, every_row, read_audit, read_key
from safety.queries.audit.tables import audit_tables, field_names

AUDIT_READERS: Final = (
    Role.STUDY_MANAGER,
    Role.MEDICAL_MONITOR,
    Role.AUDITOR,
    Role.INVESTIGATOR,
)
"""Investigators read the rows of their own site."""


def may_read_audit(viewer: Viewer) -> bool:
    """Whether this person reads the audit trail, or their site's part of it."""
    return viewer.holds(AUDIT_READERS)


__all__ = [
    "AUDIT_READERS",
    "NAMES",
    "AuditFilter",
    "AuditPage",
    "AuditRow",
    "audit_tables",
    "every_row",
    "field_names",
    "may_read_audit",
    "read_audit",
    "read_filter",
    "read_key",
]
