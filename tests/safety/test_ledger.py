"""Why can't we enrol or dose now: one list, the gates the actions check, for who may read it."""

from __future__ import annotations

import re
from datetime import timedelta
from itertools import pairwise
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from cohorts.actions import place_hold, request_slot
from cohorts.models import Participant
from cohorts.policies import gates_for_seat
from cohorts.queries import ladder, viewer_of
from cohorts.states import HoldScope
from dosing.models import Infusion
from dosing.policies import gates_for_infusion, gates_for_lymphodepletion
from ntrust import clock
from ntrust.actions import suspend_site
from ntrust.models import Notification, User
from ntrust.notifications import compose
from safety.management.conduct import Conduct
from safety.queries import Step, gate_ledger
from tests.factories import (
    DISEASE,
    cast,
    end_windows,
    make_trial,
    open_level,
    reserve,
    seat,
    shared_trial,
    treat,
)

pytestmark = pytest.mark.django_db


def build() -> Conduct:
    """One at every stage: P-001 treated, P-002 in lymphodepletion, P-003 seated; two wait."""
    trial = open_level(make_trial(sites=2, infusion_days=(0, 7)))
    treated, conditioned = seat(trial, 1, 2)
    trial.seat(1, disease=DISEASE, crew=1)
    treat(trial, [treated])
    trial.condition([conditioned], day_0=trial.now + timedelta(days=5))
    for crew in (0, 1):
        person = trial.screen(disease=DISEASE, crew=crew)
        request_slot(person, by=trial.investigator_of(person), now=trial.tick())
    return trial


_built, trial = shared_trial(build)


@pytest.fixture(autouse=True)
def _now(trial: Conduct, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock, "now", lambda: trial.now)


def ledger(trial: Conduct, user: User, person: Participant | None = None) -> list[Step]:
    viewer = viewer_of(user, trial.study.key)
    assert viewer is not None
    return gate_ledger(viewer.study, now=trial.now, viewer=viewer, participant=person)


def named(trial: Conduct, subject: str) -> Participant:
    return trial.study.participants.get(subject_number=subject)


def rules(step: Step) -> list[tuple[str, bool]]:
    return [(gate.rule, gate.is_clear) for gate in step.gates]


def test_ledger_asks_every_next_step_the_conditioned_first(trial: Conduct) -> None:
    steps = ledger(trial, trial.manager)

    assert [(step.kind, step.question) for step in steps] == [
        ("SEAT", "Enrol at level 1"),
        ("INFUSION", "P-002: infusion 1"),
        ("INFUSION", "P-001: infusion 2"),
        ("LYMPHODEPLETION", "P-003: lymphodepletion"),
        ("SEAT", "P-004: seat at level 1"),
        ("SEAT", "P-005: seat at level 1"),
    ]


def test_ledger_has_the_gates_that_the_actions_check(trial: Conduct) -> None:
    steps = ledger(trial, trial.manager)
    by_question = {step.question: rules(step) for step in steps}
    infusion = Infusion.objects.get(course__participant=named(trial, "P-002"), number=1)
    level, now = trial.level(1), trial.now

    assert by_question["Enrol at level 1"] == [
        (gate.rule, gate.is_clear) for gate in gates_for_seat(trial.study, level, now=now)
    ]
    assert by_question["P-002: infusion 1"] == [
        (gate.rule, gate.is_clear) for gate in gates_for_infusion(infusion, now=now)
    ]
    assert by_question["P-003: lymphodepletion"] == [
        (gate.rule, gate.is_clear)
        for gate in gates_for_lymphodepletion(named(trial, "P-003"), now=now)
    ]
    assert by_question["P-004: seat at level 1"] == [
        (gate.rule, gate.is_clear)
        for gate in gates_for_seat(trial.study, level, now=now, participant=named(trial, "P-004"))
    ]


def test_ladder_and_ledger_say_the_same_of_the_next_seat(trial: Conduct) -> None:
    viewer = viewer_of(trial.manager, trial.study.key)
    assert viewer is not None
    page = ladder(viewer.study, viewer=viewer, now=trial.now)

    (step,) = [step for step in ledger(trial, trial.manager) if step.question.startswith("Enrol")]

    assert [gate.mark for gate in page.shut_gates] == [gate.mark for gate in step.shut]
    assert [gate.mark for gate in page.clear_gates] == [gate.mark for gate in step.clear]


def test_site_reads_its_own_people_only(trial: Conduct) -> None:
    steps = ledger(trial, trial.crews[1].investigator)

    assert [step.question for step in steps] == [
        "Enrol at level 1, site S2",
        "P-003: lymphodepletion",
        "P-005: seat at level 1",
    ]
    said = " ".join(gate.mark.text for step in steps for gate in step.gates)
    for hidden in ("P-001", "P-002", "P-004"):
        assert hidden not in said


def test_what_stops_a_site_alone_stands_in_its_own_ledger(trial: Conduct) -> None:
    """A level that has a seat for others has none for a site that is held or suspended, or has yet
    to read the decision."""
    here, elsewhere = trial.crews
    place_hold(
        trial.study,
        scope=HoldScope.SITE,
        site=here.site,
        reason="a warm freezer",
        by=trial.monitor,
        now=trial.tick(),
    )
    suspend_site(elsewhere.site, reason="an audit", by=trial.manager, now=trial.tick())

    own, other, every = (
        {gate.rule for gate in ledger(trial, user)[0].shut}
        for user in (here.investigator, elsewhere.pharmacist, trial.manager)
    )

    assert own - every == {"held_site"}
    assert other - every == {"site_active"}
    assert "Enrol at level 1, site S2: not now." in mail_to(trial, elsewhere.investigator)


