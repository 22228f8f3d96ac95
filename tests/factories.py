"""Trials for tests, set up and moved on by the service's own actions; nothing writes rows here.

A trial is a `Conduct`: its methods are what people do. One infusion a participant unless a test
asks for more, because most tests are about what follows from it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from copy import copy, deepcopy
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.apps import apps
from django.db import connection, transaction
from django.test import Client, override_settings
from pytest_django import DjangoDbBlocker

from cohorts.actions import add_protocol_version, approve_protocol, reserve_slot
from cohorts.engine.design import Verdict
from cohorts.models import Outcome, Participant, ProtocolVersion, Slot
from cohorts.policies import recommend_now
from ntrust.actions import activate_site, add_site, create_study, grant_role, revoke_role
from ntrust.errors import Refused
from ntrust.models import Membership, Study, User
from ntrust.states import Role
from safety.actions import pass_time_everywhere, report_dlt, report_event
from safety.management.conduct import Conduct, Crew, enlist
from safety.models import DltReport
from tests.witnesses import WITNESSES

START = datetime(2026, 1, 5, 9, tzinfo=UTC)
PASSWORD = "correct-horse-battery"
DISEASE = "lupus nephritis"
WINDOW_DAYS = 28

CRITERIA = [
    {"id": "NOW", "text": "Dose-limiting at once"},
    {"id": "IN72H", "text": "Dose-limiting unless it resolves in 72 h", "clock_hours": 72},
]
IDENTITY = {
    "title": "A trial",
    "protocol_number": "TEST-001",
    "registry_number": "",
    "product": "NKX019",
    "diseases": [DISEASE],
}
ASKED = {"fields": [{"key": "smokes", "label": "Smokes", "kind": "yes_no"}]}
"""Something to enter at screening; no criterion reads it."""
MEASUREMENTS = [{"key": "upcr", "name": "UPCR", "unit": "g/g", "highest": "50"}]
MEDICATIONS = [{"key": "cd20", "name": "CD20", "kind": "prohibited", "names": ["rituximab"]}]
REGIMENS = [
    {"key": "flu_cy", "name": "Flu/Cy", "days": [-5]},
    {
        "key": "in_mg",
        "name": "Cy in mg",
        "days": [-5],
        "drugs": [{"drug": "cyclophosphamide", "mg_per_m2": "500", "days": [-5]}],
    },
]
EVERYBODY = ["STUDY_MANAGER", "MEDICAL_MONITOR", "INVESTIGATOR", "PHARMACIST"]
NOTIFICATIONS = {
    "DLT_REPORTED": {"roles": EVERYBODY, "urgent": True},
    "DLT_CONFIRMED": {"roles": ["STUDY_MANAGER"]},
    "DLT_OUTSIDE_WINDOW": {"roles": ["STUDY_MANAGER", "MEDICAL_MONITOR"], "urgent": True},
    "SUPERSEDING_PROPOSED": {"roles": ["STUDY_MANAGER", "MEDICAL_MONITOR"], "urgent": True},
    "ALERT_NOT_APPLIED": {"roles": ["STUDY_MANAGER", "MEDICAL_MONITOR"], "urgent": True},
    "HOLD_PLACED": {"roles": EVERYBODY, "urgent": True},
    "BASIS_CHANGED": {"roles": EVERYBODY, "urgent": True},
    "DECISION_SIGNED": {"roles": EVERYBODY},
    "BOUNDARY_CROSSED": {"roles": EVERYBODY, "urgent": True},
    "RDE_IN_QUESTION": {"roles": EVERYBODY, "urgent": True},
    "STUDY_TERMINATED": {"roles": EVERYBODY, "urgent": True},
    "MONITOR_CALL": {"roles": ["STUDY_MANAGER", "MEDICAL_MONITOR"], "urgent": True},
    "STATEMENT_DUE": {"roles": ["STUDY_MANAGER", "INVESTIGATOR"], "scope": "site"},
}


EVALUABLE = {"required": [1], "minimum_fraction": "0.8", "upper_fraction": "1.2"}
CHEAP_HASHER = ["django.contrib.auth.hashers.MD5PasswordHasher"]


@pytest.fixture(autouse=True)
def _cheap_passwords(settings: Any) -> None:
    """Signing asks for the password each time; unit tests need not pay Argon2 for it."""
    settings.PASSWORD_HASHERS = CHEAP_HASHER


def shared_trial(build: Callable[[], Conduct]) -> tuple[Any, Any]:
    """Two fixtures: a trial built once a module, and each test's own view of it.

    The build lives in a transaction around the module's tests; what a test does on top is rolled
    back as usual.
    """

    @pytest.fixture(scope="module")
    def built(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[Conduct]:
        block = transaction.atomic()
        block._from_testcase = True  # type: ignore[attr-defined]
        with (
            django_db_blocker.unblock(),
            override_settings(PASSWORD_HASHERS=CHEAP_HASHER),
            block,
        ):
            yield build()
            transaction.set_rollback(True)

    @pytest.fixture
    def trial(_built: Conduct, db: None) -> Conduct:
        return copy(_built)

    return built, trial


def make_document(
    *,
    doses: int = 3,
    infusion_days: Iterable[int] = (0,),
    anchor: str = "first_infusion",
    level_minus_one: bool = False,
    version: str = "A",
    infusions: Mapping[str, Any] | None = None,
    eligibility: dict[str, Any] | None = None,
    conduct: Mapping[str, Any] | None = None,
    **options: Any,
) -> dict[str, Any]:
    """A protocol document; `infusions` is more of that section, `conduct` are whole sections such
    as stagger and slots, `options` the 3+3 design's."""
    days = list(infusion_days)
    levels = [{"ordinal": n, "dose": str(n)} for n in range(1, doses + 1)]
    if level_minus_one:
        levels.insert(0, {"ordinal": -1, "dose": "0.5"})
    return {
        "version": version,
        **deepcopy(IDENTITY),
        "ladder": {"unit": "1e9 cells", "levels": levels},
        "options": {
            "min_n_at_mtd": 6,
            "allow_deescalation": True,
            "confirm_top_dose": True,
            "second_dlt": "stop_now",
            "expand_on_first_dlt": "at_three",
            "escalate_with_pending": False,
            **options,
        },
        "window": {"days": WINDOW_DAYS, "anchor": anchor},
        "evaluability": {"minimum_infusions": min(2, len(days)), **EVALUABLE},
        "infusions": {"days": days, **(infusions or {})},
        "lymphodepletion": deepcopy(REGIMENS),
        "dlt_criteria": deepcopy(CRITERIA),
        "eligibility": deepcopy(eligibility or {}),
        "measurements": deepcopy(MEASUREMENTS),
        "medications": deepcopy(MEDICATIONS),
        "review": {"quorum": 3},
        "notifications": deepcopy(NOTIFICATIONS),
        "data_protection": {"mail": "numbers"},
        **(conduct or {}),
    }


