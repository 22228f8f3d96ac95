"""What sites answer about infusions in flight."""

from cohorts.actions import place_hold
from dosing.models import InFlight, Infusion
from safety.management.conduct import Conduct
from tests.factories import report_dlt_of
from tests.safety.rights.scene import INVESTIGATOR, MONITOR, D, Rights, Scene


def asked(scene: Scene) -> Infusion:
    """An infusion of the scene's own site about which an answer is owed."""
    rows = InFlight.objects.filter(
        state="OPEN", infusion__course__participant__site=scene.site
    ).select_related("infusion__course__participant__study")
    return rows.earliest("id").infusion


def hold_level(trial: Conduct) -> None:
    place_hold(
        trial.study,
        scope="LEVEL",
        level=trial.level(1),
        reason="a signal",
        by=trial.manager,
        now=trial.tick(),
    )


def report_first_dlt(trial: Conduct) -> None:
    """A DLT of somebody treated at the trial's own site."""
    if not InFlight.objects.filter(state="OPEN", dlt_of__isnull=False).exists():
        report_dlt_of(trial, trial.study.participants.filter(state="TREATED").earliest("id"))


RIGHTS: Rights = {
    "dosing.answer_in_flight": (
        INVESTIGATOR,
        lambda s: D.answer_in_flight(asked(s), answer="HELD", reason="put off", **s.signing),
    ),
    "dosing.instruct_infusion": (
        MONITOR,
        lambda s: D.instruct_infusion(asked(s), reason="fit and well", **s.signing),
    ),
}
FIRST = {"dosing.answer_in_flight": hold_level, "dosing.instruct_infusion": report_first_dlt}
