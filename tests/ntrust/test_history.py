"""Every version of every clinical row is kept, with who and why; no path skips it."""

import json
from datetime import UTC, datetime
from typing import Any

import pghistory.models
import psycopg
import pytest
from django.apps import apps
from django.db import DatabaseError, connection, models, transaction

from cohorts.actions import place_hold
from cohorts.models import Cohort, Outcome, ScreeningResult
from dosing.models import MonitorCall
from ntrust.change import study_change
from ntrust.models import Event, Membership, Signature, Site, Study, User
from ntrust.seals import is_written_once
from safety.management.conduct import Conduct
from tests.everything import build_everything
from tests.factories import refused, revision_of, shared_trial

pytestmark = pytest.mark.django_db


_built, trial = shared_trial(build_everything)


@pytest.fixture
def no_context(trial: Conduct) -> None:
    """As at the start of a transaction: the study change before it has ended."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT set_config('pghistory.context_metadata', '', true)")
        cursor.execute("SELECT set_config('pghistory.context_id', '', true)")


# The database is told who and why: even then history stays.
AS_IN_A_CHANGE = "SELECT set_config('pghistory.context_metadata', '{\"revision\": 1}', true)"


def models_of_ours() -> list[type[models.Model]]:
    return [
        model
        for app in ("ntrust", "cohorts", "dosing", "safety")
        for model in apps.get_app_config(app).get_models()
    ]


HISTORY = [model for model in models_of_ours() if hasattr(model, "pgh_tracked_model")]
APPEND_ONLY = [
    model
    for model in models_of_ours()
    if is_written_once(model) and not hasattr(model, "pgh_tracked_model")
]
CLINICAL = [
    model
    for model in models_of_ours()
    if any(trigger.name == "needs_context" for trigger in getattr(model._meta, "triggers", []))
]


def name_of(model: type[models.Model]) -> str:
    return model.__name__


def history_of(row: models.Model) -> list[Any]:
    model = next(h for h in HISTORY if h.pgh_tracked_model is type(row))
    return list(model.objects.filter(pgh_obj_id=row.pk).order_by("pgh_id"))


def test_tables_are_found() -> None:
    assert {m.__name__ for m in CLINICAL} >= {
        "AdverseEvent",
        "Circulation",
        "Cohort",
        "Course",
        "Decision",
        "DltReport",
        "DltWindow",
        "DoseLevel",
        "Event",
        "Hold",
        "Infusion",
        "Outcome",
        "Participant",
        "ProtocolVersion",
        "Recommendation",
        "Review",
        "Signature",
        "Site",
        "Slot",
        "WindowStatement",
    }
    assert {m.pgh_tracked_model for m in HISTORY} >= set(CLINICAL) - set(APPEND_ONLY)
    assert {User, Membership, Study} <= {m.pgh_tracked_model for m in HISTORY}


def test_each_version_is_kept_with_who_why_and_revision(trial: Conduct) -> None:
    site = trial.crews[0].site

    versions = history_of(site)

    assert [(v.pgh_label, v.state) for v in versions] == [
        ("insert", "PLANNED"),
        ("update", "ACTIVE"),
    ]
    assert versions[1].pgh_context["reason"] == "site activated"
    assert versions[1].pgh_context["username"] == "manager-trial"
    assert versions[1].pgh_context["user"] == trial.manager.pk
    assert versions[1].pgh_context["study"] == trial.study.pk
    assert versions[0].pgh_context["revision"] < versions[1].pgh_context["revision"]


def test_history_has_the_servers_time_and_the_trials(trial: Conduct) -> None:
    before = datetime.now(tz=UTC)

    hold = place_hold(
        trial.study,
        scope="LEVEL",
        level=trial.level(2),
        reason="a signal",
        by=trial.monitor,
        now=trial.tick(),
    )

    (version,) = history_of(hold)
    assert before <= version.pgh_created_at <= datetime.now(tz=UTC)
    assert version.pgh_context["at"] == trial.now.isoformat()
    assert version.pgh_context["revision"] == revision_of(trial)


def test_delete_leaves_its_last_version(trial: Conduct) -> None:
    key = ScreeningResult.objects.get().pk

    with study_change(trial.study, by=trial.manager, reason="entered twice", now=trial.tick()):
        ScreeningResult.objects.filter(pk=key).delete()

    model = next(h for h in HISTORY if h.pgh_tracked_model is ScreeningResult)
    versions = model.objects.filter(pgh_obj_id=key).order_by("pgh_id")
    assert [v.pgh_label for v in versions] == ["insert", "delete"]
    assert versions[1].field == "smokes"
    assert versions[1].pgh_context["reason"] == "entered twice"


# --- A write outside a study change ----------------------------------------------------------


def test_write_through_a_model_is_refused(trial: Conduct, no_context: None) -> None:
    outcome = Outcome.objects.earliest("pk")
    outcome.letter = "P"

    with pytest.raises(DatabaseError, match="only inside a study change"):
        outcome.save(update_fields=["letter"])


def test_bulk_writes_are_refused(trial: Conduct, no_context: None) -> None:
    for write in (
        lambda: Outcome.objects.update(letter="P"),
        lambda: MonitorCall.objects.all().delete(),
        lambda: Site.objects.bulk_create([Site(study=trial.study, code="S8", name="Eight")]),
        lambda: Cohort.objects.bulk_update([Cohort.objects.earliest("pk")], ["number"]),
    ):
        with (
            pytest.raises(DatabaseError, match="only inside a study change"),
            transaction.atomic(),
        ):
            write()


@pytest.mark.parametrize("model", CLINICAL, ids=name_of)
def test_raw_sql_is_refused(trial: Conduct, no_context: None, model: type[models.Model]) -> None:
    table, key = model._meta.db_table, model._meta.pk.column
    statements = [f"UPDATE {table} SET {key} = {key}", f"DELETE FROM {table}"]
    assert model.objects.exists(), "the trial has a row of everything clinical"

    for statement in statements:
        with (
            pytest.raises(DatabaseError, match=r"only inside a study change|Cannot update"),
            transaction.atomic(),
            connection.cursor() as cursor,
        ):
            cursor.execute(statement)


@pytest.mark.parametrize("metadata", ["", "{}", '{"user": 1}', '{"revision": null}'])
def test_context_without_a_revision_is_none(
    trial: Conduct, no_context: None, metadata: str
) -> None:
    with (
        pytest.raises(DatabaseError, match="only inside a study change"),
        connection.cursor() as cursor,
    ):
        cursor.execute("SELECT set_config('pghistory.context_metadata', %s, true)", [metadata])
        cursor.execute("UPDATE cohorts_outcome SET letter = letter")


# --- Why ---------------------------------------------------------------------------------------

WITHOUT_A_REASON = ["", " ", "\t\n", None]


@pytest.mark.parametrize("model", CLINICAL, ids=name_of)
def test_change_without_a_reason_is_refused(trial: Conduct, model: type[models.Model]) -> None:
    table, key = model._meta.db_table, model._meta.pk.column
    statements = [f"UPDATE {table} SET {key} = {key}", f"DELETE FROM {table}"]

    for statement in statements:
        with (
            pytest.raises(DatabaseError, match=r"only with a reason|Cannot update or delete"),
            study_change(trial.study, by=trial.manager, now=trial.tick()),
            connection.cursor() as cursor,
        ):
            cursor.execute(statement)


@pytest.mark.parametrize("reason", WITHOUT_A_REASON)
def test_reason_of_spaces_is_none(trial: Conduct, reason: str | None) -> None:
    metadata = json.dumps({"revision": 1, "reason": reason})

    with (
        pytest.raises(DatabaseError, match="only with a reason"),
        connection.cursor() as cursor,
    ):
        cursor.execute("SELECT set_config('pghistory.context_metadata', %s, true)", [metadata])
        cursor.execute("UPDATE cohorts_outcome SET letter = letter")


@pytest.mark.parametrize("reason", ["", " ", "\t\n"])
def test_study_change_refuses_a_blank_reason(trial: Conduct, reason: str) -> None:
    with (
        refused("reason_needed"),
        study_change(trial.study, by=trial.manager, reason=reason, now=trial.tick()),
    ):
        pytest.fail("nothing is done inside")


def test_first_entry_needs_no_reason(trial: Conduct) -> None:
    with study_change(trial.study, by=trial.manager, now=trial.tick()):
        site = Site.objects.create(study=trial.study, code="S9", name="Nine")

    (version,) = history_of(site)
    assert (version.pgh_label, version.pgh_context["reason"]) == ("insert", "")


# --- COPY, as a restore or an import by hand would ---------------------------------------------


def copy_site(trial: Conduct) -> None:
    columns = "study_id, code, name, place, registry_status, timezone, state, suspended_because"
    with (
        connection.cursor() as cursor,
        cursor.copy(f"COPY ntrust_site ({columns}) FROM STDIN") as copy,
    ):
        copy.write_row((trial.study.pk, "S9", "Nine", "", "", "UTC", "PLANNED", ""))


def test_copy_is_refused_outside_a_change(trial: Conduct, no_context: None) -> None:
    with (
        pytest.raises(psycopg.DatabaseError, match="only inside a study change"),
        transaction.atomic(),
    ):
        copy_site(trial)


def test_copy_is_kept_in_history(trial: Conduct) -> None:
    with study_change(trial.study, by=trial.manager, reason="by hand", now=trial.tick()):
        copy_site(trial)

    (version,) = history_of(Site.objects.get(code="S9"))
    assert (version.name, version.pgh_context["reason"]) == ("Nine", "by hand")


# --- History and events stay -----------------------------------------------------------------


@pytest.mark.parametrize("model", [*HISTORY, *APPEND_ONLY], ids=name_of)
def test_history_is_never_changed(trial: Conduct, model: type[models.Model]) -> None:
    table, key = model._meta.db_table, model._meta.pk.column
    assert model.objects.exists()

    for statement in (
        f"UPDATE {table} SET {key} = {key}",
        f"DELETE FROM {table}",
        f"TRUNCATE {table} CASCADE",
    ):
        with (
            pytest.raises(DatabaseError, match=r"Cannot update or delete|never truncated"),
            transaction.atomic(),
            connection.cursor() as cursor,
        ):
            cursor.execute(AS_IN_A_CHANGE)
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
            cursor.execute(statement)


@pytest.mark.parametrize("model", CLINICAL, ids=name_of)
def test_clinical_table_is_never_truncated(trial: Conduct, model: type[models.Model]) -> None:
    with (
        pytest.raises(DatabaseError, match="never truncated"),
        study_change(trial.study, by=trial.manager, now=trial.tick()),
        connection.cursor() as cursor,
    ):
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute(f"TRUNCATE {model._meta.db_table} CASCADE")


def test_signatures_and_events_are_written_once(trial: Conduct) -> None:
    for model in (Signature, Event):
        with (
            pytest.raises(DatabaseError, match="Cannot update or delete"),
            study_change(trial.study, by=trial.manager, now=trial.tick()),
        ):
            model.objects.update(study=trial.study)


def test_password_is_in_no_history(trial: Conduct) -> None:
    model = next(h for h in HISTORY if h.pgh_tracked_model is User)

    assert "password" not in {field.name for field in model._meta.fields}
    assert issubclass(model, pghistory.models.Event)