def make_trial(
    *,
    sites: int = 1,
    key: str = "trial",
    is_replay: bool = False,
    zone: str = "UTC",
    **document: Any,
) -> Conduct:
    """A study in escalation with `sites` active sites, their crews and the central people."""
    study = create_study(
        key, title="A trial", protocol_number="TEST-001", is_replay=is_replay, now=START
    )
    common: dict[str, Any] = {"study": study, "password": PASSWORD, "now": START}
    manager = enlist(f"manager-{key}", role=Role.STUDY_MANAGER, **common)
    monitor = enlist(f"monitor-{key}", role=Role.MEDICAL_MONITOR, **common)
    crews = []
    for number in range(1, sites + 1):
        name = f"Site {number}"
        site = add_site(study, code=f"S{number}", name=name, timezone=zone, by=manager, now=START)
        site = activate_site(site, by=manager, now=START)
        name = f"{key}-{number}"
        crews.append(
            Crew(
                site,
                enlist(f"investigator-{name}", role=Role.INVESTIGATOR, site=site, **common),
                enlist(f"pharmacist-{name}", role=Role.PHARMACIST, site=site, **common),
            )
        )
    version = add_protocol_version(study, document=make_document(**document), by=manager, now=START)
    approve(version, by=manager, now=START)
    study = Study.objects.get(pk=study.pk)
    return Conduct(study, manager, monitor, PASSWORD, "flu_cy", START, crews)


