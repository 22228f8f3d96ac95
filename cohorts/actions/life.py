"""How a study ends: complete, or terminated before. Safety is reported for ever after."""

from __future__ import annotations

from datetime import datetime

from cohorts.actions.part_1 import move_study
from cohorts.actions.seats import move_cohort
from cohorts.models import Cohort
from cohorts.policies import check_complete, live_states
from cohorts.states import CohortState
from ntrust.change import Change, study_change
from ntrust.errors import Refused
from ntrust.models import Signature, Study, User
from ntrust.policies import check_role
from ntrust.signing import content_hash, sign
from ntrust.states import STUDY, Role, StudyState


def complete_study(
    study: Study,
    *,
    reason: str,
    by: User,
    password: str,
    still_on_study: str = "",
    now: datetime | None = None,
) -> Study:
    """End the study as planned, signed by the manager: cohorts close, nobody is enrolled or dosed.

    Refuses (`not_complete`) with the gates while anybody is in treatment or their window is not
    answered for, and while people are still in screening or follow-up unless `still_on_study` says
    why it ends all the same. Adverse events, DLTs, statements and follow-up stay open.
    """
    return _end(
        study,
        to=StudyState.COMPLETE,
        reason=reason,
        still_on_study=still_on_study,
        by=by,
        password=password,
        now=now,
    )


def terminate_study(
    study: Study, *, reason: str, by: User, password: str, now: datetime | None = None
) -> Study:
    """End the study early, from any state, signed by the manager: no more enrolment and dosing.

    Nothing has to be clear first. Refuses a blank reason and a study that has ended. Adverse
    events, DLTs, statements and follow-up stay open for ever after.
    """
    return _end(study, to=StudyState.TERMINATED, reason=reason, by=by, password=password, now=now)


def _end(  # noqa: PLR0913 - both endings' own fields
    study: Study,
    *,
    to: StudyState,
    reason: str,
    by: User,
    password: str,
    now: datetime | None,
    still_on_study: str = "",
) -> Study:
    role = check_role(by, study, [Role.STUDY_MANAGER])
    if not reason.strip():
        raise Refused("reason_needed", "Say why the study ends.")
    with study_change(study, by=by, reason=reason, now=now) as change:
        STUDY.check(change.study.state, to)
        if to == StudyState.COMPLETE:
            check_complete(change.study, still_on_study=still_on_study)
        content = {
            "study": change.study.key,
            "from": change.study.state,
            "to": to,
            "reason": reason.strip(),
            "still_on_study": still_on_study.strip(),
            "at": change.now,
        }
        signature = sign(
            change,
            signer=by,
            role=role,
            password=password,
            meaning=f"ends the study: {to.label}",
            hash_of=content_hash(content),
        )
        _close(change, to)
        _record(change, to, content, signature)
    return change.study


def _close(change: Change, to: StudyState) -> None:
    """Cohorts of a complete study close; those of a terminated one are stopped, with the reason."""
    for cohort in Cohort.objects.filter(study=change.study, state__in=live_states()):
        if to == StudyState.TERMINATED:
            cohort.stopped_because = "The study was terminated."
            move_cohort(cohort, to=CohortState.STOPPED)
        else:
            move_cohort(cohort, to=CohortState.CLOSED)
    move_study(change, to=to)


def _record(
    change: Change, to: StudyState, content: dict[str, object], signature: Signature
) -> None:
    """The event keeps what was signed, to be recomputed."""
    reason = str(content["reason"])
    why = f" Still on study: {content['still_on_study']}" if content["still_on_study"] else ""
    change.record(
        f"STUDY_{to}",
        f"The study is {to.label}. No more enrolment and dosing; safety reporting stays open: "
        f"{reason}{why}",
        detail=f"{reason}{why}",
        signature=signature.pk,
        signed={**content, "at": change.now.isoformat()},
    )
