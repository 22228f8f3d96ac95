"""The trial in which every action could be done now, and one person in it who tries."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import Any

import cohorts.actions
import dosing.actions
import ntrust.actions
import safety.actions
from cohorts.actions import Conclusion
from cohorts.engine.design import Verdict
from cohorts.models import Participant
from dosing.doses import Preparation, Size
from dosing.models import Infusion
from ntrust.models import Site, User
from safety.management.conduct import Conduct
from tests.factories import (
    ASKED,
    CRITERIA,
    DISEASE,
    PASSWORD,
    end_windows,
    make_document,
    make_trial,
    open_level,
    report_dlt_of,
    reserve,
    run_cohort,
    seat,
    treat,
)

RELATED = {"from_grade": 3, "related_at_least": "POSSIBLE"}
READ = [{**criterion, "reads": RELATED} for criterion in CRITERIA]
PROTOCOL: dict[str, Any] = {
    "infusion_days": (0, 7),
    "infusions": {"safety_check": [{"id": "fever", "text": "No fever"}]},
    "eligibility": ASKED,
    "conduct": {"slots": {"reservation_hours": 24 * 60}, "dlt_criteria": READ},
}
REASON = "The committee wants to see more participants at this level."
MANAGER, MONITOR = frozenset({"manager"}), frozenset({"monitor"})
INVESTIGATOR = frozenset({"investigator"})
CREW = INVESTIGATOR | {"pharmacist"}
SIGNERS = MANAGER | MONITOR
ADMINISTRATOR = frozenset({"superuser"})


def build(preparations: Iterable[Callable[[Conduct], None]]) -> Conduct:
    """A trial in which each action could be done now, by whoever may.

    `preparations`: what the rows of other files need on top.
    """
    trial = open_level(make_trial(sites=2, **PROTOCOL))
    run_cohort(trial, 1, "P")
    add_followed(trial)
    conditioned, begun = seat(trial, 1, 2)
    trial.decide(Verdict.ENROL, 1, seats=3, reason=REASON)
    seat(trial, 1)
    trial.condition([conditioned], day_0=trial.now)
    by = trial.investigator_of(begun)
    dosing.actions.begin_lymphodepletion(
        begun,
        regimen="flu_cy",
        started_at=trial.now,
        first_infusion_on=trial.now,
        by=by,
        now=trial.tick(),
    )
    reserve(trial, trial.screen(disease=DISEASE), 1)
    trial.screen(disease=DISEASE)
    signed = cohorts.actions.screen_participant(
        trial.crews[0].site,
        screening_number="S-900",
        disease=DISEASE,
        consented_at=trial.now,
        by=by,
        now=trial.tick(),
    )
    trial.sign_eligibility(signed)
    more = Conclusion(Verdict.ENROL, trial.level(1), "agrees", reason=REASON, seats=1)
    trial.sign(trial.propose(more))
    trial.propose(more)
    add_what_waits(trial)
    for prepare in preparations:
        prepare(trial)
    trial.now += timedelta(days=30)
    report_dlt_of(trial, begun, "NOW")
    report_dlt_of(trial, conditioned, "IN72H")
    safety.actions.convene_review(trial.study, by=trial.manager, now=trial.tick())
    return trial


def add_followed(trial: Conduct) -> None:
    """Three in follow-up: one idle, one with doses of cycle 2 planned, one conditioned at the site
    that will be held."""
    people = [trial.seat(1, disease=DISEASE, crew=crew) for crew in (0, 0)]
    trial.decide(Verdict.ENROL, 1, seats=3, reason=REASON)
    people.append(trial.seat(1, disease=DISEASE, crew=1))
    for person in people:
        treat(trial, [person])
        dosing.actions.miss_infusion(
            Infusion.objects.get(course__participant=person, number=2),
            reason="the lot was lost",
            is_for_toxicity=False,
            by=trial.investigator_of(person),
            now=trial.tick(),
        )
    end_windows(trial)
    for person in people:
        trial.sign_no_dlt(person)
    prepared = Preparation(Size(Decimal(170), Decimal(70)))
    for person, regimen, preparation in (
        (people[1], "in_mg", prepared),
        (people[2], "flu_cy", None),
    ):
        dosing.actions.begin_cycle(
            person,
            regimen=regimen,
            started_at=trial.now,
            first_infusion_on=trial.now + timedelta(days=5),
            preparation=preparation,
            by=trial.investigator_of(person),
            now=trial.tick(),
        )


def add_what_waits(trial: Conduct) -> None:
    """A planned site, a draft protocol, a hold elsewhere."""
    ntrust.actions.add_site(trial.study, code="S9", name="Nine", by=trial.manager, now=trial.tick())
    cohorts.actions.add_protocol_version(
        trial.study,
        document=make_document(version="B"),
        by=trial.manager,
        now=trial.tick(),
    )
    cohorts.actions.place_hold(
        trial.study,
        scope="SITE",
        site=trial.crews[1].site,
        reason="an audit",
        by=trial.monitor,
        now=trial.tick(),
    )


@dataclass(frozen=True)
class Scene:
    """The trial and one person, who tries something."""

    trial: Conduct
    by: User

    @property
    def who(self) -> dict[str, Any]:
        return {"by": self.by, "now": self.trial.tick()}

    @property
    def signing(self) -> dict[str, Any]:
        return {**self.who, "password": PASSWORD}

    def participant(self, state: str) -> Participant:
        return Participant.objects.filter(state=state).earliest("id")

    @property
    def site(self) -> Site:
        return self.trial.crews[0].site

    @property
    def infusion(self) -> Infusion:
        return Infusion.objects.get(
            course__participant__state="CONDITIONING", number=1, course__ended_at__isnull=False
        )


Try = Callable[[Scene], Any]
Rights = dict[str, tuple[frozenset[str], Try]]
C, D, N, S = cohorts.actions, dosing.actions, ntrust.actions, safety.actions
