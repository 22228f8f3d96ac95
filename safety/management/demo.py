"""The demo: Ntrust-1 as registered, half way up its ladder, for training. Invented data."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from functools import partial
from operator import itemgetter
from pathlib import Path
from typing import Any, Final

import yaml

from cohorts.actions import (
    add_consent_form,
    add_protocol_version,
    approve_protocol,
    confirm_not_evaluable,
    fail_screening,
    leave_study,
    request_slot,
)
from cohorts.engine.design import Verdict
from cohorts.models import Participant
from cohorts.policies import day_of
from cohorts.protocol import read_file
from cohorts.states import ParticipantState
from dosing.actions import receive_lot
from ntrust.actions import activate_site, add_site, create_study, grant_role
from ntrust.models import Study, User
from ntrust.states import Role
from safety.actions import EventDetails, end_event, report_event
from safety.management.answering import Answering
from safety.management.conduct import Conduct, Crew, enlist
from safety.management.demo_results import read_answers
from safety.management.replay import free_key

KEY: Final = "ntrust-1"
PASSWORD: Final = "ntrust-training"  # noqa: S105 - refused in production
PROTOCOLS = Path(__file__).parents[2] / "cohorts" / "protocols"
VERSIONS: Final = ("ntrust-1-a.yaml", "ntrust-1.yaml", "ntrust-1-c.yaml")
DEMO_SITES: Final = ("AR1", "FL1", "NY1")
LN, PMN = "lupus nephritis", "primary membranous nephropathy"
SCHEDULE = (0, 7, 14)
LEAD = timedelta(days=5)
TURN = timedelta(days=14, hours=1)
"""Version B's stagger, and an hour."""


def demo_logins() -> list[tuple[str, str]]:
    """User name and role of each demo account; all have the same password."""
    central = [
        ("manager", "study manager"),
        ("monitor", "medical monitor"),
        ("data-monitor", "data monitor"),
        ("committee", "safety review committee, read-only"),
        ("auditor", "auditor, read-only"),
    ]
    sites = [
        (f"{role}-{code.lower()}", f"{role} at {code}")
        for code in DEMO_SITES
        for role in ("investigator", "pharmacist")
    ]
    return central + sites


def load_ntrust_1(*, now: datetime) -> Study:
    """Set Ntrust-1 up and conduct it to the middle of its second level, up to `now`."""
    conduct = set_up(now - timedelta(days=175))
    _stock(conduct)
    _first_level(conduct)
    _second_level(conduct, now=now)
    _in_screening(conduct, now=now)
    conduct.finish("The training data are loaded.")
    return conduct.study


def set_up(now: datetime) -> Conduct:
    """The study with its people, its first sites and versions A to C of its protocol."""
    document = read_file(PROTOCOLS / VERSIONS[0])
    study = create_study(
        free_key(KEY),
        title=document.title,
        protocol_number=document.protocol_number,
        registry_number=document.registry_number,
        product=document.product,
        now=now,
    )
    common: dict[str, Any] = {"study": study, "password": PASSWORD, "now": now, "is_demo": True}
    manager = enlist("manager", role=Role.STUDY_MANAGER, **common)
    monitor = enlist("monitor", role=Role.MEDICAL_MONITOR, **common)
    enlist("data-monitor", role=Role.DATA_MONITOR, **common)
    enlist("committee", role=Role.COMMITTEE, **common)
    enlist("auditor", role=Role.AUDITOR, **common)
    crews = []
    for row in yaml.safe_load((PROTOCOLS / "ntrust-1-sites.yaml").read_text(encoding="utf-8")):
        site = add_site(study, by=manager, now=now, **row)
        if site.code not in DEMO_SITES:
            continue
        site = activate_site(site, by=manager, now=now)
        code = site.code.lower()
        crews.append(
            Crew(
                site,
                enlist(f"investigator-{code}", role=Role.INVESTIGATOR, site=site, **common),
                enlist(f"pharmacist-{code}", role=Role.PHARMACIST, site=site, **common),
            )
        )
    _amend(study, manager, now=now)
    answers = read_answers(read_file(PROTOCOLS / VERSIONS[1]))
    return Answering(study, manager, monitor, PASSWORD, "flu_cy", now, crews, answers=answers)


