"""Whoever alters what was sealed is found, the row is named, and the way it was done.

Each test does one thing as the owner of the database, triggers off, with all time before the last
seal: what verify_history then says first is compared word for word.
"""

from typing import Any

import pytest
from django.db import connection

from cohorts.models import Outcome, Recommendation
from ntrust.change import study_change
from ntrust.models import Event, Seal, Signature, Site
from ntrust.sealing import seal_history
from ntrust.seals import ROWS_A_SEAL, sealed_tables
from ntrust.verifying import verify_history
from safety.management.conduct import Conduct
from tests.everything import build_everything
from tests.factories import shared_trial
from tests.ntrust.tampered import (
    HISTORY,
    first,
    found,
    found_in_chain,
    head,
    revision_at,
    row_of,
    tamper,
    tampering,
    write_something,
)

pytestmark = pytest.mark.django_db

_built, trial = shared_trial(build_everything)


# --- Nothing was altered -----------------------------------------------------------------------


def test_what_was_sealed_agrees(trial: Conduct) -> None:
    done = verify_history([head()])

    assert done.findings == ()
    assert done.unsealed == 0
    assert done.rows > 200
    assert done.head == head()
    assert Seal.objects.count() == done.seals == head().number


def test_every_table_that_is_written_once_is_sealed(trial: Conduct) -> None:
    names = {table.name for table in sealed_tables()}

    assert names >= {HISTORY, "ntrust_event", "ntrust_signature", "safety_packet"}
    assert names >= {"ntrust_userevent", "ntrust_membershipevent", "ntrust_accountevent"}
    assert "ntrust_seal" not in names
    filled = {each.name for each in sealed_tables() if each.model._default_manager.exists()}
    assert set(Seal.objects.values_list("table", flat=True)) == filled


def test_what_is_new_is_sealed_next(trial: Conduct) -> None:
    before = head()
    write_something(trial)
    unsealed = verify_history().unsealed

    done = seal_history(patience=0)

    assert done.rows == unsealed >= 2
    assert done.head == head() != before
    assert verify_history([before, head()]).findings == ()
    assert verify_history().unsealed == 0


def test_nothing_new_is_no_seal(trial: Conduct) -> None:
    before = head()

    done = seal_history(patience=0)

    assert (done.rows, done.seals, done.waiting, done.head) == (0, 0, (), before)


def test_many_rows_are_many_seals(trial: Conduct, monkeypatch: pytest.MonkeyPatch) -> None:
    assert ROWS_A_SEAL == 500
    monkeypatch.setattr("ntrust.seals.ROWS_A_SEAL", 7)
    sites = [Site(study=trial.study, code=f"T{n}", name=f"T{n}") for n in range(20)]
    with study_change(trial.study, by=trial.manager, reason="by hand", now=trial.tick()):
        Site.objects.bulk_create(sites)

    done = seal_history(patience=0)

    stretches = Seal.objects.filter(table="ntrust_siteevent").order_by("-number")[:3]
    assert [seal.rows for seal in stretches] == [6, 7, 7]
    assert done.rows == 20
    assert verify_history([head()]).findings == ()


# --- Rows ----------------------------------------------------------------------------------------


def test_altered_value_is_found(trial: Conduct) -> None:
    number = row_of(HISTORY)
    revision = revision_at(number)

    tamper(f"UPDATE {HISTORY} SET letter = 'X' WHERE pgh_id = %s", number)

    finding = first(head())
    assert (finding.kind, finding.table, finding.row) == ("altered", HISTORY, number)
    assert finding.revision == revision
    assert str(finding).startswith(f"altered: {HISTORY} {number} (revision {revision}): is not")


@pytest.mark.parametrize("key", ["user", "username", "reason", "revision", "at", "request"])
def test_altered_context_is_found(trial: Conduct, key: str) -> None:
    number = row_of(HISTORY)

    tamper(
        f"UPDATE {HISTORY} SET pgh_context = jsonb_set(pgh_context, %s, '1') WHERE pgh_id = %s",
        [key],
        number,
    )

    finding = first(head())
    assert (finding.kind, finding.table, finding.row) == ("altered", HISTORY, number)


