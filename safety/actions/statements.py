"""The statement at the end of a DLT window: signed, and withdrawn when it no longer holds."""

from __future__ import annotations

from datetime import datetime

from django.db.models import F, Q

from cohorts.actions import update_outcome
from cohorts.models import Participant
from dosing.actions import move_window
from dosing.models import DltWindow
from dosing.states import WindowState
from ntrust.change import Change, study_change
from ntrust.models import User
from ntrust.policies import check_role
from ntrust.signing import content_hash, sign
from ntrust.states import Role
from safety.actions.telling import record_of
from safety.models import WindowStatement
from safety.policies import (
    check_statement,
    statement_content,
    statement_words,
)


def sign_window_statement(
    participant: Participant,
    *,
    has_dlt: bool,
    by: User,
    password: str,
    now: datetime | None = None,
) -> WindowStatement:
    """Sign "no DLT in the window", or that there was one. Refuses (`no_statement`) before the
    window's end, with an open question, and against the reports."""
    study = participant.study
    role = check_role(by, study, [Role.INVESTIGATOR], site=participant.site)
    with study_change(study, by=by, reason="window statement", now=now) as change:
        check_statement(participant, has_dlt=has_dlt, now=change.now)
        words = statement_words(has_dlt=has_dlt)
        content = statement_content(participant, has_dlt=has_dlt, signed_at=change.now)
        signature = sign(
            change,
            signer=by,
            role=role,
            password=password,
            meaning=words,
            hash_of=content_hash(content),
        )
        statement = WindowStatement.objects.create(
            participant=participant,
            has_dlt=has_dlt,
            signature=signature,
            signed_at=change.now,
            signed_by=by,
        )
        move_window(DltWindow.objects.get(participant=participant), to=WindowState.CLOSED)
        update_outcome(change, participant, has_signed_statement=not has_dlt)
        record_of(change, participant, "STATEMENT_SIGNED", f"signed: {words}.")
    return statement


def withdraw_statement(change: Change, participant: Participant, *, had_dlt: bool = False) -> None:
    """A statement that the reports contradict is withdrawn, and one is owed again."""
    statement = WindowStatement.objects.filter(
        participant=participant, withdrawn_at__isnull=True, has_dlt=had_dlt
    ).first()
    if statement is not None:
        because = (
            "The DLT no longer counts."
            if had_dlt
            else "A DLT was reported, or may still be one, after it was signed."
        )
        _withdraw(change, statement, because=because)


def withdraw_early_statements(change: Change) -> None:
    """Statements whose window was opened again, or closes later than they were signed."""
    early = WindowStatement.objects.filter(
        Q(participant__window__closes_at__gt=F("signed_at"))
        | Q(participant__window__state__in=[WindowState.NOT_OPEN, WindowState.OPEN]),
        participant__study=change.study,
        withdrawn_at__isnull=True,
    )
    for statement in early.select_related("participant__site"):
        _withdraw(change, statement, because="The DLT window moved after it was signed.")
        what = "the window statement is withdrawn: the DLT window moved after it was signed."
        record_of(change, statement.participant, "STATEMENT_WITHDRAWN", what)


def _withdraw(change: Change, statement: WindowStatement, *, because: str) -> None:
    participant = statement.participant
    statement.withdrawn_at, statement.withdrawn_because = change.now, because
    statement.save(update_fields=["withdrawn_at", "withdrawn_because"])
    window = DltWindow.objects.get(participant=participant)
    if window.state == WindowState.CLOSED:
        move_window(window, to=WindowState.AWAITING_STATEMENT)
    update_outcome(change, participant, has_signed_statement=False)
