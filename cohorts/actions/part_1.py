"""How a signed decision moves the study: an RDE ends Part 1, and a decision for a level opens it
again once the RDE no longer stands."""

from __future__ import annotations

from cohorts.actions.seats import close_cohorts, move_cohort
from cohorts.models import Cohort, Decision
from cohorts.policies import check_part_1_open, check_rde, is_in_part_2, live_states
from cohorts.states import DECISION, SELECT_RDE, CohortState, DecisionState, ReReviewVerdict
from ntrust.change import Change
from ntrust.models import Study
from ntrust.states import STUDY, StudyState


def move_study(change: Change, *, to: str) -> None:
    """The only writer of a study's state once it has begun. Refuses a move not in the table."""
    STUDY.check(change.study.state, to)
    change.study.state = to
    change.study.save(update_fields=["state"])


def check_phase(study: Study, decision: Decision) -> None:
    """Refuse a signature on an RDE that may no longer be selected, on a decision about Part 1 while
    an RDE stands, and on any once the study has ended."""
    if decision.verdict == SELECT_RDE and decision.level is not None:
        check_rde(study, decision.level)
    else:
        check_part_1_open(study)


def follow_signature(change: Change, decision: Decision) -> None:
    """After the second signature: the study moves where the decision says."""
    if decision.verdict == SELECT_RDE:
        _end_part_1(change, decision)
    elif decision.level is not None and is_in_part_2(change.study):
        move_study(change, to=StudyState.ESCALATING)
        change.record(
            "PART_1_REOPENED",
            f"Part 1 goes on at level {decision.level.ordinal} by decision #{decision.number}: the "
            "RDE no longer stands.",
            level=decision.level.ordinal,
            decision=decision.number,
        )


def resume_rde(change: Change, decision: Decision) -> None:
    """An RDE that is upheld after Part 1 was opened again ends it once more."""
    if decision.verdict == SELECT_RDE and change.study.state == StudyState.ESCALATING:
        close_cohorts(change, except_at=None)
        move_study(change, to=StudyState.RDE_SELECTED)


def _end_part_1(change: Change, decision: Decision) -> None:
    """No more seats of Part 1. Whose treatment has begun goes on, and counts. Expansion cohorts at
    another dose end; those at this one wait until Part 2 is started under this decision."""
    assert decision.level is not None  # the database refuses an RDE without a level
    ordinal = decision.level.ordinal
    _replace_earlier(change, decision)
    close_cohorts(change, except_at=None)
    elsewhere = Cohort.objects.filter(study=change.study, part=2, state__in=live_states())
    for cohort in elsewhere.exclude(level=decision.level):
        move_cohort(cohort, to=CohortState.CLOSED)
    if change.study.state != StudyState.RDE_SELECTED:
        move_study(change, to=StudyState.RDE_SELECTED)
    change.record(
        "RDE_SELECTED",
        f"Part 1 is over: the RDE is level {ordinal}, by decision #{decision.number}.",
        level=ordinal,
        decision=decision.number,
        detail=decision.reason,
    )


def _replace_earlier(change: Change, decision: Decision) -> None:
    """An RDE that no longer stands has been looked at again: this one takes its place."""
    earlier = Decision.objects.filter(
        study=change.study, verdict=SELECT_RDE, state=DecisionState.BASIS_CHANGED
    )
    for old in earlier.exclude(pk=decision.pk):
        DECISION.check(old.state, DecisionState.RE_REVIEWED)
        old.state, old.re_review_verdict = DecisionState.RE_REVIEWED, ReReviewVerdict.CHANGED
        old.save(update_fields=["state", "re_review_verdict"])