def test_ledger_of_one_participant(trial: Conduct) -> None:
    own, elsewhere = named(trial, "P-002"), named(trial, "P-003")
    site = trial.crews[0].investigator

    assert [step.question for step in ledger(trial, site, own)] == ["P-002: infusion 1"]
    assert ledger(trial, site, elsewhere) == []


def test_hold_is_in_the_way_of_every_step(trial: Conduct) -> None:
    place_hold(
        trial.study, scope=HoldScope.STUDY, reason="a signal", by=trial.monitor, now=trial.tick()
    )

    steps = ledger(trial, trial.manager)

    for step in steps:
        assert "held_study" in [gate.rule for gate in step.shut]
        assert step.opens_at is None


def test_step_opens_when_time_alone_is_in_the_way() -> None:
    trial = open_level(make_trial(key="staggered", conduct={"stagger": {"days": 14}}))
    first, second = seat(trial, 1, 2)
    treat(trial, [first])
    infused_at = trial.now

    (step,) = [s for s in ledger(trial, trial.manager) if s.subject == str(second)]

    assert not step.is_open
    assert step.opens_at == infused_at + timedelta(days=9)


def test_reservation_waits_for_its_confirmation() -> None:
    trial = open_level(make_trial(key="reserved"))
    reserve(trial, trial.screen(disease=DISEASE), 1)

    last = ledger(trial, trial.manager)[-1]

    assert (last.kind, last.question, last.is_open) == (
        "CONFIRM",
        "P-001: confirm the seat at level 1",
        True,
    )


def test_window_that_is_over_waits_for_its_statement() -> None:
    trial = open_level(make_trial(key="over"))
    (person,) = seat(trial, 1, 1)
    treat(trial, [person])
    running = ledger(trial, trial.manager, person)
    end_windows(trial)

    over = ledger(trial, trial.manager, person)

    assert [step.kind for step in running + over] == ["STATEMENT", "STATEMENT"]
    assert (running[0].is_open, over[0].is_open) == (False, True)
    assert running[0].opens_at == person.outcome.window_closes_at
    trial.sign_no_dlt(person)
    assert ledger(trial, trial.manager, person) == []


def test_each_further_participant_of_a_kind_costs_the_same() -> None:
    trial = open_level(make_trial(key="costs", sites=1))
    people = [trial.screen(disease=DISEASE) for _ in range(4)]
    costs = []
    for person in people:
        request_slot(person, by=trial.investigator_of(person), now=trial.tick())
        with CaptureQueriesContext(connection) as queries:
            ledger(trial, trial.manager)
        costs.append(len(queries))

    steps = [after - before for before, after in pairwise(costs[1:])]
    assert len(set(steps)) == 1


def test_page_asks_and_answers(trial: Conduct) -> None:
    url = reverse("safety:gates", args=[trial.study.key])
    client = Client()
    client.force_login(trial.crews[0].investigator)

    text = client.get(url).content.decode()

    text = re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", text))
    assert "Why can't we enrol or dose now?" in text.replace("&#x27;", "'")
    assert "P-002: infusion 1 ● can be done now" in text
    assert "P-003" not in text
    assert "Who can clear it:" in text or "Clears" in text


def test_page_has_its_readers(trial: Conduct) -> None:
    url = reverse("safety:gates", args=[trial.study.key])
    answers = {}
    for who, user in cast(trial).items():
        client = Client()
        client.force_login(user)
        answers[who] = client.get(url).status_code

    assert {who for who, status in answers.items() if status == 200} == {
        "manager",
        "monitor",
        "auditor",
        "investigator",
        "pharmacist",
        "investigator elsewhere",
        "pharmacist elsewhere",
    }


# --- In mails --------------------------------------------------------------------------------


def mail_to(trial: Conduct, user: User) -> str:
    event = trial.study.events.filter(kind="HOLD_PLACED").latest("id")
    return str(compose(Notification(event=event, recipient=user)).body)


def test_mail_says_why_nobody_can_be_enrolled(trial: Conduct) -> None:
    people = cast(trial)
    place_hold(
        trial.study,
        scope=HoldScope.STUDY,
        reason="a seizure at another trial",
        by=trial.manager,
        now=trial.tick(),
    )

    mails = {who: mail_to(trial, people[who]) for who in ("manager", "investigator elsewhere")}

    assert "Enrol at level 1: not now.\n- Held since 1" in mails["manager"]
    assert "Enrol at level 1, site " in mails["investigator elsewhere"]
    for said in mails.values():
        assert ": not now.\n- Held since 1" in said
        assert "- All open seats at level 1 are taken." in said
        assert "seizure" not in said, "what people typed is read after a log-in"
    assert "Enrol at" not in mail_to(trial, people["committee"])
    assert "Enrol at" not in mail_to(trial, people["stranger"])


def test_mail_goes_out_though_the_gates_cannot_be_read(trial: Conduct, settings: Any) -> None:
    place_hold(
        trial.study, scope=HoldScope.STUDY, reason="a signal", by=trial.manager, now=trial.tick()
    )
    settings.NTRUST_GATES = "operator.truediv"

    said = mail_to(trial, trial.manager)

    assert said.startswith("Hold on the study")
    assert "Log in to see" in said