def approve(
    version: ProtocolVersion, *, by: User, now: datetime, **entered: Any
) -> ProtocolVersion:
    """The manager's signature on a draft as it is now; in force at once when no day is given."""
    signed = {"seen_hash": version.document_hash, "reason": "as planned", "password": PASSWORD}
    return approve_protocol(version, by=by, now=now, **{**signed, **entered})


def amend(trial: Conduct, *, version: str = "B", **document: Any) -> ProtocolVersion:
    """A new version with this document (see `make_document`), in force at once."""
    draft = add_protocol_version(
        trial.study,
        document=make_document(version=version, **document),
        by=trial.manager,
        now=trial.tick(),
    )
    return approve(draft, by=trial.manager, now=trial.tick())


def open_level(trial: Conduct, level: int = 1, **concluded: Any) -> Conduct:
    """What the rules recommend, decided, signed and circulated; it has to be for `level`."""
    advice = trial.advice()
    assert advice.level == level, f"the rules say {advice}"
    trial.decide(Verdict(advice.verdict), level, **concluded)
    return trial


def seat(trial: Conduct, level: int, count: int = 1) -> list[Participant]:
    """So many more participants with a confirmed seat."""
    return [trial.seat(level, disease=DISEASE) for _ in range(count)]


def reserve(trial: Conduct, person: Participant, level: int) -> Slot:
    """A reserved seat, not yet confirmed."""
    return reserve_slot(person, level=trial.level(level), by=trial.manager, now=trial.tick())


def treat(trial: Conduct, people: Iterable[Participant]) -> datetime:
    """Lymphodepletion and the first infusion; answers Day 0."""
    people = list(people)
    day_0 = trial.now + timedelta(days=5)
    trial.condition(people, day_0=day_0)
    trial.infuse(people, day_0=day_0, days=(0,))
    return day_0


def end_windows(trial: Conduct) -> None:
    """Wait until every DLT window of now is over, and let the clock be applied."""
    trial.now += timedelta(days=WINDOW_DAYS + 2)
    pass_time_everywhere(now=trial.now)


def report_dlt_of(trial: Conduct, person: Participant, criterion: str = "NOW") -> DltReport:
    """A DLT that begins now."""
    return trial.report(person, criterion=criterion, term="Cytokine release", grade=4)


def report_late_dlt(
    trial: Conduct,
    person: Participant,
    criterion: str = "NOW",
    *,
    onset_at: datetime | None = None,
) -> DltReport:
    """A DLT that began then, or on the day after infusion 1, and becomes known now."""
    by = trial.investigator_of(person)
    given_at = Outcome.objects.get(participant=person).first_infused_at
    assert given_at is not None
    event = report_event(
        person,
        term="Cytokine release",
        onset_at=onset_at or given_at + timedelta(days=1),
        grade=4,
        grading_system="CTCAE v5.0",
        causality="POSSIBLE",
        is_serious=True,
        aware_at=trial.now,
        by=by,
        now=trial.tick(),
    )
    return report_dlt(event, criterion=criterion, by=by, now=trial.tick())


def run_cohort(trial: Conduct, level: int, letters: str) -> list[Participant]:
    """Seat and treat one participant a letter. N: signed at the window's end; T: a DLT reported;
    P: treated, nothing said (the window is over when there is an N); U: seated only."""
    people = seat(trial, level, len(letters))
    pairs = list(zip(people, letters, strict=True))
    treat(trial, [person for person, letter in pairs if letter != "U"])
    trial.now += timedelta(days=3)
    for person in (person for person, letter in pairs if letter == "T"):
        report_dlt_of(trial, person)
    if "N" in letters:
        end_windows(trial)
    for person in (person for person, letter in pairs if letter == "N"):
        trial.sign_no_dlt(person)
    return people


def letters_at(trial: Conduct, level: int) -> str:
    """What the level's participants count as, in the order they came."""
    rows = Outcome.objects.filter(study=trial.study, level__ordinal=level, is_counted=True)
    return "".join(rows.order_by("participant_id").values_list("letter", flat=True))


