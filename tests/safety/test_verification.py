"""A sealed decision that somebody altered in the database, triggers disabled, is named."""

from __future__ import annotations

import json
import re
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from cohorts.models import Decision
from ntrust.signing import content_hash
from safety.management.conduct import Conduct
from safety.queries.verification import verify_decisions
from tests.factories import make_trial, open_level, run_cohort, shared_trial

pytestmark = pytest.mark.django_db


def build() -> Conduct:
    """Two decisions in force: level 1, then level 2 on three without a DLT."""
    trial = open_level(make_trial())
    run_cohort(trial, 1, "NNN")
    return open_level(trial, 2)


_built, trial = shared_trial(build)


def alter(statement: str, *values: Any) -> None:
    """As the owner of the tables, with every guard of the table disabled."""
    table = re.findall(r"(?:UPDATE|DELETE FROM) (\w+)", statement)[0]
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
        cursor.execute(statement, values)
        assert cursor.rowcount > 0, "nothing was altered"
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute(f"ALTER TABLE {table} ENABLE TRIGGER USER")


def newest(trial: Conduct) -> Decision:
    return Decision.objects.filter(study=trial.study).latest("number")


def problems(trial: Conduct) -> dict[int, tuple[str, ...]]:
    """By number, of those that do not agree."""
    return {one.number: one.problems for one in verify_decisions(trial.study) if one.problems}


def test_untouched_decisions_agree(trial: Conduct) -> None:
    out = StringIO()

    call_command("verify_decisions", stdout=out)

    assert out.getvalue().splitlines() == [
        "trial #1 ENROL at DL1, circulated: agrees.",
        "trial #2 ESCALATE to DL2, circulated: agrees.",
        "2 decisions looked at, none differs.",
    ]


def test_command_ends_with_status_1_and_names_the_decision(trial: Conduct) -> None:
    alter("UPDATE cohorts_decision SET seats = 1 WHERE id = %s", newest(trial).pk)
    out = StringIO()

    with pytest.raises(CommandError, match="1 of 2 decisions differ") as caught:
        call_command("verify_decisions", study="trial", stdout=out)

    assert caught.value.returncode == 1
    assert "trial #2 ESCALATE to DL2, circulated: the decision's seats is not" in out.getvalue()
    assert "trial #1 ENROL at DL1, circulated: agrees." in out.getvalue()


def test_unknown_study_is_refused(trial: Conduct) -> None:
    with pytest.raises(CommandError, match="no study elsewhere"):
        call_command("verify_decisions", study="elsewhere")


def set_content(decision: Decision, *, seal: bool = False, sign: bool = False, **new: Any) -> None:
    """Another content, with its own hash, and the signatures on it, as far as asked for."""
    content = {**decision.content, **new}
    digest = content_hash(content) if seal else decision.content_hash
    alter(
        "UPDATE cohorts_decision SET content = %s, content_hash = %s WHERE id = %s",
        json.dumps(content),
        digest,
        decision.pk,
    )
    if sign:
        alter(
            "UPDATE ntrust_signature SET content_hash = %s WHERE id IN (%s, %s)",
            digest,
            decision.manager_signature_id,
            decision.monitor_signature_id,
        )


def test_content_without_its_hash_is_named(trial: Conduct) -> None:
    set_content(newest(trial), reason="another")

    assert problems(trial) == {
        2: (
            "the content does not have the hash that was signed",
            "the decision's reason is not that of its content",
        )
    }


def test_content_with_its_hash_is_named_by_the_signatures(trial: Conduct) -> None:
    set_content(newest(trial), seal=True, engine_version="0.9")

    assert problems(trial) == {
        2: (
            "the history has another hash from when it was proposed",
            "the signature of Manager trial is on other content",
            "the signature of Monitor trial is on other content",
        )
    }


def test_content_with_hash_and_signatures_is_named_by_the_history(trial: Conduct) -> None:
    set_content(newest(trial), seal=True, sign=True, engine_version="0.9")

    assert problems(trial) == {2: ("the history has another hash from when it was proposed",)}


def test_answer_that_the_rules_do_not_give_is_named(trial: Conduct) -> None:
    other = {"verdict": "ENROL", "level": 1, "outcome": None, "mtd": None}

    set_content(newest(trial), seal=True, sign=True, advice=other)

    assert "the engine now answers differently on the same basis" in problems(trial)[2]


def test_account_that_the_rows_do_not_give_is_named(trial: Conduct) -> None:
    sealed = newest(trial).content["recommendation"]
    sealed["split"]["1"]["no_dlt"] = 2
    sealed["rows"][0]["letter"] = "T"

    set_content(newest(trial), seal=True, sign=True, recommendation=sealed)

    found = problems(trial)[2]
    assert "the engine now accounts differently for the sealed rows: split" in found
    assert "the stored recommendation is not the one that was sealed" in found


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("verdict", "ENROL"),
        ("seats", 1),
        ("number", 7),
        ("reason", "another"),
        ("committee_verdict", "another"),
        ("packet_hash", "0" * 64),
        ("basis", "{}"),
    ],
)
def test_every_sealed_column_is_compared_with_the_content(
    trial: Conduct, column: str, value: Any
) -> None:
    decision = newest(trial)

    alter(f"UPDATE cohorts_decision SET {column} = %s WHERE id = %s", value, decision.pk)

    named = f"the decision's {column.replace('_', ' ')} is not that of its content"
    assert any(named in found for found in problems(trial).values())