def _amend(study: Study, manager: User, *, now: datetime) -> None:
    """Version A comes into force and is amended to B, each with its consent form; C is a draft."""
    reasons = ("the first version", "pMN and fludarabine added, 48 participants")
    for number, name in enumerate(VERSIONS):
        document = read_file(PROTOCOLS / name).model_dump(mode="json", by_alias=True)
        version = add_protocol_version(study, document=document, by=manager, now=now)
        if number < len(reasons):
            approve_protocol(
                version,
                seen_hash=version.document_hash,
                reason=reasons[number],
                password=PASSWORD,
                by=manager,
                now=now,
            )
            add_consent_form(
                study,
                label=f"{version.version} 1.0",
                effective_on=day_of(now),
                version=version,
                by=manager,
                now=now,
            )


def _stock(conduct: Conduct) -> None:
    """Two product lots to be given, and one still in quarantine."""
    lasts = timedelta(days=365)
    billion = Decimal(10) ** 9
    conduct.stock("A12", total_cells=12 * billion, viability=Decimal("0.93"), lasts=lasts)
    conduct.stock("A13", total_cells=20 * billion, viability=Decimal("0.91"), lasts=lasts)
    receive_lot(
        conduct.study,
        code="B01",
        received_at=conduct.now,
        total_cells=16 * billion,
        viability=Decimal("0.88"),
        expires_on=(conduct.now + lasts).date(),
        by=conduct.crews[1].pharmacist,
        now=conduct.tick(),
    )


def _treat_in_turn(
    conduct: Conduct, people: Sequence[Participant], *, first: datetime, last_days: Sequence[int]
) -> datetime:
    """Lymphodepletion and infusions, one participant after the other as the stagger asks; the last
    one's on `last_days`. Answers the last one's Day 0."""
    agenda: list[tuple[datetime, partial[None]]] = []
    for place, person in enumerate(people):
        day_0 = first + place * TURN
        days = last_days if place == len(people) - 1 else SCHEDULE
        if (day_0 - LEAD).date() > conduct.now.date():
            agenda.append((day_0 - LEAD, partial(conduct.renew, person)))
        agenda.append((day_0 - LEAD, partial(conduct.condition, [person], day_0=day_0)))
        for day in days:
            act = partial(conduct.infuse, [person], day_0=day_0, days=(day,))
            agenda.append((day_0 + timedelta(days=day), act))
    for at, act in sorted(agenda, key=itemgetter(0)):
        conduct.now = max(conduct.now, at)
        act()
    return first + (len(people) - 1) * TURN


def _first_level(conduct: Conduct) -> None:
    """Three without a DLT, one of them in the place of a participant who withdrew."""
    conduct.decide(Verdict.ENROL, 1)
    people = [conduct.seat(1, disease=d, crew=c) for d, c in ((LN, 0), (LN, 1), (PMN, 2))]
    day_0 = _treat_in_turn(conduct, people, first=conduct.now + LEAD, last_days=SCHEDULE[:1])
    leave_study(
        people[2],
        to=ParticipantState.WITHDRAWN,
        reason="withdrew consent",
        by=conduct.investigator_of(people[2]),
        now=conduct.tick(),
    )
    confirm_not_evaluable(
        people[2],
        ground="withdrew",
        reason="withdrew consent after the first infusion, not for toxicity",
        by=conduct.monitor,
        now=conduct.tick(),
    )
    replacement = conduct.seat(1, disease=PMN, crew=1)
    later = _treat_in_turn(conduct, [replacement], first=day_0 + TURN, last_days=SCHEDULE)
    conduct.now = later + timedelta(days=30)
    for person in (*people[:2], replacement):
        conduct.sign_no_dlt(person)


