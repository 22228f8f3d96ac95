"""Treatment: lymphodepletion, infusions, the DLT window. Each pushes its facts to the outcome."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from cohorts.actions import move_participant, update_outcome
from cohorts.models import Participant, Slot
from cohorts.policies import document_of
from cohorts.states import ParticipantState, SlotState
from dosing.models import Course, DltWindow, Infusion
from dosing.policies import check_infusion, check_lymphodepletion
from dosing.states import INFUSION, WINDOW, InfusionState, WindowState
from dosing.windows import window_close
from ntrust.change import Change, study_change
from ntrust.errors import Refused
from ntrust.models import User
from ntrust.policies import check_role
from ntrust.states import Role

_CELL_PLACES = 10_000
"""Doses are kept to four decimals; the engine counts in whole ten-thousandths."""


def begin_lymphodepletion(
    participant: Participant,
    *,
    regimen: str,
    started_at: datetime,
    first_infusion_on: datetime,
    by: User,
    now: datetime | None = None,
) -> Course:
    """Start cycle 1: the point of no return. Plans the infusions from the protocol's schedule.

    Refuses (`no_lymphodepletion`) with the gates, a regimen the protocol does not have, and a
    start in the future.
    """
    study = participant.study
    check_role(by, study, [Role.INVESTIGATOR], site=participant.site)
    with study_change(study, by=by, reason="lymphodepletion begun", now=now) as change:
        participant = _fresh(participant)
        check_lymphodepletion(participant, now=change.now)
        _not_in_future(change, started_at)
        protocol = document_of(participant.protocol_version)
        name = protocol.regimen(regimen).name
        slot = Slot.objects.select_related("cohort__level").get(
            participant=participant, state=SlotState.CONFIRMED
        )
        level = slot.cohort.level
        course = Course.objects.create(
            participant=participant, level=level, regimen=regimen, started_at=started_at
        )
        for number, day in enumerate(protocol.infusions.days, start=1):
            Infusion.objects.create(
                course=course,
                number=number,
                planned_date=(first_infusion_on + timedelta(days=day)).date(),
                assigned_cells=level.dose,
            )
        DltWindow.objects.create(participant=participant)
        move_participant(change, participant, to=ParticipantState.CONDITIONING)
        update_outcome(change, participant, infusions=_infusion_facts(course.infusions.all()))
        _record(change, course, "LD_BEGUN", f"lymphodepletion begun ({name}).")
    return course


def complete_lymphodepletion(
    course: Course, *, ended_at: datetime, by: User, now: datetime | None = None
) -> Course:
    """Record the end of lymphodepletion. Refuses an end before its start or in the future."""
    participant = course.participant
    check_role(by, participant.study, [Role.INVESTIGATOR], site=participant.site)
    with study_change(participant.study, by=by, reason="lymphodepletion given", now=now) as change:
        course = Course.objects.select_related("participant__site", "level").get(pk=course.pk)
        if course.ended_at is not None:
            raise Refused("already_given", "The lymphodepletion is complete already.")
        _not_in_future(change, ended_at)
        if ended_at < course.started_at:
            raise Refused("impossible_order", "Lymphodepletion cannot end before it began.")
        course.ended_at = ended_at
        course.save(update_fields=["ended_at"])
        update_outcome(change, course.participant, lymphodepletion_given=True)
        _record(change, course, "LD_GIVEN", "lymphodepletion given.")
    return course


def give_infusion(
    infusion: Infusion,
    *,
    given_at: datetime,
    given_cells: Decimal,
    by: User,
    now: datetime | None = None,
) -> Infusion:
    """Record an infusion as given, in viable cells. The first opens the DLT window.

    Refuses (`no_infusion`) with the gates, and times that cannot be: in the future, before the
    lymphodepletion ended, before the infusion before it.
    """
    participant = infusion.course.participant
    check_role(by, participant.study, [Role.INVESTIGATOR], site=participant.site)
    with study_change(participant.study, by=by, reason="infusion given", now=now) as change:
        infusion = _lock(infusion)
        check_infusion(infusion, now=change.now)
        _check_times(change, infusion, given_at)
        if given_cells <= 0:
            raise Refused("no_cells", "Enter the viable cells given; zero is a missed infusion.")
        INFUSION.check(infusion.state, InfusionState.GIVEN)
        infusion.state = InfusionState.GIVEN
        infusion.given_at, infusion.given_cells = given_at, given_cells
        infusion.save(update_fields=["state", "given_at", "given_cells"])
        facts: dict[str, Any] = {}
        if infusion.course.participant.state == ParticipantState.CONDITIONING:
            move_participant(change, infusion.course.participant, to=ParticipantState.TREATED)
            facts["first_infused_at"] = given_at
            _open_window(infusion.course.participant, given_at)
        _push(change, infusion.course, **facts)
        _record(change, infusion.course, "INFUSION_GIVEN", f"infusion {infusion.number} given.")
    return infusion


def miss_infusion(
    infusion: Infusion,
    *,
    reason: str,
    is_for_toxicity: bool,
    by: User,
    now: datetime | None = None,
) -> Infusion:
    """Record that a planned or held infusion will not be given. Refuses a blank reason."""
    participant = infusion.course.participant
    check_role(by, participant.study, [Role.INVESTIGATOR], site=participant.site)
    if not reason.strip():
        raise Refused("reason_needed", "Say why the infusion is not given.")
    with study_change(participant.study, by=by, reason=reason, now=now) as change:
        infusion = _lock(infusion)
        INFUSION.check(infusion.state, InfusionState.MISSED)
        infusion.state = InfusionState.MISSED
        infusion.not_given_because = reason
        infusion.is_missed_for_toxicity = is_for_toxicity
        infusion.save(update_fields=["state", "not_given_because", "is_missed_for_toxicity"])
        _push(change, infusion.course)
        what = f"infusion {infusion.number} missed: {reason}"
        _record(change, infusion.course, "INFUSION_MISSED", what, detail=reason)
    return infusion


def hold_infusion(
    infusion: Infusion, *, reason: str, by: User, now: datetime | None = None
) -> Infusion:
    """Put a planned infusion off. Refuses a blank reason."""
    return _plan(infusion, to=InfusionState.HELD, reason=reason, by=by, now=now)


def resume_infusion(
    infusion: Infusion, *, reason: str, by: User, now: datetime | None = None
) -> Infusion:
    """Plan a held infusion again. Refuses a blank reason."""
    return _plan(infusion, to=InfusionState.PLANNED, reason=reason, by=by, now=now)


def _plan(infusion: Infusion, *, to: str, reason: str, by: User, now: datetime | None) -> Infusion:
    participant = infusion.course.participant
    check_role(
        by,
        participant.study,
        [Role.INVESTIGATOR, Role.MEDICAL_MONITOR],
        site=participant.site,
    )
    if not reason.strip():
        raise Refused("reason_needed", "Say why.")
    with study_change(participant.study, by=by, reason=reason, now=now) as change:
        infusion = _lock(infusion)
        INFUSION.check(infusion.state, to)
        infusion.state, infusion.not_given_because = to, reason
        infusion.save(update_fields=["state", "not_given_because"])
        _push(change, infusion.course)
        label = InfusionState(to).label
        what = f"infusion {infusion.number} {label}: {reason}"
        _record(change, infusion.course, f"INFUSION_{to}", what, detail=reason)
    return infusion


def pass_time(change: Change) -> None:
    """Windows whose close has passed await their statement; nothing is concluded by silence."""
    over = DltWindow.objects.filter(
        participant__study=change.study, state=WindowState.OPEN, closes_at__lte=change.now
    ).select_related("participant__site")
    for window in over:
        WINDOW.check(window.state, WindowState.AWAITING_STATEMENT)
        window.state = WindowState.AWAITING_STATEMENT
        window.save(update_fields=["state"])
        update_outcome(change, window.participant, is_window_over=True)
        change.record(
            "STATEMENT_DUE",
            f"The DLT window of {window.participant} is over: the signed statement is due.",
            subject=str(window.participant),
            site=window.participant.site,
        )


def move_window(window: DltWindow, *, to: str) -> None:
    """The only other writer of a window's state: the statement at its end."""
    WINDOW.check(window.state, to)
    window.state = to
    window.save(update_fields=["state"])


