"""Every pair of every life cycle: what is not in the table is refused, by the database too."""

from itertools import product
from typing import Any

import pytest
from django.apps import apps
from django.db import ProgrammingError, connection, models, transaction

from cohorts.models import (
    Circulation,
    Cohort,
    Decision,
    Deviation,
    Hold,
    HoldLift,
    Participant,
    ProtocolVersion,
    ReReview,
    Screening,
    Slot,
)
from cohorts.states import LIFE_CYCLES as COHORT_CYCLES
from dosing.models import DltWindow, InFlight, Infusion, LdAdministration, MonitorCall, ProductLot
from dosing.states import LIFE_CYCLES as DOSING_CYCLES
from ntrust.change import study_change
from ntrust.errors import Refused
from ntrust.models import Delivery, Endpoint, Site, Study
from ntrust.states import LIFE_CYCLES, SERVICE, LifeCycle, Role
from safety.models import (
    DataQuery,
    DltCandidate,
    DltReport,
    PacketFile,
    Review,
    Superseding,
    TakeOver,
)
from safety.states import LIFE_CYCLES as SAFETY_CYCLES
from tests.everything import build_everything
from tests.factories import shared_trial

pytestmark = pytest.mark.django_db

CYCLES = (*LIFE_CYCLES, *COHORT_CYCLES, *DOSING_CYCLES, *SAFETY_CYCLES)
TABLES: dict[str, type[models.Model]] = {
    "the study": Study,
    "the site": Site,
    "the delivery": Delivery,
    "the webhook": Endpoint,
    "the protocol version": ProtocolVersion,
    "the cohort": Cohort,
    "the participant": Participant,
    "the screening": Screening,
    "the slot": Slot,
    "the decision": Decision,
    "the re-review": ReReview,
    "the hold": Hold,
    "the lifting of a hold": HoldLift,
    "the deviation": Deviation,
    "the product lot": ProductLot,
    "the lymphodepletion dose": LdAdministration,
    "the call": MonitorCall,
    "the infusion": Infusion,
    "the question about an infusion in flight": InFlight,
    "the DLT window": DltWindow,
    "the data query": DataQuery,
    "the DLT report": DltReport,
    "the superseding": Superseding,
    "the candidate": DltCandidate,
    "the review": Review,
    "the take-over": TakeOver,
    "the packet file": PacketFile,
}
PAIRS = [
    pytest.param(cycle, start, to, id=f"{cycle.name}: {start} to {to}")
    for cycle in CYCLES
    for start, to in product(cycle.states.values, repeat=2)
]


_built, trial = shared_trial(build_everything)


def test_every_life_cycle_has_a_table_here() -> None:
    with_state = {
        model
        for app in ("ntrust", "cohorts", "dosing", "safety")
        for model in apps.get_app_config(app).get_models()
        if "state" in {field.name for field in model._meta.fields}
        and not hasattr(model, "pgh_tracked_model")
    }

    assert {cycle.name for cycle in CYCLES} == set(TABLES)
    assert set(TABLES.values()) == with_state


@pytest.mark.parametrize(("cycle", "start", "to"), PAIRS)
def test_check_refuses_what_is_not_in_the_table(cycle: LifeCycle, start: str, to: str) -> None:
    if (start, to) in cycle.moves:
        cycle.check(start, to)
        return

    with pytest.raises(Refused) as caught:
        cycle.check(start, to)

    assert caught.value.code == "illegal_move"
    assert cycle.states(to).label in caught.value.sentence


@pytest.mark.parametrize("cycle", CYCLES, ids=lambda cycle: cycle.name)
def test_every_move_has_an_owner_that_exists(cycle: LifeCycle) -> None:
    for owners in cycle.moves.values():
        assert owners
        assert owners <= {*Role.values, SERVICE}


