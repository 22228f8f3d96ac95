"""Protocol deviations: noted in the change that made them, or by hand; classified, then closed."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from cohorts.models import Deviation, Participant
from cohorts.states import DEVIATION, DeviationKind, DeviationState, Severity
from ntrust.change import Change, study_change
from ntrust.errors import Refused
from ntrust.models import Site, User
from ntrust.policies import check_role
from ntrust.states import Role


def note_deviation(
    change: Change,
    participant: Participant,
    *,
    kind: str,
    sentence: str,
    occurred_at: datetime | None = None,
) -> Deviation:
    """Write a deviation of one participant down, as part of the change that found it.

    `kind` is a code such as INFUSION_OUTSIDE_WINDOW; the sentence says what was done and what the
    protocol says. Never refuses: what happened, happened.
    """
    return _note(
        change,
        participant.site,
        participant,
        kind=kind,
        sentence=sentence,
        occurred_at=occurred_at or change.now,
    )


def report_deviation(  # noqa: PLR0913 - what is asked of a deviation
    site: Site,
    *,
    kind: str,
    sentence: str,
    occurred_at: datetime,
    by: User,
    participant: Participant | None = None,
    now: datetime | None = None,
) -> Deviation:
    """Note a deviation by hand: of a participant, or of the site as a whole.

    Refuses an unknown kind, no words, a time in the future, a participant of another site, and
    one that is in the log already.
    """
    study = site.study
    check_role(by, study, [Role.INVESTIGATOR, Role.STUDY_MANAGER], site=site)
    if kind not in DeviationKind.values:
        raise Refused("unknown_kind", "Choose what kind of deviation it is.")
    if not sentence.strip():
        raise Refused("reason_needed", "Say what was done and what the protocol says.")
    if participant is not None and participant.site_id != site.pk:
        raise Refused("other_site", "This participant belongs to another site.")
    with study_change(study, by=by, reason="deviation noted", now=now) as change:
        if occurred_at > change.now:
            raise Refused("future_date", "This time lies in the future.")
        facts = {"kind": kind, "sentence": sentence.strip(), "occurred_at": occurred_at}
        if Deviation.objects.filter(site=site, participant=participant, **facts).exists():
            raise Refused("already_noted", "This deviation is in the log already.")
        return _note(
            change,
            site,
            participant,
            kind=kind,
            sentence=sentence.strip(),
            occurred_at=occurred_at,
            detail=sentence.strip(),
        )


def classify_deviation(
    deviation: Deviation, *, severity: str, comment: str, by: User, now: datetime | None = None
) -> Deviation:
    """Say how much a deviation matters, and why; again, to correct that. Refuses a blank comment,
    an unknown severity and a closed deviation."""
    check_role(by, deviation.study, [Role.STUDY_MANAGER, Role.MEDICAL_MONITOR])
    if severity not in Severity.values:
        raise Refused("unknown_severity", "A deviation is minor or important.")
    if not comment.strip():
        raise Refused("reason_needed", "Say why it is classified so.")
    with study_change(deviation.study, by=by, reason=comment, now=now) as change:
        deviation = lock_deviation(deviation)
        if deviation.state == DeviationState.CLOSED:
            raise Refused("illegal_move", "A closed deviation is taken up again first.")
        if deviation.state == DeviationState.OPEN:
            DEVIATION.check(deviation.state, DeviationState.CLASSIFIED)
        deviation.state = DeviationState.CLASSIFIED
        deviation.severity, deviation.comment = severity, comment.strip()
        deviation.classified_at, deviation.classified_by = change.now, by
        deviation.save(
            update_fields=["state", "severity", "comment", "classified_at", "classified_by"]
        )
        _record(change, deviation, "DEVIATION_CLASSIFIED", Severity(severity).label)
    return deviation


def close_deviation(
    deviation: Deviation, *, action_taken: str, by: User, now: datetime | None = None
) -> Deviation:
    """Close a classified deviation with what was done about it. Refuses a blank answer."""
    check_role(by, deviation.study, [Role.STUDY_MANAGER, Role.MEDICAL_MONITOR])
    if not action_taken.strip():
        raise Refused("reason_needed", "Say what was done about it.")
    with study_change(deviation.study, by=by, reason=action_taken, now=now) as change:
        deviation = lock_deviation(deviation)
        DEVIATION.check(deviation.state, DeviationState.CLOSED)
        deviation.state, deviation.action_taken = DeviationState.CLOSED, action_taken.strip()
        deviation.closed_at, deviation.closed_by = change.now, by
        deviation.save(update_fields=["state", "action_taken", "closed_at", "closed_by"])
        _record(change, deviation, "DEVIATION_CLOSED", "closed")
    return deviation


def reopen_deviation(
    deviation: Deviation, *, reason: str, by: User, now: datetime | None = None
) -> Deviation:
    """Take a closed deviation up again; what was done about it stays readable. Refuses a blank
    reason."""
    check_role(by, deviation.study, [Role.STUDY_MANAGER, Role.MEDICAL_MONITOR])
    if not reason.strip():
        raise Refused("reason_needed", "Say why it is taken up again.")
    with study_change(deviation.study, by=by, reason=reason, now=now) as change:
        deviation = lock_deviation(deviation)
        if deviation.state != DeviationState.CLOSED:
            raise Refused("illegal_move", "Only a closed deviation can be taken up again.")
        DEVIATION.check(deviation.state, DeviationState.CLASSIFIED)
        deviation.state = DeviationState.CLASSIFIED
        deviation.closed_at, deviation.closed_by = None, None
        deviation.save(update_fields=["state", "closed_at", "closed_by"])
        _record(change, deviation, "DEVIATION_REOPENED", "taken up again")
    return deviation


def lock_deviation(deviation: Deviation) -> Deviation:
    """The row as it is now, under the study lock."""
    return Deviation.objects.select_related("site", "participant").get(pk=deviation.pk)


def _note(  # noqa: PLR0913 - the row
    change: Change,
    site: Site,
    participant: Participant | None,
    *,
    kind: str,
    sentence: str,
    occurred_at: datetime,
    **data: Any,
) -> Deviation:
    deviation = Deviation.objects.create(
        study=change.study,
        site=site,
        participant=participant,
        kind=kind,
        sentence=sentence,
        occurred_at=occurred_at,
        noted_at=change.now,
        noted_by=change.by,
    )
    change.record(
        "DEVIATION_NOTED",
        f"{_whose(deviation)}: protocol deviation: {sentence}",
        subject=str(participant or ""),
        site=site,
        deviation=kind,
        **data,
    )
    return deviation


def _whose(deviation: Deviation) -> str:
    if deviation.participant is not None:
        return str(deviation.participant)
    return f"site {deviation.site.code}"


def _record(change: Change, deviation: Deviation, kind: str, what: str) -> None:
    change.record(
        kind,
        f"{_whose(deviation)}: protocol deviation {what}.",
        subject=str(deviation.participant or ""),
        site=deviation.site,
        deviation=deviation.kind,
    )
