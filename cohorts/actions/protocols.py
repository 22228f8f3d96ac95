"""Protocol versions: add a draft, activate it, build the ladder."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from cohorts.models import DoseLevel, ProtocolVersion
from cohorts.policies import active_protocol
from cohorts.protocol import ProtocolDocument, validate_document
from cohorts.states import PROTOCOL_VERSION, ProtocolState
from ntrust.change import Change, study_change
from ntrust.errors import Refused
from ntrust.models import Study, User
from ntrust.policies import check_role
from ntrust.signing import content_hash
from ntrust.states import STUDY, Role, StudyState


def add_protocol_version(
    study: Study, *, document: dict[str, Any], by: User, now: datetime | None = None
) -> ProtocolVersion:
    """Store a validated document as a draft. Refuses a bad document and a version that exists."""
    check_role(by, study, [Role.STUDY_MANAGER])
    valid = validate_document(document, name="protocol document")
    stored = valid.model_dump(mode="json")
    with study_change(study, by=by, reason="protocol version added", now=now) as change:
        if ProtocolVersion.objects.filter(study=study, version=valid.version).exists():
            raise Refused("version_exists", f"There is a protocol version {valid.version} already.")
        version = ProtocolVersion.objects.create(
            study=change.study,
            version=valid.version,
            document=stored,
            document_hash=content_hash(stored),
        )
        change.record("PROTOCOL_ADDED", f"Protocol version {valid.version} added as a draft.")
    return version


def activate_protocol(
    version: ProtocolVersion, *, by: User, now: datetime | None = None
) -> ProtocolVersion:
    """Make a draft the version in force; the first one starts the escalation.

    Builds levels that are new. Refuses (`ladder_changed`) a version that changes the dose of an
    existing level or drops one: levels have stable keys and are never renumbered.
    """
    study = version.study
    check_role(by, study, [Role.STUDY_MANAGER])
    reason = f"protocol version {version.version} activated"
    with study_change(study, by=by, reason=reason, now=now) as change:
        version = ProtocolVersion.objects.get(pk=version.pk)
        PROTOCOL_VERSION.check(version.state, ProtocolState.ACTIVE)
        document = ProtocolDocument.model_validate(version.document)
        _supersede(change)
        _build_ladder(change, document)
        version.state = ProtocolState.ACTIVE
        version.activated_at, version.activated_by = change.now, by
        version.save(update_fields=["state", "activated_at", "activated_by"])
        _start_escalation(change, document)
        change.record("PROTOCOL_ACTIVATED", f"Protocol version {version.version} is in force.")
    return version


def _supersede(change: Change) -> None:
    previous = active_protocol(change.study)
    if previous is not None:
        previous.state = ProtocolState.SUPERSEDED
        previous.save(update_fields=["state"])


def _build_ladder(change: Change, document: ProtocolDocument) -> None:
    existing = {level.ordinal: level for level in DoseLevel.objects.filter(study=change.study)}
    planned = {level.ordinal: level for level in document.ladder.levels}
    for ordinal, level in existing.items():
        if ordinal not in planned or planned[ordinal].dose != level.dose:
            raise Refused("ladder_changed", f"Level {ordinal} cannot change its dose or go.")
    for ordinal, data in planned.items():
        if ordinal not in existing:
            DoseLevel.objects.create(
                study=change.study,
                ordinal=ordinal,
                dose=data.dose,
                unit=document.ladder.unit,
                is_illustrative=data.illustrative,
            )


def _start_escalation(change: Change, document: ProtocolDocument) -> None:
    study = change.study
    study.notification_rules = {
        kind: rule.model_dump(mode="json") for kind, rule in document.notifications.items()
    }
    if study.state == StudyState.SETUP:
        STUDY.check(study.state, StudyState.ESCALATING)
        study.state = StudyState.ESCALATING
    study.save(update_fields=["notification_rules", "state"])
