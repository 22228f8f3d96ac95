"""May a protocol version come into force in this study."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

from cohorts.models import DoseLevel, ProtocolVersion
from cohorts.policies.facts import document_of
from cohorts.protocol import ProtocolDocument, validate_document
from cohorts.states import ProtocolState
from ntrust.errors import Refused
from ntrust.models import Study


def approval_content(version: ProtocolVersion) -> dict[str, Any]:
    """What the approval's signature is bound to."""
    return {
        "study": version.study.protocol_number,
        "version": version.version,
        "document": version.document_hash,
        "effective_on": version.effective_on,
        "reason": version.approval_reason,
    }


def check_approval(version: ProtocolVersion, *, effective_on: date, today: date) -> None:
    """Refuse a date that has passed (`past_date`), a second approved version
    (`another_approved`), and a document that does not fit the study (see `check_fits`)."""
    if effective_on < today:
        raise Refused("past_date", "A protocol version is in force from today or a later day.")
    waiting = ProtocolVersion.objects.filter(study=version.study, state=ProtocolState.APPROVED)
    other = waiting.exclude(pk=version.pk).first()
    if other is not None:
        raise Refused(
            "another_approved",
            f"Version {other.version} is approved and comes into force on "
            f"{other.effective_on:%d-%b-%Y}: withdraw it first.",
        )
    document = validate_document(version.document, name=f"version {version.version}")
    check_fits(version.study, document)


def check_fits(study: Study, document: ProtocolDocument) -> None:
    """Refuse a document that contradicts the study's history.

    `ladder_changed`: a level's dose or unit changes, or a level is dropped; levels have stable
    keys and are never renumbered. `unknown_version`, `unknown_regimen`: pooling names what no
    version of the study has; a slip of the pen would leave people out of the counts.
    """
    planned = {level.ordinal: level for level in document.ladder.levels}
    for level in DoseLevel.objects.filter(study=study):
        data = planned.get(level.ordinal)
        if data is None or data.dose != level.dose or document.ladder.unit != level.unit:
            raise Refused("ladder_changed", f"Level {level.ordinal} cannot change its dose or go.")
    others = [document_of(row) for row in ProtocolVersion.objects.filter(study=study)]
    versions = {other.version for other in others}
    regimens = {regimen.key for each in (document, *others) for regimen in each.lymphodepletion}
    for name in document.pooling.versions:
        if name not in {document.version, *versions}:
            raise Refused("unknown_version", f"Pooling names version {name}, which there is not.")
    for key in document.pooling.regimens:
        if key not in regimens:
            raise Refused("unknown_regimen", f"Pooling names regimen {key}, which there is not.")


def check_current(version: ProtocolVersion, seen_hash: str) -> None:
    """Refuse (`stale_document`) to act on a document that is no longer the one that was read."""
    if version.document_hash != seen_hash:
        raise Refused(
            "stale_document",
            f"Version {version.version} has been edited since you read it. Look again.",
        )


def day_of(moment: datetime) -> date:
    """The calendar day in UTC, in which protocol versions come into force."""
    return moment.astimezone(UTC).date()
