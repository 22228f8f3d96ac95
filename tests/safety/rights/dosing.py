"""Lymphodepletion and infusions."""

from decimal import Decimal

from dosing.models import Course, LdAdministration, MonitorCall
from safety.management.conduct import Conduct
from tests.safety.rights.scene import INVESTIGATOR, MONITOR, D, Rights, Scene


def hold_infusion(trial: Conduct) -> None:
    by = trial.crews[0].investigator
    D.hold_infusion(Scene(trial, by).infusion, reason="fever", by=by, now=trial.tick())


FIRST = {"dosing.resume_infusion": hold_infusion}

RIGHTS: Rights = {
    "dosing.begin_lymphodepletion": (
        INVESTIGATOR,
        lambda s: D.begin_lymphodepletion(
            s.participant("SLOTTED"),
            regimen="flu_cy",
            started_at=s.trial.now,
            first_infusion_on=s.trial.now,
            **s.who,
        ),
    ),
    "dosing.complete_lymphodepletion": (
        INVESTIGATOR,
        lambda s: D.complete_lymphodepletion(
            Course.objects.get(ended_at=None, cycle=1), ended_at=s.trial.now, **s.who
        ),
    ),
    "dosing.give_ld_dose": (
        INVESTIGATOR,
        lambda s: D.give_ld_dose(
            LdAdministration.objects.get(),
            given_mg=Decimal(910),
            started_at=s.trial.now,
            stopped_at=s.trial.now,
            reason="a month late",
            **s.who,
        ),
    ),
    "dosing.omit_ld_dose": (
        INVESTIGATOR,
        lambda s: D.omit_ld_dose(LdAdministration.objects.get(), reason="fever", **s.who),
    ),
    "dosing.begin_cycle": (
        INVESTIGATOR,
        lambda s: D.begin_cycle(
            s.participant("FOLLOW_UP"),
            regimen="flu_cy",
            started_at=s.trial.now,
            first_infusion_on=s.trial.now,
            **s.who,
        ),
    ),
    "dosing.complete_follow_up": (
        INVESTIGATOR,
        lambda s: D.complete_follow_up(s.participant("FOLLOW_UP"), **s.who),
    ),
    "dosing.answer_call": (
        MONITOR,
        lambda s: D.answer_call(
            MonitorCall.objects.get(), answer="PROCEED", reason="well", **s.signing
        ),
    ),
    "dosing.give_infusion": (
        INVESTIGATOR,
        lambda s: D.give_infusion(
            s.infusion, given_at=s.trial.now, given_cells=Decimal(1), **s.who
        ),
    ),
    "dosing.miss_infusion": (
        INVESTIGATOR,
        lambda s: D.miss_infusion(s.infusion, reason="fever", is_for_toxicity=False, **s.who),
    ),
    "dosing.hold_infusion": (
        INVESTIGATOR | MONITOR,
        lambda s: D.hold_infusion(s.infusion, reason="fever", **s.who),
    ),
    "dosing.resume_infusion": (
        INVESTIGATOR | MONITOR,
        lambda s: D.resume_infusion(s.infusion, reason="well", **s.who),
    ),
}
