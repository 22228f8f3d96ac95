"""That somebody took a copy of the audit trail."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from ntrust.change import study_change
from ntrust.models import Study, User
from ntrust.policies import check_role
from safety.queries.audit import AUDIT_READERS


def record_audit_export(  # noqa: PLR0913 - the generation record
    study: Study,
    *,
    form: str,
    asked: Mapping[str, str],
    rows: int,
    sha256: str,
    by: User,
    now: datetime | None = None,
) -> dict[str, Any]:
    """Record the export of so many rows of the audit trail: who, when, the filter, rows and hash.

    Answers the generation record, which the file carries.
    """
    check_role(by, study, AUDIT_READERS)
    with study_change(study, by=by, reason="audit trail exported", now=now) as change:
        record: dict[str, Any] = {
            "study": change.study.key,
            "revision": change.study.revision,
            "generated_at": change.now.isoformat(),
            "generated_by": str(by),
            "username": by.username,
            "filter": dict(asked),
            "form": form,
            "rows": rows,
            "sha256": sha256,
        }
        change.record(
            "AUDIT_EXPORTED",
            f"{rows} rows of the audit trail exported as {form.upper()}.",
            **record,
        )
    return record