def _fresh(participant: Participant) -> Participant:
    return Participant.objects.select_related("site", "study", "protocol_version").get(
        pk=participant.pk
    )


def _lock(infusion: Infusion) -> Infusion:
    """The row as it is now, under the study lock."""
    return Infusion.objects.select_related(
        "course__participant__site", "course__participant__protocol_version", "course__level"
    ).get(pk=infusion.pk)


def _not_in_future(change: Change, moment: datetime) -> None:
    if moment > change.now:
        raise Refused("future_date", "This time lies in the future.")


def _check_times(change: Change, infusion: Infusion, given_at: datetime) -> None:
    _not_in_future(change, given_at)
    ended_at = infusion.course.ended_at
    if ended_at is not None and given_at < ended_at:
        raise Refused("impossible_order", "An infusion cannot precede the lymphodepletion's end.")
    earlier = infusion.course.infusions.filter(
        number__lt=infusion.number, given_at__gte=given_at
    ).first()
    if earlier is not None:
        raise Refused("impossible_order", f"Infusion {earlier.number} was given later than that.")


def _open_window(participant: Participant, given_at: datetime) -> None:
    window = DltWindow.objects.get(participant=participant)
    WINDOW.check(window.state, WindowState.OPEN)
    window.state, window.opened_at = WindowState.OPEN, given_at
    window.save(update_fields=["state", "opened_at"])


def _push(change: Change, course: Course, **facts: Any) -> None:
    """Work the window's close out again and hand everything down."""
    participant = course.participant
    infusions = list(course.infusions.all())
    window = DltWindow.objects.get(participant=participant)
    closes_at = window_close(
        infusions, document_of(participant.protocol_version).window, zone=participant.site.timezone
    )
    if window.closes_at != closes_at and window.state == WindowState.OPEN:
        window.closes_at = closes_at
        window.save(update_fields=["closes_at"])
        facts["window_closes_at"] = closes_at
    update_outcome(change, participant, infusions=_infusion_facts(infusions), **facts)


def _infusion_facts(infusions: Iterable[Infusion]) -> list[dict[str, Any]]:
    """What the engine's evaluability reads, one row an infusion."""
    return [
        {
            "number": infusion.number,
            "state": _engine_state(infusion),
            "assigned": int(infusion.assigned_cells * _CELL_PLACES),
            "given": None
            if infusion.given_cells is None
            else int(infusion.given_cells * _CELL_PLACES),
        }
        for infusion in infusions
    ]


def _engine_state(infusion: Infusion) -> str:
    if infusion.state == InfusionState.GIVEN:
        return "GIVEN"
    if infusion.state == InfusionState.MISSED:
        return "MISSED_FOR_TOXICITY" if infusion.is_missed_for_toxicity else "MISSED"
    return "AWAITED"


def _record(change: Change, course: Course, kind: str, what: str, **data: str) -> None:
    participant = course.participant
    change.record(
        kind,
        f"{participant}: {what}",
        level=course.level.ordinal,
        subject=str(participant),
        site=participant.site,
        **data,
    )
