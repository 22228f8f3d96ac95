"""The file of a screening: dates, results, and the investigator's signature."""

from cohorts.models import Participant
from cohorts.policies import Entry
from safety.management.conduct import Conduct
from tests.factories import DISEASE
from tests.safety.rights.scene import INVESTIGATOR, C, Rights, Scene


def consent(trial: Conduct) -> None:
    """One whose screening is open."""
    trial.consent(disease=DISEASE)


def candidate(scene: Scene) -> Participant:
    return Participant.objects.get(state="SCREENING", screening__state="OPEN")


RIGHTS: Rights = {
    "cohorts.enter_results": (
        INVESTIGATOR,
        lambda s: C.enter_results(candidate(s), entries=[Entry("smokes", "no")], **s.who),
    ),
    "cohorts.plan_treatment_dates": (
        INVESTIGATOR,
        lambda s: C.plan_treatment_dates(
            candidate(s),
            visit_date=s.trial.now.date(),
            lymphodepletion_date=None,
            first_infusion_date=None,
            **s.who,
        ),
    ),
    "cohorts.sign_screening": (
        INVESTIGATOR,
        lambda s: C.sign_screening(candidate(s), **s.signing),
    ),
    "cohorts.fail_screening": (
        INVESTIGATOR,
        lambda s: C.fail_screening(candidate(s), reason="withdrew", **s.signing),
    ),
}
PREPARE = consent
