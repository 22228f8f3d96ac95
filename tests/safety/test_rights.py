"""Every action, every kind of person: allowed or refused as the life cycles and policies say."""

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import transaction

import cohorts.actions
import dosing.actions
import ntrust.actions
import safety.actions
from cohorts.actions import Conclusion
from cohorts.engine.design import Verdict
from cohorts.models import Decision, Hold, Participant, Slot
from dosing.models import Course, Infusion
from ntrust.errors import Refused
from ntrust.models import Membership, Site, User
from safety.management.conduct import Conduct
from safety.models import DltReport, Review
from tests.factories import (
    DISEASE,
    PASSWORD,
    cast,
    fingerprint,
    make_document,
    make_trial,
    open_level,
    report_dlt_of,
    reserve,
    run_cohort,
    seat,
    shared_trial,
)

pytestmark = pytest.mark.django_db

REASON = "The committee wants to see more participants at this level."
MANAGER, MONITOR = frozenset({"manager"}), frozenset({"monitor"})
INVESTIGATOR = frozenset({"investigator"})
CREW = INVESTIGATOR | {"pharmacist"}
SIGNERS = MANAGER | MONITOR
ADMINISTRATOR = frozenset({"superuser"})


def build() -> Conduct:
    """A trial in which each action could be done now, by whoever may."""
    trial = open_level(make_trial(sites=2))
    run_cohort(trial, 1, "P")
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
    cohorts.actions.screen_participant(
        trial.crews[0].site,
        screening_number="S-900",
        disease=DISEASE,
        consented_at=trial.now,
        by=by,
        now=trial.tick(),
    )
    more = Conclusion(Verdict.ENROL, trial.level(1), "agrees", reason=REASON, seats=1)
    trial.sign(trial.propose(more))
    trial.propose(more)
    add_what_waits(trial)
    trial.now += timedelta(days=30)
    report_dlt_of(trial, begun, "NOW")
    report_dlt_of(trial, conditioned, "IN72H")
    safety.actions.convene_review(trial.study, by=trial.manager, now=trial.tick())
    return trial


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


_built, trial = shared_trial(build)


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
C, D, N, S = cohorts.actions, dosing.actions, ntrust.actions, safety.actions


def hold_infusion(trial: Conduct) -> None:
    by = trial.crews[0].investigator
    D.hold_infusion(Scene(trial, by).infusion, reason="fever", by=by, now=trial.tick())


RIGHTS: dict[str, tuple[frozenset[str], Try]] = {
    "ntrust.add_site": (
        MANAGER,
        lambda s: N.add_site(s.trial.study, code="S8", name="Eight", **s.who),
    ),
    "ntrust.activate_site": (
        MANAGER,
        lambda s: N.activate_site(Site.objects.get(code="S9"), **s.who),
    ),
    "ntrust.grant_role": (
        ADMINISTRATOR,
        lambda s: N.grant_role(s.by, study=s.trial.study, role="AUDITOR", **s.who),
    ),
    "ntrust.revoke_role": (
        ADMINISTRATOR,
        lambda s: N.revoke_role(Membership.objects.get(user=s.trial.monitor), **s.who),
    ),
    "cohorts.add_protocol_version": (
        MANAGER,
        lambda s: C.add_protocol_version(
            s.trial.study, document=make_document(version="C"), **s.who
        ),
    ),
    "cohorts.activate_protocol": (
        MANAGER,
        lambda s: C.activate_protocol(s.trial.study.protocol_versions.get(version="B"), **s.who),
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
        lambda s: C.confirm_eligibility(s.participant("SCREENING"), **s.who),
    ),
    "cohorts.reserve_slot": (
        MANAGER,
        lambda s: C.reserve_slot(
            Participant.objects.filter(state="ELIGIBLE", slots=None).get(),
            level=s.trial.level(1),
            **s.who,
        ),
    ),
    "cohorts.confirm_slot": (
        MANAGER,
        lambda s: C.confirm_slot(Slot.objects.get(state="RESERVED"), **s.who),
    ),
    "cohorts.release_slot": (
        MANAGER,
        lambda s: C.release_slot(Slot.objects.get(state="RESERVED"), reason="ill", **s.who),
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
    "cohorts.lift_hold": (
        MONITOR,
        lambda s: C.lift_hold(Hold.objects.get(state="PLACED"), reason="over", **s.signing),
    ),
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
            Course.objects.get(ended_at=None), ended_at=s.trial.now, **s.who
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
PEOPLE = (
    "manager",
    "monitor",
    "investigator",
    "investigator elsewhere",
    "pharmacist",
    "pharmacist elsewhere",
    "committee",
    "auditor",
    "superuser",
    "stranger",
    "revoked",
)


def test_table_names_every_action() -> None:
    found = {
        f"{module.__name__.partition('.')[0]}.{name}"
        for module in (N, C, D, S)
        for name, thing in vars(module).items()
        if inspect.isfunction(thing)
        and not name.startswith("_")
        and thing.__module__.startswith(module.__name__)
        and "by" in (signature := inspect.signature(thing)).parameters
        and "change" not in signature.parameters
    }

    assert set(RIGHTS) == found


@pytest.mark.parametrize("action", RIGHTS)
def test_action_is_for_its_owners_only(trial: Conduct, action: str) -> None:
    allowed, attempt = RIGHTS[action]
    people = cast(trial)
    assert tuple(people) == PEOPLE
    could = set()

    for name, user in people.items():
        point = transaction.savepoint()
        if action == "dosing.resume_infusion":
            hold_infusion(trial)
        before = fingerprint()
        try:
            attempt(Scene(trial, user))
        except Refused as refusal:
            if refusal.code not in {"wrong_role", "other_site"} or fingerprint() != before:
                raise
        else:
            assert fingerprint() != before
            could.add(name)
        transaction.savepoint_rollback(point)

    assert could == allowed
