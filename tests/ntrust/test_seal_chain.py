"""Seals that are altered, removed or made anew are found; heads outside, and the commands."""

import json
from datetime import timedelta
from typing import Any

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError

from ntrust.models import Seal
from ntrust.sealing import seal_history
from ntrust.seals import key_id, mac_of
from ntrust.verifying import verify_history
from safety.management.conduct import Conduct
from tests.everything import build_everything
from tests.factories import refused, shared_trial
from tests.ntrust.tampered import (
    HISTORY,
    first,
    head,
    row_of,
    tamper,
    tampering,
    write_something,
)

pytestmark = pytest.mark.django_db

_built, trial = shared_trial(build_everything)


# --- Seals ---------------------------------------------------------------------------------------


def test_removed_last_seal_is_found_by_its_head(trial: Conduct) -> None:
    kept = head()

    tamper("DELETE FROM ntrust_seal WHERE number = %s", kept.number)

    finding = first(kept)
    assert (finding.kind, finding.row) == ("head", kept.number)
    assert finding.sentence.endswith("the seals after it are gone")


def test_removed_seal_in_the_middle_is_found(trial: Conduct) -> None:
    tamper("DELETE FROM ntrust_seal WHERE number = 2")

    assert str(first()) == "seal: ntrust_seal 3: follows on nothing: seal 2 is gone"


def test_removal_of_all_seals_is_found_by_the_head(trial: Conduct) -> None:
    kept = head()

    with tampering("ntrust_seal") as cursor:
        cursor.execute("TRUNCATE ntrust_seal")

    assert (first(kept).kind, first(kept).row) == ("head", kept.number)


def test_all_sealed_again_is_found_by_the_head(trial: Conduct) -> None:
    """Who gets the service itself to seal anew what was altered does not get the old head."""
    kept = head()
    tamper(f"UPDATE {HISTORY} SET letter = 'X' WHERE pgh_id = %s", row_of(HISTORY))
    with tampering("ntrust_seal") as cursor:
        cursor.execute("TRUNCATE ntrust_seal")
    seal_history(patience=0)

    finding = first(kept)

    assert (finding.kind, finding.row) == ("head", kept.number)
    assert finding.sentence == "is not the seal that was exported"


def test_seal_with_another_key_is_found(trial: Conduct, settings: Any) -> None:
    known = settings.AUDIT_SEAL_KEYS
    settings.AUDIT_SEAL_KEYS = ("a key that nobody here knows",)
    write_something(trial)
    first_of_them = head().number + 1
    seal_history(patience=0)
    settings.AUDIT_SEAL_KEYS = known

    finding = first()

    assert (finding.kind, finding.row) == ("seal", first_of_them)
    assert "that is not known here" in finding.sentence


def test_seal_that_only_names_the_key_is_found(trial: Conduct, settings: Any) -> None:
    """Digests that fit an altered row, under a mac made with another key."""
    seal = Seal.objects.get(table=HISTORY)
    seal.sealed_at += timedelta(seconds=1)
    forged = mac_of(seal, "guessed")

    tamper(
        "UPDATE ntrust_seal SET mac = %s, sealed_at = %s WHERE number = %s",
        forged,
        seal.sealed_at,
        seal.number,
    )

    assert (first().kind, first().row) == ("seal", seal.number)
    assert first().sentence == "was altered, or made with another key"


@pytest.mark.parametrize(
    "change",
    [
        "digests = digests || '\\x00'::bytea",
        "upto = upto + 1",
        "rows = rows + 1",
        "columns = '[]'",
        "previous = 'x'",
        "sealed_at = sealed_at + '1 us'",
    ],
)
def test_altered_seal_is_found(trial: Conduct, change: str) -> None:
    tamper(f"UPDATE ntrust_seal SET {change} WHERE number = 4")

    assert (first().kind, first().row) == ("seal", 4)


def test_old_key_still_verifies(trial: Conduct, settings: Any) -> None:
    old = settings.AUDIT_SEAL_KEYS[0]
    settings.AUDIT_SEAL_KEYS = ("a new key of the machine", old)
    write_something(trial)

    seal_history(patience=0)

    assert {seal.key_id for seal in Seal.objects.all()} == {
        key_id(old),
        key_id("a new key of the machine"),
    }
    assert verify_history([head()]).findings == ()


# --- The head outside ----------------------------------------------------------------------------


def test_head_is_exported(trial: Conduct, settings: Any, tmp_path: Any) -> None:
    settings.AUDIT_SEAL_HEADS = str(tmp_path / "kept" / "heads.jsonl")
    seal_history(patience=0)
    seal_history(patience=0)
    write_something(trial)

    seal_history(patience=0)

    lines = (tmp_path / "kept" / "heads.jsonl").read_text().splitlines()
    assert len(lines) == 2
    assert json.loads(lines[1])["mac"] == head().mac


def test_chain_that_was_cut_is_not_sealed_on(trial: Conduct, settings: Any, tmp_path: Any) -> None:
    settings.AUDIT_SEAL_HEADS = str(tmp_path / "heads.jsonl")
    seal_history(patience=0)
    tamper("DELETE FROM ntrust_seal WHERE number = %s", head().number)

    with refused("chain_cut"):
        seal_history(patience=0)


def test_heads_that_cannot_be_read_stop_the_sealing(
    trial: Conduct, settings: Any, tmp_path: Any
) -> None:
    (tmp_path / "heads.jsonl").write_text("{}\n")
    settings.AUDIT_SEAL_HEADS = str(tmp_path / "heads.jsonl")

    with refused("chain_cut"):
        seal_history(patience=0)


# --- Commands ------------------------------------------------------------------------------------


def test_verify_says_that_everything_agrees(
    trial: Conduct, tmp_path: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    call_command("seal_history")
    said = capsys.readouterr().out.splitlines()
    (tmp_path / "head").write_text(said[-1])

    call_command("verify_history", "--head", str(tmp_path / "head"))

    out = capsys.readouterr().out
    assert "Everything agrees." in out
    assert "0 rows not sealed yet" in out
    assert said[0] == "0 rows sealed in 0 seals."


def test_verify_names_the_first_and_exits_with_1(
    trial: Conduct, capsys: pytest.CaptureFixture[str]
) -> None:
    number = row_of(HISTORY)
    tamper(f"UPDATE {HISTORY} SET letter = 'X' WHERE pgh_id = %s", number)

    with pytest.raises(SystemExit) as ended:
        call_command("verify_history")

    assert ended.value.code == 1
    said = capsys.readouterr()
    assert said.err.startswith(f"altered: {HISTORY} {number} (revision ")
    assert "No exported head" in said.out
    assert "Everything agrees" not in said.out


@pytest.mark.parametrize("text", [None, "nonsense", '{"number": 1}'])
def test_verify_refuses_a_file_that_holds_no_head(
    trial: Conduct, tmp_path: Any, text: str | None
) -> None:
    path = tmp_path / "head"
    if text is not None:
        path.write_text(text)

    with pytest.raises(CommandError, match="head"):
        call_command("verify_history", "--head", str(path))