@pytest.mark.parametrize("cycle", CYCLES, ids=lambda cycle: cycle.name)
def test_database_refuses_what_is_not_in_the_table(trial: Any, cycle: LifeCycle) -> None:
    table = TABLES[cycle.name]._meta.db_table
    accepted = set()

    with study_change(trial.study, by=trial.manager, reason="by hand", now=trial.tick()):
        drop_checks(table)
        for start, to in product(cycle.states.values, repeat=2):
            if start != to and moves_in_database(table, start, to):
                accepted.add((start, to))

    assert accepted == {(str(start), str(to)) for start, to in cycle.moves}


def drop_checks(table: str) -> None:
    """Without the table's other rules (which would refuse too) only the life cycle is asked."""
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute(
            "SELECT conname FROM pg_constraint WHERE conrelid = %s::regclass AND contype = 'c'",
            [table],
        )
        for (name,) in cursor.fetchall():
            cursor.execute(f'ALTER TABLE {table} DROP CONSTRAINT "{name}"')
        cursor.execute(
            "SELECT tgname FROM pg_trigger WHERE tgrelid = %s::regclass AND NOT tgisinternal"
            " AND tgname NOT LIKE 'pgtrigger_legal_moves_only%%'",
            [table],
        )
        for (name,) in cursor.fetchall():
            cursor.execute(f"ALTER TABLE {table} DISABLE TRIGGER {name}")


def moves_in_database(table: str, start: str, to: str) -> bool:
    """Whether raw SQL can take the table's first row from one state to another."""
    row = f"WHERE id = (SELECT min(id) FROM {table})"
    point = transaction.savepoint()
    try:
        with connection.cursor() as cursor:
            cursor.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
            cursor.execute(f"UPDATE {table} SET state = %s {row}", [start])
            assert cursor.rowcount == 1
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
            cursor.execute(
                "SELECT tgname FROM pg_trigger WHERE tgrelid = %s::regclass"
                " AND tgname LIKE 'pgtrigger_legal_moves_only%%'",
                [table],
            )
            ((trigger,),) = cursor.fetchall()
            cursor.execute(f"ALTER TABLE {table} ENABLE TRIGGER {trigger}")
            cursor.execute(f"UPDATE {table} SET state = %s {row}", [to])
    except ProgrammingError as error:
        if "Invalid transition" not in str(error):
            raise
        return False
    else:
        return True
    finally:
        transaction.savepoint_rollback(point)


# A person may be missing beside the time, for this reason.
WITHOUT_PERSON = {
    ("Membership", "granted"): "roles given while a machine is set up have no giver",
    ("Hold", "placed"): "a rule places holds by itself",
    ("Deviation", "noted"): "a rule notes deviations by itself",
}


def test_every_time_and_its_person_are_set_together() -> None:
    unpaired = []
    for app in ("ntrust", "cohorts", "dosing", "safety"):
        for model in apps.get_app_config(app).get_models():
            if hasattr(model, "pgh_tracked_model"):
                continue
            fields = {field.name: field for field in model._meta.fields}
            stems = [name[:-3] for name in fields if name.endswith("_at")]
            for stem in (stem for stem in stems if f"{stem}_by" in fields):
                pair = fields[f"{stem}_at"], fields[f"{stem}_by"]
                names = {constraint.name for constraint in model._meta.constraints}
                constraint = f"{model._meta.model_name}_{stem}_at_with_{stem}_by"
                if (
                    any(field.null for field in pair)
                    and constraint not in names
                    and (model.__name__, stem) not in WITHOUT_PERSON
                ):
                    unpaired.append(f"{model.__name__}.{stem}")

    assert unpaired == []


def test_database_refuses_a_time_without_its_person(trial: Any) -> None:
    row = Circulation.objects.first()
    assert row is not None

    with (
        pytest.raises(Exception, match="acknowledged_at_with_acknowledged_by"),
        study_change(trial.study, by=trial.manager, reason="by hand", now=trial.tick()),
    ):
        Circulation.objects.filter(pk=row.pk).update(acknowledged_by=None)
