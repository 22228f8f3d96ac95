"""Protocol versions: drafts, the signed approval, and coming into force when the day has come."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from cohorts.models import DoseLevel, ProtocolVersion
from cohorts.policies import (
    active_protocol,
    check_approval,
    check_current,
    day_of,
    document_of,
)
from cohorts.policies.protocols import approval_content
from cohorts.protocol import ProtocolDocument, validate_document
from cohorts.queries.impact import read_impact
from cohorts.states import PROTOCOL_VERSION, ProtocolState
from ntrust.change import Change, study_change
from ntrust.errors import Refused
from ntrust.models import Study, User
from ntrust.policies import check_role
from ntrust.signing import content_hash, sign
from ntrust.states import STUDY, Role, StudyState


def add_protocol_version(
    study: Study, *, document: dict[str, Any], by: User, now: datetime | None = None
) -> ProtocolVersion:
    """Store a validated document as a draft. Refuses a bad document and a version that exists."""
    check_role(by, study, [Role.STUDY_MANAGER])
    valid = validate_document(document, name="protocol document")
    stored = valid.model_dump(mode="json", by_alias=True)
    with study_change(study, by=by, reason="protocol version added", now=now) as change:
        _check_label_free(study, valid.version)
        version = ProtocolVersion.objects.create(
            study=change.study,
            version=valid.version,
            document=stored,
            document_hash=content_hash(stored),
        )
        change.record("PROTOCOL_ADDED", f"Protocol version {valid.version} added as a draft.")
    return version


def replace_draft(
    version: ProtocolVersion,
    *,
    document: dict[str, Any],
    seen_hash: str,
    by: User,
    now: datetime | None = None,
) -> ProtocolVersion:
    """Put another document in a draft's place; history keeps the former.

    Refuses a bad document, a version that is no draft (`not_a_draft`), one edited meanwhile
    (`stale_document`) and a name that another version has.
    """
    study = version.study
    check_role(by, study, [Role.STUDY_MANAGER])
    valid = validate_document(document, name="protocol document")
    stored = valid.model_dump(mode="json", by_alias=True)
    with study_change(study, by=by, reason="protocol draft edited", now=now) as change:
        version = ProtocolVersion.objects.get(pk=version.pk)
        if version.state != ProtocolState.DRAFT:
            label = ProtocolState(version.state).label
            raise Refused("not_a_draft", f"Version {version.version} is {label}: add a new one.")
        check_current(version, seen_hash)
        _check_label_free(study, valid.version, but=version)
        version.version, version.document = valid.version, stored
        version.document_hash = content_hash(stored)
        version.save(update_fields=["version", "document", "document_hash"])
        change.record("PROTOCOL_REPLACED", f"The draft of protocol version {valid.version} edited.")
    return version


def _check_label_free(study: Study, label: str, *, but: ProtocolVersion | None = None) -> None:
    taken = ProtocolVersion.objects.filter(study=study, version=label).first()
    if taken is not None and taken != but:
        raise Refused("version_exists", f"There is a protocol version {label} already.")


def approve_protocol(  # noqa: PLR0913 - what is signed
    version: ProtocolVersion,
    *,
    seen_hash: str,
    reason: str,
    password: str,
    by: User,
    effective_on: date | None = None,
    now: datetime | None = None,
) -> ProtocolVersion:
    """Sign a draft, in force from 00:00 UTC of `effective_on`; without one, or today, at once.

    `seen_hash` is that of the document that was read. Refuses a blank reason, a document edited
    meanwhile, a day that has passed, a second approved version, and a document that contradicts
    the study's ladder or its other versions.
    """
    study = version.study
    role = check_role(by, study, [Role.STUDY_MANAGER])
    if not reason.strip():
        raise Refused("reason_needed", "Say why this version comes into force.")
    with study_change(study, by=by, reason=reason, now=now) as change:
        version = ProtocolVersion.objects.select_related("study").get(pk=version.pk)
        today = day_of(change.now)
        effective_on = effective_on or today
        PROTOCOL_VERSION.check(version.state, ProtocolState.APPROVED)
        check_current(version, seen_hash)
        check_approval(version, effective_on=effective_on, today=today)
        version.state, version.effective_on = ProtocolState.APPROVED, effective_on
        version.approved_at, version.approved_by = change.now, by
        version.approval_reason = reason.strip()
        meaning = f"approves protocol version {version.version} from {effective_on.isoformat()}"
        hash_of = content_hash(approval_content(version))
        version.approval = sign(
            change, signer=by, role=role, password=password, meaning=meaning, hash_of=hash_of
        )
        version.save(update_fields=["state", *_APPROVAL])
        change.record(
            "PROTOCOL_APPROVED",
            f"Protocol version {version.version} approved, in force from "
            f"{effective_on:%d-%b-%Y}: {version.approval_reason}",
            detail=version.approval_reason,
        )
        activate_due_protocol(change)
    version.refresh_from_db()
    return version


_APPROVAL = ("effective_on", "approved_at", "approved_by", "approval", "approval_reason")


def withdraw_approval(
    version: ProtocolVersion, *, reason: str, by: User, now: datetime | None = None
) -> ProtocolVersion:
    """Take an approval back before its day: the version is a draft again. Refuses a blank reason
    and a version that is not waiting."""
    study = version.study
    check_role(by, study, [Role.STUDY_MANAGER])
    if not reason.strip():
        raise Refused("reason_needed", "Say why the approval is withdrawn.")
    with study_change(study, by=by, reason=reason, now=now) as change:
        version = ProtocolVersion.objects.get(pk=version.pk)
        PROTOCOL_VERSION.check(version.state, ProtocolState.DRAFT)
        version.state, version.approval_reason = ProtocolState.DRAFT, ""
        version.effective_on = version.approved_at = version.approved_by = None
        version.approval = None
        version.save(update_fields=["state", *_APPROVAL])
        change.record(
            "PROTOCOL_WITHDRAWN",
            f"The approval of protocol version {version.version} was withdrawn: {reason}",
            detail=reason,
        )
    return version


def activate_due_protocol(change: Change) -> None:
    """Put the approved version in force once its day has come; the first starts the escalation.

    Runs first in every change, and by the clock. Builds levels that are new. What it changes for
    open participants, gates and past recommendations is kept with the event.
    """
    due = ProtocolVersion.objects.filter(
        study=change.study, state=ProtocolState.APPROVED, effective_on__lte=day_of(change.now)
    )
    version = due.select_related("study", "approved_by").first()
    if version is None:
        return
    impact = read_impact(version, now=change.now)
    document = document_of(version)
    _supersede(change)
    _build_ladder(change, document)
    PROTOCOL_VERSION.check(version.state, ProtocolState.ACTIVE)
    version.state = ProtocolState.ACTIVE
    version.activated_at, version.activated_by = change.now, version.approved_by
    version.save(update_fields=["state", "activated_at", "activated_by"])
    _follow_document(change, document)
    change.record(
        "PROTOCOL_ACTIVATED",
        f"Protocol version {version.version} is in force.",
        version=version.version,
        impact=impact.as_dict(),
    )


def _supersede(change: Change) -> None:
    previous = active_protocol(change.study)
    if previous is not None:
        PROTOCOL_VERSION.check(previous.state, ProtocolState.SUPERSEDED)
        previous.state = ProtocolState.SUPERSEDED
        previous.save(update_fields=["state"])


def _build_ladder(change: Change, document: ProtocolDocument) -> None:
    existing = set(DoseLevel.objects.filter(study=change.study).values_list("ordinal", flat=True))
    for data in document.ladder.levels:
        if data.ordinal not in existing:
            DoseLevel.objects.create(
                study=change.study,
                ordinal=data.ordinal,
                dose=data.dose,
                unit=document.ladder.unit,
                is_illustrative=data.illustrative,
            )


def _follow_document(change: Change, document: ProtocolDocument) -> None:
    """Who is told, and what may stand in a mail, is as in the version in force."""
    study = change.study
    study.notification_rules = {
        kind: rule.model_dump(mode="json") for kind, rule in document.notifications.items()
    }
    study.data_protection = document.data_protection.model_dump(mode="json")
    if study.state == StudyState.SETUP:
        STUDY.check(study.state, StudyState.ESCALATING)
        study.state = StudyState.ESCALATING
    study.save(update_fields=["notification_rules", "data_protection", "state"])