def test_altered_time_is_found(trial: Conduct) -> None:
    number = row_of(HISTORY)

    tamper(
        f"UPDATE {HISTORY} SET pgh_created_at = pgh_created_at + '1 us' WHERE pgh_id = %s", number
    )

    assert (first().kind, first().row) == ("altered", number)


def test_deleted_row_is_found(trial: Conduct) -> None:
    number = row_of(HISTORY)

    tamper(f"DELETE FROM {HISTORY} WHERE pgh_id = %s", number)

    finding = first(head())
    assert (finding.kind, finding.table, finding.row) == ("missing", HISTORY, number)
    assert finding.sentence.endswith("and is gone")


def test_inserted_row_is_found(trial: Conduct) -> None:
    number = row_of(HISTORY)
    columns = next(each.columns for each in sealed_tables() if each.name == HISTORY)
    names = ", ".join(columns)

    tamper(
        f"INSERT INTO {HISTORY} (pgh_id, {names}) "
        f"SELECT %s, {names} FROM {HISTORY} WHERE pgh_id = %s",
        -7,
        number,
    )

    finding = first(head())
    assert (finding.kind, finding.table, finding.row) == ("reordered", HISTORY, -7)
    tamper(f"UPDATE {HISTORY} SET letter = 'X' WHERE pgh_id = -7")
    assert (first().kind, first().row) == ("inserted", -7)


def test_row_added_at_the_end_with_an_old_time_is_found(trial: Conduct) -> None:
    Seal.objects.filter(table=HISTORY).get()
    number = row_of(HISTORY)
    names = ", ".join(next(each.columns for each in sealed_tables() if each.name == HISTORY))
    tamper(
        f"INSERT INTO {HISTORY} ({names}) SELECT {names} FROM {HISTORY} WHERE pgh_id = %s", number
    )
    tamper(
        f"UPDATE {HISTORY} SET pgh_created_at = pgh_created_at - '2 h'::interval "
        f"WHERE pgh_id = (SELECT max(pgh_id) FROM {HISTORY})"
    )

    finding = first(head())

    assert (finding.kind, finding.table) == ("inserted", HISTORY)
    assert "says that it is older than the seal" in finding.sentence


def test_swapped_rows_are_found(trial: Conduct) -> None:
    one, other = row_of(HISTORY, 3), row_of(HISTORY, 5)

    for old, new in ((one, -1), (other, one), (-1, other)):
        tamper(f"UPDATE {HISTORY} SET pgh_id = %s WHERE pgh_id = %s", new, old)

    findings = found(head())
    assert [(f.kind, f.row) for f in findings[:2]] == [("reordered", one), ("reordered", other)]
    assert findings[0].sentence == f"holds what row {other} held when it was sealed"


def test_truncated_history_is_found(trial: Conduct) -> None:
    number = row_of(HISTORY, 0)

    with tampering(HISTORY) as cursor:
        cursor.execute(f"TRUNCATE {HISTORY}")

    finding = first(head())
    assert (finding.kind, finding.table, finding.row) == ("missing", HISTORY, number)


def test_dropped_column_is_found(trial: Conduct) -> None:
    with tampering() as cursor:
        cursor.execute(f"ALTER TABLE {HISTORY} DROP COLUMN because")

    finding = next(verify for verify in found_in_chain() if verify.table == HISTORY)
    assert finding.kind == "missing"


@pytest.mark.parametrize(
    ("model", "column", "value"),
    [
        (Event, "sentence", "Nothing happened."),
        (Event, "kind", "NOTE"),
        (Signature, "printed_name", "Somebody Else"),
        (Signature, "content_hash", "0" * 64),
        (Recommendation, "verdict", "ESCALATE"),
    ],
)
def test_altered_record_is_found(trial: Conduct, model: Any, column: str, value: str) -> None:
    row = model.objects.order_by("pk")[0]
    assert getattr(row, column) != value

    tamper(f"UPDATE {model._meta.db_table} SET {column} = %s WHERE id = %s", value, row.pk)

    finding = first(head())
    assert (finding.kind, finding.table, finding.row) == ("altered", model._meta.db_table, row.pk)
    assert finding.revision == getattr(row, "revision", None)