def _second_level(conduct: Conduct, *, now: datetime) -> None:
    """One DLT in three, so the cohort is expanded: one infused, one conditioned, one seated; two
    wait."""
    conduct.decide(Verdict.ESCALATE, 2)
    conduct.now = now - timedelta(days=90)
    people = [conduct.seat(2, disease=d, crew=c) for d, c in ((LN, 0), (PMN, 1), (LN, 2))]
    day_0 = _treat_in_turn(conduct, people, first=conduct.now + LEAD, last_days=SCHEDULE)
    conduct.now = day_0 + timedelta(days=18)
    report = conduct.report(
        people[2], criterion="D3", term="Immune effector cell neurotoxicity", grade=3
    )
    conduct.adjudicate(report, reason="ICANS grade 3 on Day 18, component scores reviewed")
    conduct.now = day_0 + timedelta(days=30)
    for person in people[:2]:
        conduct.sign_no_dlt(person)
    conduct.decide(Verdict.EXPAND_COHORT, 2)
    conduct.now = now - timedelta(days=18)
    infused, conditioned, _seated = (
        conduct.seat(2, disease=d, crew=c) for d, c in ((LN, 0), (LN, 1), (PMN, 2))
    )
    _treat_in_turn(conduct, [infused], first=now - timedelta(days=13), last_days=SCHEDULE[:2])
    _cytokine_release(conduct, infused)
    for disease, crew in ((PMN, 1), (LN, 0)):
        person = conduct.screen(disease=disease, crew=crew)
        request_slot(person, by=conduct.investigator_of(person), now=conduct.tick())
    conduct.now = now - timedelta(days=1)
    conduct.renew(conditioned)
    conduct.begin(
        [conditioned],
        regimen="cy",
        day_0=conduct.now + timedelta(days=3),
        readings={"neutrophils": Decimal("2.2"), "platelets": Decimal(140)},
        reason="Neutrophils fell below the limit after screening.",
    )


def _cytokine_release(conduct: Conduct, person: Participant) -> None:
    """A CRS of grade 2 by its findings, over after a day; everything about it is entered."""
    by, began = conduct.investigator_of(person), conduct.now
    event = report_event(
        person,
        term="Cytokine release syndrome",
        onset_at=began,
        grade=None,
        grading_system="ASTCT CRS",
        causality="PROBABLE",
        aware_at=began,
        findings={"fever": "fever", "hypotension": "no_vasopressor", "hypoxia": "none"},
        details=EventDetails(
            seriousness=("HOSPITALISATION",),
            causalities={
                "fludarabine": "UNLIKELY",
                "cyclophosphamide": "UNLIKELY",
                "procedure": "UNRELATED",
                "disease": "UNRELATED",
            },
            action_taken="NONE",
            narrative="Fever and low blood pressure on the evening of infusion 2; fluids.",
        ),
        by=by,
        now=conduct.tick(),
    )
    conduct.now += timedelta(hours=20)
    ended_at = conduct.now
    end_event(event, ended_at=ended_at, outcome="RECOVERED", by=by, now=conduct.tick())


def _in_screening(conduct: Conduct, *, now: datetime) -> None:
    """A screen failure, and one of whom little is known yet."""
    conduct.now = max(conduct.now, now - timedelta(hours=20))
    failing, begun = (conduct.consent(disease=d, crew=c) for d, c in ((LN, 1), (PMN, 2)))
    conduct.fill_in(failing, which="failing")
    fail_screening(
        failing, by=conduct.investigator_of(failing), password=PASSWORD, now=conduct.tick()
    )
    conduct.fill_in(begun, which="begun")


def open_replay(study: Study, *, now: datetime) -> None:
    """Let the demo's central accounts, where there are any, look at a replayed trial."""
    for username, role in (
        ("manager", Role.STUDY_MANAGER),
        ("monitor", Role.MEDICAL_MONITOR),
        ("data-monitor", Role.DATA_MONITOR),
        ("committee", Role.COMMITTEE),
        ("auditor", Role.AUDITOR),
    ):
        for user in User.objects.filter(username=username, is_demo=True):
            grant_role(user, study=study, role=role, by=None, now=now)