def test_override_is_compared_with_the_content(trial: Conduct) -> None:
    alter("UPDATE cohorts_decision SET is_override = true, reason = 'so' WHERE number = 2")

    assert problems(trial)[2] == (
        "the decision's is override is not that of its content",
        "the decision's reason is not that of its content",
    )


def test_level_is_compared_with_the_content(trial: Conduct) -> None:
    alter(
        "UPDATE cohorts_decision SET level_id = %s WHERE id = %s",
        trial.level(3).pk,
        newest(trial).pk,
    )

    assert problems(trial)[2] == ("the decision's level is not that of its content",)


@pytest.mark.parametrize(
    ("column", "value", "named"),
    [
        ("content_hash", "0" * 64, "is on other content"),
        ("role", "MEDICAL_MONITOR", "is not that of the study manager"),
        ("meaning", "saw it", "means something else"),
    ],
)
def test_signature_that_was_altered_is_named(
    trial: Conduct, column: str, value: str, named: str
) -> None:
    signature = newest(trial).manager_signature_id

    alter(f"UPDATE ntrust_signature SET {column} = %s WHERE id = %s", value, signature)

    assert problems(trial) == {2: (f"the signature of Manager trial {named}",)}


def test_signature_that_was_taken_away_is_named(trial: Conduct) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("ALTER TABLE cohorts_decision DROP CONSTRAINT signed_by_manager_and_monitor")
    alter("UPDATE cohorts_decision SET monitor_signature_id = NULL WHERE id = %s", newest(trial).pk)

    assert problems(trial) == {2: ("the signature of the medical monitor is missing",)}


def test_packet_that_was_altered_is_named(trial: Conduct) -> None:
    packet = newest(trial).review.packet
    content = {**packet.content, "treated": 99}

    alter("UPDATE safety_packet SET content = %s WHERE id = %s", json.dumps(content), packet.pk)
    assert problems(trial) == {2: ("the packet does not have its hash",)}

    alter(
        "UPDATE safety_packet SET content_hash = %s WHERE id = %s",
        content_hash(content),
        packet.pk,
    )
    assert problems(trial) == {2: ("the packet of its review is not the one that was sealed",)}


def test_packet_on_another_basis_is_named(trial: Conduct) -> None:
    packet = newest(trial).review.packet
    packet.content["basis"]["outcomes"].pop()

    alter(
        "UPDATE safety_packet SET content = %s WHERE id = %s",
        json.dumps(packet.content),
        packet.pk,
    )

    assert "the packet rests on another basis" in problems(trial)[2]


def test_stored_recommendation_that_was_altered_is_named(trial: Conduct) -> None:
    stored = newest(trial).recommendation
    assert stored is not None

    alter("UPDATE cohorts_recommendation SET verdict = 'STOP' WHERE id = %s", stored.pk)

    assert problems(trial) == {2: ("the stored recommendation is not the one that was sealed",)}


def test_protocol_document_that_was_altered_is_named(trial: Conduct) -> None:
    alter(
        "UPDATE cohorts_protocolversion SET document = jsonb_set(document, '{title}', '\"B\"')"
        " WHERE study_id = %s",
        trial.study.pk,
    )
    assert set(problems(trial).values()) == {
        ("the protocol document does not have the hash that was sealed",)
    }

    alter(
        "UPDATE cohorts_protocolversion SET document_hash = %s WHERE study_id = %s",
        "0" * 64,
        trial.study.pk,
    )
    assert set(problems(trial).values()) == {
        ("the protocol version is not the one that was sealed",)
    }


def test_history_of_an_outcome_that_was_altered_is_named(trial: Conduct) -> None:
    revision = newest(trial).content["revision"]
    person = trial.study.participants.earliest("id")

    alter(
        "UPDATE cohorts_outcomeevent SET letter = 'T' WHERE participant_id = %s AND letter = 'N'",
        person.pk,
    )

    assert problems(trial) == {2: (f"the rows had another basis at revision {revision}",)}


def test_decision_that_was_deleted_is_missing(trial: Conduct) -> None:
    key = newest(trial).pk
    for table in ("cohorts_circulation", "cohorts_cohort", "safety_review"):
        alter(f"DELETE FROM {table} WHERE decision_id = %s", key)

    alter("DELETE FROM cohorts_decision WHERE id = %s", key)

    assert problems(trial) == {2: ("it was recorded and is not there",)}


def test_gap_in_the_numbers_is_missing_decisions(trial: Conduct) -> None:
    alter("UPDATE ntrust_event SET data = '{}' WHERE data ->> 'decision' = '2'")

    alter("UPDATE cohorts_decision SET number = 4 WHERE id = %s", newest(trial).pk)

    assert sorted(problems(trial)) == [2, 3, 4]


def test_what_people_do_later_is_no_difference(trial: Conduct) -> None:
    """The basis is looked for where it was, not where the rows are now."""
    run_cohort(trial, 2, "TU")

    assert problems(trial) == {}
