"""An event's course, what was missing, and the words on it."""

from cohorts.models import Outcome
from safety.management.conduct import Conduct
from safety.models import AdverseEvent
from tests.safety.rights.scene import INVESTIGATOR, MONITOR, REASON, Rights, S


def enter(trial: Conduct) -> None:
    """An event in a window, which meets a criterion."""
    treated = Outcome.objects.filter(participant__state="TREATED").earliest("participant_id")
    assert treated.first_infused_at is not None
    S.report_event(
        treated.participant,
        term="Colitis",
        onset_at=treated.first_infused_at,
        grade=3,
        grading_system="CTCAE v5.0",
        causality="POSSIBLE",
        by=trial.investigator_of(treated.participant),
        now=trial.tick(),
    )


def colitis() -> AdverseEvent:
    return AdverseEvent.objects.get(term="Colitis")


def dispute(trial: Conduct) -> None:
    enter(trial)
    by = trial.investigator_of(colitis().participant)
    S.state_not_dlt(colitis(), reason=REASON, by=by, now=trial.tick())


FIRST = {
    "safety.add_grade": enter,
    "safety.end_event": enter,
    "safety.complete_event": enter,
    "safety.state_not_dlt": enter,
    "safety.rule_on_event": dispute,
}
RIGHTS: Rights = {
    "safety.add_grade": (
        INVESTIGATOR,
        lambda s: S.add_grade(colitis(), grade=4, since=s.trial.now, **s.who),
    ),
    "safety.end_event": (
        INVESTIGATOR,
        lambda s: S.end_event(colitis(), ended_at=s.trial.now, outcome="RECOVERED", **s.who),
    ),
    "safety.complete_event": (
        INVESTIGATOR,
        lambda s: S.complete_event(
            colitis(), details=S.EventDetails(narrative="cramps"), reason=REASON, **s.who
        ),
    ),
    "safety.state_not_dlt": (
        INVESTIGATOR,
        lambda s: S.state_not_dlt(colitis(), reason=REASON, **s.who),
    ),
    "safety.rule_on_event": (
        MONITOR,
        lambda s: S.rule_on_event(colitis(), is_dlt=False, reason=REASON, **s.signing),
    ),
}
