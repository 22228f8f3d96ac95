"""Screening, decisions, holds, protocol versions."""

from cohorts.models import Decision, Participant
from tests.factories import DISEASE, make_document
from tests.safety.rights.scene import CREW, INVESTIGATOR, MANAGER, MONITOR, SIGNERS, C, Rights

RIGHTS: Rights = {
    "cohorts.add_protocol_version": (
        MANAGER,
        lambda s: C.add_protocol_version(
            s.trial.study, document=make_document(version="C"), **s.who
        ),
    ),
    "cohorts.screen_participant": (
        INVESTIGATOR,
        lambda s: C.screen_participant(
            s.site,
            screening_number="S-901",
            disease=DISEASE,
            consented_at=s.trial.now,
            **s.who,
        ),
    ),
    "cohorts.confirm_eligibility": (
        MANAGER,
        lambda s: C.confirm_eligibility(
            Participant.objects.get(state="SCREENING", screening__state="SIGNED"), **s.who
        ),
    ),
    "cohorts.leave_study": (
        INVESTIGATOR,
        lambda s: C.leave_study(s.participant("TREATED"), to="LOST", reason="moved", **s.who),
    ),
    "cohorts.confirm_not_evaluable": (
        MONITOR,
        lambda s: C.confirm_not_evaluable(s.participant("TREATED"), reason="weak", **s.who),
    ),
    "cohorts.sign_decision": (
        SIGNERS,
        lambda s: C.sign_decision(Decision.objects.get(state="PROPOSED"), **s.signing),
    ),
    "cohorts.acknowledge_decision": (
        CREW,
        lambda s: C.acknowledge_decision(
            Decision.objects.get(state="SIGNED"), site=s.site, **s.who
        ),
    ),
    "cohorts.place_hold": (
        SIGNERS,
        lambda s: C.place_hold(s.trial.study, scope="STUDY", reason="a signal", **s.who),
    ),
}
