"""Rows compared with their source documents by a second person."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from cohorts.models import Participant
from ntrust.change import Change, study_change
from ntrust.errors import Refused
from ntrust.models import User
from ntrust.policies import check_role
from safety.models import Verification
from safety.policies import SOURCES, VERIFIERS, SourceRow, source_rows, versions_of

Seen = tuple[str, int, str]
"""Table, row, and the hash of the facts that were shown."""


def verify_rows(
    participant: Participant,
    *,
    rows: Sequence[Seen],
    source: str,
    by: User,
    now: datetime | None = None,
) -> list[Verification]:
    """Say that these rows of one participant agree with a source document.

    All or none. Refuses no rows (`nothing_chosen`), a source that is not named (`source_needed`), a
    row that is not this participant's, one that has changed since it was shown (`row_changed`), one
    verified already, and rows that this person entered or changed (`own_entry`). A verification
    that has lapsed is withdrawn and a new one written.
    """
    study = participant.study
    check_role(by, study, VERIFIERS, site=participant.site)
    if not rows:
        raise Refused("nothing_chosen", "Choose what was compared with its source.")
    if not source.strip():
        raise Refused("source_needed", "Name the source document.")
    with study_change(study, by=by, reason=f"verified against {source}", now=now) as change:
        known = {(one.table, one.row): one for one in source_rows(study, people=[participant])}
        chosen = [_check(known, seen, by=by) for seen in dict.fromkeys(rows)]
        written = [
            _write(change, participant, row, version, source=source.strip())
            for row, version in chosen
        ]
        count = f"{len(written)} row{'' if len(written) == 1 else 's'}"
        change.record(
            "DATA_VERIFIED",
            f"{participant}: {count} verified: {source.strip()}.",
            site=participant.site,
            detail=source.strip(),
        )
    return written


def _write(
    change: Change, participant: Participant, row: SourceRow, version: int, *, source: str
) -> Verification:
    """The verification of one row; one that has lapsed makes room for it."""
    assert change.by is not None
    if row.verified is not None:
        because = "The row has changed since."
        _withdraw(row.verified, because=because, by=change.by, at=change.now)
    return Verification.objects.create(
        study=change.study,
        participant=participant,
        table=row.table,
        row=row.row,
        version=version,
        facts_hash=row.facts_hash,
        source=source,
        verified_at=change.now,
        verified_by=change.by,
    )


def _check(
    known: dict[tuple[str, int], SourceRow], seen: Seen, *, by: User
) -> tuple[SourceRow, int]:
    """The row as it is now, and its version. Refuses what this person may not verify now."""
    table, pk, facts_hash = seen
    row = known.get((table, pk))
    if row is None:
        raise Refused("not_found", "This participant has no such row.")
    what = f"{SOURCES[table].label}: {row.words}"
    if row.facts_hash != facts_hash:
        raise Refused("row_changed", f"This has changed since it was shown: {what}.")
    if row.is_verified:
        raise Refused("already_verified", f"This is verified already: {what}.")
    versions = versions_of(row)
    if by.pk in {person for _, person in versions}:
        raise Refused(
            "own_entry", f"You entered or changed this; a second person verifies it: {what}."
        )
    return row, versions[-1][0]


def withdraw_verification(
    verification: Verification, *, reason: str, by: User, now: datetime | None = None
) -> Verification:
    """Take a verification back. Refuses a blank reason and one that is withdrawn already."""
    participant = verification.participant
    check_role(by, verification.study, VERIFIERS, site=participant.site)
    if not reason.strip():
        raise Refused("reason_needed", "Say why the verification is withdrawn.")
    with study_change(verification.study, by=by, reason=reason, now=now) as change:
        verification = Verification.objects.get(pk=verification.pk)
        if verification.withdrawn_at is not None:
            raise Refused("already_withdrawn", "This verification is withdrawn already.")
        _withdraw(verification, because=reason.strip(), by=by, at=change.now)
        label = SOURCES[verification.table].label
        change.record(
            "VERIFICATION_WITHDRAWN",
            f"{participant}: a verification is withdrawn ({label}): {reason.strip()}",
            site=participant.site,
            detail=reason.strip(),
        )
    return verification


def _withdraw(verification: Verification, *, because: str, by: User, at: datetime) -> None:
    verification.withdrawn_at, verification.withdrawn_by = at, by
    verification.withdrawn_because = because
    verification.save(update_fields=["withdrawn_at", "withdrawn_by", "withdrawn_because"])
