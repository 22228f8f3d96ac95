"""Taking over a running trial: staged by the manager, signed by manager and monitor, then there."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from ntrust.change import Change, study_change
from ntrust.errors import Gate, Refused
from ntrust.models import Study, User
from ntrust.policies import check_role, roles_of
from ntrust.signing import content_hash, sign
from ntrust.states import Role
from safety.actions.taking_in import take_in
from safety.models import TakeOver
from safety.policies import promise_of
from safety.states import OPEN_TAKE_OVERS, TAKE_OVER, TakeOverState
from safety.takeover import Book, DryRun, book_as_dict, book_from_dict, dry_run

_FIELDS = {
    Role.STUDY_MANAGER: "manager_signature",
    Role.MEDICAL_MONITOR: "monitor_signature",
}


def stage_take_over(study: Study, *, book: Book, by: User, now: datetime | None = None) -> TakeOver:
    """Keep the spreadsheet of a trial that runs elsewhere, with what it comes to. Manager's action.

    Refuses what `dry_run` refuses, a book with a fault (`take_over_faults`, a gate a fault), one
    that says nothing, and a second one beside one that is staged (`already_staged`).
    """
    check_role(by, study, [Role.STUDY_MANAGER])
    with study_change(study, by=by, reason="take-over staged", now=now) as change:
        if TakeOver.objects.filter(study=study, state__in=OPEN_TAKE_OVERS).exists():
            raise Refused("already_staged", "A take-over is staged: sign or withdraw it first.")
        found = dry_run(book, study=change.study, now=change.now)
        _refuse_faults(found)
        if not found.people and not found.decisions:
            raise Refused("nothing_to_take_over", "This workbook has no rows.")
        kept, promised = book_as_dict(book), promise_of(found)
        take_over = TakeOver.objects.create(
            study=change.study,
            book=kept,
            promised=promised,
            content_hash=_hash(change.study, kept, promised),
            staged_at=change.now,
            staged_by=by,
        )
        change.record("TAKE_OVER_STAGED", f"A take-over is staged: {_count(found)}.")
    return take_over


def _refuse_faults(found: DryRun) -> None:
    if not found.faults:
        return
    gates = [
        Gate(
            "take_over_fault",
            False,
            f"{fault.sheet}, row {fault.row}{fault.column and ', '}{fault.column}: "
            f"{fault.sentence}",
        )
        for fault in found.faults
    ]
    sentence = " ".join(gate.sentence for gate in gates)
    raise Refused("take_over_faults", f"It cannot be taken over. {sentence}", gates)


def _hash(study: Study, book: dict[str, Any], promised: dict[str, Any]) -> str:
    return content_hash({"study": study.key, "book": book, "promised": promised})


def _count(found: DryRun) -> str:
    people, decisions = len(found.people), len(found.decisions)
    return (
        f"{people} participant{'' if people == 1 else 's'} and "
        f"{decisions} decision{'' if decisions == 1 else 's'}"
    )


def sign_take_over(
    take_over: TakeOver, *, seen_hash: str, by: User, password: str, now: datetime | None = None
) -> TakeOver:
    """Sign as study manager or as medical monitor; the second signature writes everything.

    Checks the book again under the lock. Refuses a hash other than the one that is kept
    (`stale_take_over`), one person twice whatever their roles (`already_signed`), a wrong password,
    a book that has a fault by now, and one that comes to something else by now or once it is
    written (`take_over_differs`). What is refused leaves nothing written.
    """
    study = take_over.study
    check_role(by, study, _FIELDS)
    with study_change(study, by=by, reason="take-over signed", now=now) as change:
        take_over = TakeOver.objects.get(pk=take_over.pk)
        has_one = take_over.state == TakeOverState.PARTLY_SIGNED
        to = TakeOverState.APPLIED if has_one else TakeOverState.PARTLY_SIGNED
        TAKE_OVER.check(take_over.state, to)
        if seen_hash != take_over.content_hash:
            raise Refused("stale_take_over", "This is not the take-over that is staged now.")
        role = _check_signer(take_over, by=by)
        found = _check_again(change, take_over)
        signature = sign(
            change,
            signer=by,
            role=role,
            password=password,
            meaning="takes over from paper",
            hash_of=take_over.content_hash,
        )
        setattr(take_over, _FIELDS[role], signature)
        take_over.state = to
        take_over.applied_at = change.now if has_one else None
        take_over.save(update_fields=[_FIELDS[role], "state", "applied_at"])
        if has_one:
            take_in(change, take_over, found)
            change.record("TAKE_OVER_APPLIED", f"Taken over from paper: {_count(found)}.")
        else:
            words = role.label
            change.record("TAKE_OVER_SIGNED", f"The take-over is signed by the {words}.")
    return take_over


def _check_signer(take_over: TakeOver, *, by: User) -> Role:
    """The role whose signature is missing and which this person holds; never both by one."""
    held = roles_of(by, take_over.study)
    signed = [
        signature.signer_id
        for signature in (take_over.manager_signature, take_over.monitor_signature)
        if signature is not None
    ]
    missing = [
        role for role, field in _FIELDS.items() if not getattr(take_over, field) and role in held
    ]
    if by.pk in signed or not missing:
        raise Refused("already_signed", "The second signature is another person's and role's.")
    return missing[0]


def _check_again(change: Change, take_over: TakeOver) -> DryRun:
    """The dry run of now, which has to come to what was promised."""
    found = dry_run(book_from_dict(take_over.book), study=change.study, now=change.now)
    _refuse_faults(found)
    if content_hash(promise_of(found)) != content_hash(take_over.promised):
        raise Refused(
            "take_over_differs",
            "The workbook comes to something else than when it was staged: withdraw it and stage "
            "it again.",
        )
    return found


def withdraw_take_over(
    take_over: TakeOver, *, reason: str, by: User, now: datetime | None = None
) -> TakeOver:
    """Withdraw one that is not applied. Manager's action. Refuses a blank reason."""
    study = take_over.study
    check_role(by, study, [Role.STUDY_MANAGER])
    if not reason.strip():
        raise Refused("reason_needed", "Say why the take-over is withdrawn.")
    with study_change(study, by=by, reason=reason, now=now) as change:
        take_over = TakeOver.objects.get(pk=take_over.pk)
        TAKE_OVER.check(take_over.state, TakeOverState.WITHDRAWN)
        take_over.state = TakeOverState.WITHDRAWN
        take_over.withdrawn_at, take_over.withdrawn_by = change.now, by
        take_over.withdrawn_because = reason.strip()
        take_over.save(update_fields=["state", "withdrawn_at", "withdrawn_by", "withdrawn_because"])
        change.record("TAKE_OVER_WITHDRAWN", f"The take-over is withdrawn: {reason.strip()}")
    return take_over
