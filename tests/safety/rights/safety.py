"""Events, DLT reports, statements, reviews."""

from cohorts.actions import Conclusion
from cohorts.engine.design import Verdict
from safety.models import DltReport, Review
from tests.safety.rights.scene import INVESTIGATOR, MANAGER, MONITOR, REASON, Rights, S

RIGHTS: Rights = {
    "safety.report_event": (
        INVESTIGATOR,
        lambda s: S.report_event(
            s.participant("TREATED"),
            term="Fever",
            onset_at=s.trial.now,
            grade=2,
            grading_system="CTCAE v5.0",
            causality="POSSIBLE",
            is_serious=False,
            aware_at=s.trial.now,
            **s.who,
        ),
    ),
    "safety.report_dlt": (
        INVESTIGATOR,
        lambda s: S.report_dlt(DltReport.objects.earliest("id").event, **s.who),
    ),
    "safety.clear_dlt": (
        INVESTIGATOR,
        lambda s: S.clear_dlt(
            DltReport.objects.get(state="PROVISIONAL"), resolved_at=s.trial.now, **s.signing
        ),
    ),
    "safety.adjudicate_dlt": (
        MONITOR,
        lambda s: S.adjudicate_dlt(
            DltReport.objects.get(state="REPORTED"), is_confirmed=True, reason="yes", **s.signing
        ),
    ),
    "safety.sign_window_statement": (
        INVESTIGATOR,
        lambda s: S.sign_window_statement(s.participant("TREATED"), has_dlt=False, **s.signing),
    ),
    "safety.convene_review": (
        MANAGER,
        lambda s: S.convene_review(s.trial.study, **s.who),
    ),
    "safety.conclude_review": (
        MANAGER,
        lambda s: S.conclude_review(
            Review.objects.get(state="CONVENED"),
            conclusion=Conclusion(
                Verdict.ENROL, s.trial.level(1), "agrees", reason=REASON, seats=1
            ),
            minutes=S.Minutes(3, "minutes"),
            **s.who,
        ),
    ),
}
