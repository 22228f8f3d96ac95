"""The safety check before infusions 2 and 3."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from dosing.actions.facts import record_course, refuse_future
from dosing.actions.infusions import lock_infusion
from dosing.models import Infusion, SafetyCheck
from dosing.policies import last_given_before, questions_before
from dosing.states import InfusionState
from ntrust.change import study_change
from ntrust.errors import Refused
from ntrust.models import User
from ntrust.policies import check_role
from ntrust.states import Role


def enter_safety_check(  # noqa: PLR0913 - the check's own fields
    infusion: Infusion,
    *,
    checked_at: datetime,
    answers: Mapping[str, bool],
    by: User,
    comment: str = "",
    now: datetime | None = None,
) -> SafetyCheck:
    """Answer the protocol's questions before an infusion. A later check supersedes.

    `answers`: question id to yes or no, every question once; a no is entered like a yes and keeps
    the infusion from being given. Refuses an infusion that is not open or that no check is asked
    for, answers that are missing or to no question, and times in the future or not after the
    infusion before.
    """
    participant = infusion.course.participant
    check_role(by, participant.study, [Role.INVESTIGATOR], site=participant.site)
    with study_change(participant.study, by=by, reason="safety check", now=now) as change:
        infusion = lock_infusion(infusion)
        questions = questions_before(infusion)
        if not questions:
            raise Refused("no_safety_check", "No safety check is asked for before this infusion.")
        if infusion.state not in (InfusionState.PLANNED, InfusionState.HELD):
            label = InfusionState(infusion.state).label
            raise Refused("not_planned", f"Infusion {infusion.number} is {label}.")
        if set(answers) != {one.id for one in questions}:
            raise Refused("answers_incomplete", "Answer each question of the safety check.")
        refuse_future(change, checked_at)
        before = last_given_before(infusion)
        if before is not None and checked_at <= before:
            raise Refused("impossible_order", "The check comes after the infusion before.")
        check = SafetyCheck.objects.create(
            infusion=infusion,
            checked_at=checked_at,
            checked_by=by,
            answers=dict(answers),
            comment=comment.strip(),
        )
        noes = [one.text for one in questions if not answers[one.id]]
        said = f"no to: {'; '.join(noes)}" if noes else "all yes"
        what = f"safety check before infusion {infusion.number}: {said}."
        record_course(change, infusion.course, "SAFETY_CHECK_ENTERED", what)
    return check