# --- Past the triggers ---------------------------------------------------------------------------


def test_write_without_history_is_found(trial: Conduct) -> None:
    outcome = Outcome.objects.earliest("pk")

    tamper(
        "UPDATE cohorts_outcome SET regimen = 'x', is_window_over = NOT is_window_over "
        "WHERE id = %s",
        outcome.pk,
    )

    finding = first(head())
    assert (finding.kind, finding.table, finding.row) == ("unkept", "cohorts_outcome", outcome.pk)
    assert (
        finding.sentence == "differs from the last version in its history: regimen, is_window_over"
    )


def test_row_without_history_is_found(trial: Conduct) -> None:
    columns = "study_id, code, name, place, registry_status, timezone, state, suspended_because"
    tamper(
        f"INSERT INTO ntrust_site ({columns}) VALUES (%s, 'X', 'X', '', '', 'UTC', 'PLANNED', '')",
        trial.study.pk,
    )

    site = Site.objects.get(code="X")
    assert [(f.kind, f.row, f.sentence) for f in found(head())] == [
        ("unkept", site.pk, "was entered, and no history knows it")
    ]


def test_row_removed_without_history_is_found(trial: Conduct) -> None:
    outcome = Outcome.objects.earliest("pk")

    tamper("DELETE FROM cohorts_outcome WHERE id = %s", outcome.pk)

    assert [(f.row, f.sentence) for f in found(head())] == [
        (outcome.pk, "was removed, and its history does not say so")
    ]


@pytest.mark.parametrize(
    ("statement", "sentence"),
    [
        ("DROP TRIGGER {} ON cohorts_outcome", "the trigger update_update is missing"),
        (
            "ALTER TABLE cohorts_outcome DISABLE TRIGGER {}",
            "the trigger update_update is switched off",
        ),
        (
            "CREATE OR REPLACE FUNCTION {}() RETURNS trigger LANGUAGE plpgsql "
            "AS 'BEGIN RETURN NULL; END'",
            "the trigger update_update does something else than the code says",
        ),
    ],
)
def test_trigger_that_no_longer_keeps_is_found(
    trial: Conduct, statement: str, sentence: str
) -> None:
    name = next(t for t in Outcome._meta.triggers if t.name == "update_update").get_pgid(Outcome)

    with tampering() as cursor:
        cursor.execute(statement.format(name))

    assert [str(each) for each in found(head())] == [f"trigger: cohorts_outcome: {sentence}"]


def test_dropped_trigger_and_a_write_are_found(trial: Conduct) -> None:
    """The write is past, the trigger back: the row still tells."""
    outcome = Outcome.objects.earliest("pk")
    with (
        connection.cursor() as cursor,
        study_change(trial.study, by=trial.manager, reason="by hand", now=trial.tick()),
    ):
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("ALTER TABLE cohorts_outcome DISABLE TRIGGER USER")
        cursor.execute("UPDATE cohorts_outcome SET regimen = 'x' WHERE id = %s", [outcome.pk])
        cursor.execute("ALTER TABLE cohorts_outcome ENABLE TRIGGER USER")

    findings = [each for each in found(head()) if each.kind != "trigger"]
    assert [(f.kind, f.row) for f in findings] == [("unkept", outcome.pk)]


def test_no_session_tells_a_trigger_to_stand_aside(trial: Conduct) -> None:
    names = [
        trigger.get_pgid(model) for model in (Outcome, Event) for trigger in model._meta.triggers
    ]
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT set_config('pgtrigger.ignore', %s, true)", [f"{{{','.join(names)}}}"]
        )

    with pytest.raises(Exception, match="Cannot update or delete"):
        Event.objects.update(kind="NOTE")


def test_function_that_lets_triggers_stand_aside_is_found(trial: Conduct) -> None:
    with tampering() as cursor:
        cursor.execute(
            "CREATE OR REPLACE FUNCTION public._pgtrigger_should_ignore(trigger_name NAME) "
            "RETURNS BOOLEAN LANGUAGE plpgsql AS 'BEGIN RETURN TRUE; END'"
        )

    assert [each.kind for each in found(head())] == ["trigger"]
