"""Verified rows, data queries and data cuts."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

from cohorts.models import Participant
from dosing.actions import Reading
from ntrust.states import Role
from safety.management.conduct import Conduct, enlist
from safety.models import DataQuery, Verification
from safety.policies import source_rows
from tests.factories import PASSWORD
from tests.safety.rights.scene import CREW, MANAGER, MONITOR, D, Rights, S, Scene

DATA_MONITOR = frozenset({"data monitor"})
ASKERS = MANAGER | MONITOR | DATA_MONITOR
VERIFIERS = MONITOR | DATA_MONITOR | CREW


def ask_and_verify(trial: Conduct) -> None:
    """Two rows that a colleague entered, one of them verified; a query in each state."""
    person = first(trial)
    site: Any = {"site": person.site, "study": trial.study, "password": PASSWORD}
    colleague = enlist("colleague", role=Role.INVESTIGATOR, now=trial.now, **site)
    for value in (1, 2):
        day = trial.now.date() - timedelta(days=value)
        reading = Reading(Decimal(value), "g/g", measured_on=day)
        D.record_measurement(
            person, measurement="upcr", reading=reading, by=colleague, now=trial.tick()
        )
    for text in ("open", "answered", "closed"):
        query = S.raise_query(person, text=text, by=trial.manager, now=trial.tick())
        if text != "open":
            who: dict[str, Any] = {"by": trial.investigator_of(person), "now": trial.tick()}
            S.answer_query(query, text="as in the chart", **who)
        if text == "closed":
            S.close_query(query, text="settled", by=trial.manager, now=trial.tick())
    S.verify_rows(
        person, rows=measured(trial)[:1], source="chart", by=trial.monitor, now=trial.tick()
    )


def first(trial: Conduct) -> Participant:
    return Participant.objects.filter(study=trial.study, state="FOLLOW_UP").earliest("id")


def measured(trial: Conduct) -> list[tuple[str, int, str]]:
    rows = source_rows(trial.study, people=[first(trial)])
    return [(one.table, one.row, one.facts_hash) for one in rows if one.table == "measurement"]


def query(state: str) -> DataQuery:
    return DataQuery.objects.get(state=state)


def verify(scene: Scene) -> Any:
    row = measured(scene.trial)[1:2]
    return S.verify_rows(first(scene.trial), rows=row, source="chart", **scene.who)


RIGHTS: Rights = {
    "safety.verify_rows": (VERIFIERS, verify),
    "safety.withdraw_verification": (
        VERIFIERS,
        lambda s: S.withdraw_verification(Verification.objects.get(), reason="misread", **s.who),
    ),
    "safety.raise_query": (
        ASKERS,
        lambda s: S.raise_query(first(s.trial), text="Which day?", **s.who),
    ),
    "safety.answer_query": (
        CREW,
        lambda s: S.answer_query(query("OPEN"), text="the fifth", **s.who),
    ),
    "safety.close_query": (
        ASKERS,
        lambda s: S.close_query(query("ANSWERED"), text="settled", **s.who),
    ),
    "safety.reopen_query": (
        ASKERS,
        lambda s: S.reopen_query(query("CLOSED"), text="not settled", **s.who),
    ),
    "safety.lock_cut": (MANAGER, lambda s: S.lock_cut(s.trial.study, purpose="x", **s.signing)),
}
PREPARE = ask_and_verify