def answer_of(trial: Conduct) -> tuple[str, int | None]:
    """The stored recommendation, which has to be what the rules say on the rows of now."""
    advice, fresh = trial.advice(), recommend_now(trial.study)
    assert fresh is not None
    assert (advice.verdict, advice.level, advice.outcome, advice.mtd, advice.rule) == (
        fresh.verdict,
        fresh.level,
        fresh.outcome or "",
        fresh.mtd,
        fresh.rule,
    )
    return advice.verdict, advice.level


def kinds_since(trial: Conduct, revision: int) -> list[str]:
    """Kinds of the events written after a revision of the study, in order."""
    events = trial.study.events.filter(revision__gt=revision)
    return list(events.order_by("id").values_list("kind", flat=True))


def revision_of(trial: Conduct) -> int:
    return Study.objects.get(pk=trial.study.pk).revision


def cast(trial: Conduct) -> dict[str, User]:
    """One person of every kind, for a trial with two sites; the trial is at the first."""
    own, other = trial.crews[0], trial.crews[1]
    common: dict[str, Any] = {"study": trial.study, "password": PASSWORD, "now": trial.now}
    superuser = User.objects.create_superuser("root", password=PASSWORD, printed_name="Root")
    stranger = User.objects.create_user("stranger", password=PASSWORD, printed_name="Stranger")
    former = enlist("former", role=Role.STUDY_MANAGER, **common)
    grant_role(former, study=trial.study, role=Role.MEDICAL_MONITOR, by=None, now=trial.now)
    for bound in (Role.INVESTIGATOR, Role.PHARMACIST):
        grant_role(former, study=trial.study, role=bound, site=own.site, by=None, now=trial.now)
    for membership in Membership.objects.filter(user=former):
        revoke_role(membership, by=superuser, now=trial.tick())
    return {
        "manager": trial.manager,
        "monitor": trial.monitor,
        "investigator": own.investigator,
        "investigator elsewhere": other.investigator,
        "pharmacist": own.pharmacist,
        "pharmacist elsewhere": other.pharmacist,
        "committee": enlist("committee", role=Role.COMMITTEE, **common),
        "auditor": enlist("auditor", role=Role.AUDITOR, **common),
        "superuser": superuser,
        "stranger": stranger,
        "revoked": former,
    }


def client_of(user: User) -> Client:
    """A browser's session of this person."""
    client = Client()
    client.force_login(user)
    return client


def typed_by(user: User) -> dict[str, str]:
    """What a person types to sign on a page."""
    return {"username": user.username, "password": PASSWORD}


def fingerprint() -> dict[str, int]:
    """Rows in every table of ours, history included, and the studies' revisions.

    Every insert, update or delete of a clinical row adds a row of history; so equal numbers mean
    that nothing was written.
    """
    tables = sorted(
        model._meta.db_table
        for app in ("ntrust", "cohorts", "dosing", "safety")
        for model in apps.get_app_config(app).get_models(include_auto_created=True)
    )
    counts = " UNION ALL ".join(
        f"SELECT '{table}', count(*) FROM {table} WHERE {WITNESSES.get(table, 'true')}"
        for table in tables
    )
    revisions = "SELECT 'revisions', coalesce(sum(revision), 0) FROM ntrust_study"
    with connection.cursor() as cursor:
        cursor.execute(f"{counts} UNION ALL {revisions}")
        return {name: int(number) for name, number in cursor.fetchall()}


@contextmanager
def refused(code: str) -> Iterator[pytest.ExceptionInfo[Refused]]:
    """What happens inside is refused with this code, and nothing at all was written."""
    before = fingerprint()
    with pytest.raises(Refused) as caught:
        yield caught
    assert caught.value.code == code, f"{caught.value.code}: {caught.value.sentence}"
    assert fingerprint() == before


def shut(caught: pytest.ExceptionInfo[Refused]) -> list[str]:
    """Rules of the gates that were not clear."""
    return [gate.rule for gate in caught.value.gates if not gate.is_clear]
