"""The inspection bundle: the same bytes each time, checked by a bare Python, named when altered."""

from __future__ import annotations

import hashlib
import io
import json
import re
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.urls import reverse

from cohorts.models import Decision, Participant
from ntrust.signing import canonical, content_hash
from safety.bundles import bundle_name, bundle_parts, verify, write_bundle
from safety.management.conduct import Conduct
from tests.factories import (
    cast,
    client_of,
    fingerprint,
    make_trial,
    open_level,
    report_late_dlt,
    run_cohort,
    shared_trial,
)

pytestmark = pytest.mark.django_db


def build() -> Conduct:
    """Two decisions; the second signed on three without a DLT, one of whom had one after all."""
    trial = open_level(make_trial(sites=2))
    run_cohort(trial, 1, "NNN")
    open_level(trial, 2)
    trial.consent(disease="lupus nephritis")
    report_late_dlt(trial, Participant.objects.earliest("id"))
    return trial


_built, trial = shared_trial(build)


def decision_of(trial: Conduct, number: int = 2) -> Decision:
    return Decision.objects.get(study=trial.study, number=number)


def bundle_of(trial: Conduct, number: int = 2) -> bytes:
    return write_bundle(bundle_parts(decision_of(trial, number)))


def unzip(content: bytes, folder: Path) -> Path:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        archive.extractall(folder)
    return folder


def check(folder: Path) -> tuple[int, str]:
    """What the script says, run by a Python that has nothing installed and no environment."""
    done = subprocess.run(
        [sys.executable, "-I", "-S", "verify.py"],
        cwd=folder,
        env={},
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
    )
    return done.returncode, done.stdout + done.stderr


@pytest.fixture
def folder(trial: Conduct, tmp_path: Path) -> Path:
    return unzip(bundle_of(trial), tmp_path)


def test_bare_python_finds_nothing_installed(tmp_path: Path) -> None:
    found = subprocess.run(
        [sys.executable, "-I", "-S", "-c", "import django"],
        cwd=tmp_path,
        check=False,
        capture_output=True,
    )

    assert b"No module named 'django'" in found.stderr


def test_bundle_verifies_with_nothing_but_python(folder: Path) -> None:
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}

    status, said = check(folder)

    parts = ["manifest", "decision", "signatures", "snapshot", "packet", "protocol"]
    assert said.splitlines() == [
        *(f"OK      {part}" for part in (*parts, "audit", "engine")),
        "OK: the decision is what was signed.",
    ]
    assert status == 0
    assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before


def test_same_rows_same_bytes(trial: Conduct) -> None:
    assert bundle_of(trial) == bundle_of(trial)


def test_script_reads_and_hashes_as_the_service_does() -> None:
    content = {"b": [1, "ä", None], "a": {"x": True, "d": 1.5}}

    assert verify.canonical(content) == canonical(content)
    assert verify.hash_of(content) == content_hash(content)


FILES = [
    "README.txt",
    "audit.json",
    "decision.json",
    "engine/cohorts/__init__.py",
    "engine/cohorts/engine/rules.py",
    "engine/cohorts/engine/sensitivity.py",
    "manifest.json",
    "packet.json",
    "protocol.json",
    "signatures.json",
    "snapshot.json",
    "verify.py",
]


def test_bundle_has_its_parts(folder: Path) -> None:
    names = {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}

    assert set(FILES) <= names
    assert {name for name in names if not name.startswith("engine/")} == {
        name for name in FILES if not name.startswith("engine/")
    }


@pytest.mark.parametrize("name", FILES)
def test_one_byte_changed_in_a_part_names_it(folder: Path, name: str) -> None:
    path = folder / name
    content = path.read_bytes()
    at = next((n for n in range(len(content) // 2, len(content)) if content[n] == 0x20), 0)
    other = content[:at] + b"\t" + content[at + 1 :] if content else b"\n"
    if name == "manifest.json":
        other = re.sub(rb'"hash":"(.)', lambda m: b'"hash":"' + _next(m[1]), content)
    path.write_bytes(other)

    status, said = check(folder)

    assert status == 1
    assert any(line.strip().startswith(name) for line in said.splitlines()), said


def _next(digit: bytes) -> bytes:
    return b"0" if digit != b"0" else b"1"


def repack(folder: Path) -> None:
    """A manifest that agrees with the files as they are now."""
    names = (path for path in sorted(folder.rglob("*")) if path.is_file())
    hashes = {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in names
        if path.name != "manifest.json"
    }
    manifest = {"files": hashes, "hash": content_hash(hashes)}
    (folder / "manifest.json").write_text(canonical(manifest), encoding="utf-8")


def _edit(**new: Any) -> Callable[[Any], None]:
    return lambda data: data.update(new)


def _first(data: Any) -> None:
    data[0]["content_hash"] = "0" * 64


def _drop_one(data: Any) -> None:
    data.pop()


def _packet(data: Any) -> None:
    data["content"]["treated"] = 99


def _packet_sealed(data: Any) -> None:
    _packet(data)
    data["content_hash"] = content_hash(data["content"])


def _content(data: Any) -> None:
    data["content"]["seats"] = 1


def _letter(data: Any) -> None:
    data["basis"]["outcomes"][0]["letter"] = "T"


def _document(data: Any) -> None:
    data["document"]["title"] = "another"


def _history(data: Any) -> None:
    for row in data["history"]:
        if row["table"] == "Outcome" and row["row"]["letter"] == "N":
            row["row"]["letter"] = "T"


@pytest.mark.parametrize(
    ("name", "edit", "named"),
    [
        ("decision.json", _content, "decision.json: the content does not have the hash"),
        ("decision.json", _edit(number=9), "decision.json: the number is not that"),
        ("decision.json", _edit(state="CIRCULATED"), "audit.json: the history ends in another"),
        ("signatures.json", _first, "signatures.json: the signature of Manager trial is on other"),
        ("signatures.json", _drop_one, "signatures.json: it is not signed by the study manager"),
        ("snapshot.json", _letter, "snapshot.json: the basis is not the one that was sealed"),
        ("snapshot.json", _letter, "engine: it now answers"),
        ("snapshot.json", _edit(rows=[]), "snapshot.json: the rows are not those"),
        ("snapshot.json", _edit(rows=[]), "engine: split is not what was sealed"),
        ("packet.json", _packet, "packet.json: the content does not have its hash"),
        ("packet.json", _packet_sealed, "packet.json: it is not the packet that was sealed"),
        ("protocol.json", _document, "protocol.json: the document does not have its hash"),
        ("audit.json", _history, "audit.json: P-001 is T there and N in the basis"),
    ],
)
def test_part_changed_with_its_manifest_is_named(
    folder: Path, name: str, edit: Callable[[Any], None], named: str
) -> None:
    data = json.loads((folder / name).read_text(encoding="utf-8"))
    edit(data)
    (folder / name).write_text(canonical(data), encoding="utf-8")
    repack(folder)

    status, said = check(folder)

    assert (status, named in said) == (1, True), said


def test_other_rules_are_named(folder: Path) -> None:
    """Source changed and repacked answers otherwise, which is not what was sealed."""
    rules = folder / "engine" / "cohorts" / "engine" / "rules.py"
    text = rules.read_text(encoding="utf-8")
    rules.write_text(text.replace("fills_mtd else COHORT_SIZE", "fills_mtd else FULL_LEVEL"))
    repack(folder)

    status, said = check(folder)

    assert (status, "engine: it now answers" in said) == (1, True), said


@pytest.mark.parametrize("name", ["packet.json", "README.txt", "manifest.json"])
def test_part_that_is_missing_is_named(folder: Path, name: str) -> None:
    (folder / name).unlink()

    status, said = check(folder)

    assert (status, name in said) == (1, True), said


def test_file_that_does_not_belong_is_named(folder: Path) -> None:
    (folder / "more.txt").write_text("more")

    assert "more.txt: it does not belong to the bundle" in check(folder)[1]


def test_nobody_has_another_name_than_their_number(trial: Conduct) -> None:
    numbers = Participant.objects.filter(study=trial.study).values_list(
        "screening_number", flat=True
    )
    words = b"\n".join(bundle_parts(decision_of(trial)).values()).decode()

    assert len(numbers) == 4
    assert [number for number in numbers if re.search(rf"(?<![\w-]){number}(?![\w-])", words)] == []
    assert "P-001" in words
    assert "a candidate" in words


def test_audit_goes_on_after_the_decision(trial: Conduct) -> None:
    decision = decision_of(trial)

    audit = json.loads(bundle_parts(decision)["audit.json"])

    kinds = [event["kind"] for event in audit["events"]]
    assert kinds.index("DECISION_PROPOSED") < kinds.index("BASIS_CHANGED")
    states = [row["row"]["state"] for row in audit["history"] if row["table"] == "Decision"]
    assert states == ["PROPOSED", "PARTLY_SIGNED", "SIGNED", "CIRCULATED", "BASIS_CHANGED"]
    tables = {row["table"] for row in audit["history"]}
    assert tables == {"Decision", "Review", "Circulation", "Cohort", "Hold", "Outcome"}


# --- Who may have it -------------------------------------------------------------------------


def test_only_managers_monitors_and_auditors_take_it_away(trial: Conduct) -> None:
    people = cast(trial)
    address = reverse("safety:inspection_bundle", args=[trial.study.key, 2])
    before = fingerprint()

    status = {name: client_of(user).get(address).status_code for name, user in people.items()}

    assert {name for name, code in status.items() if code == 200} == {
        "manager",
        "monitor",
        "auditor",
    }
    assert {name for name, code in status.items() if code == 404} == {
        "superuser",
        "stranger",
        "revoked",
    }
    assert set(status.values()) == {200, 403, 404}
    assert fingerprint() == before


def test_download_is_the_bundle(trial: Conduct) -> None:
    address = reverse("safety:inspection_bundle", args=[trial.study.key, 2])

    answer = client_of(trial.monitor).get(address)

    assert answer.content == bundle_of(trial)
    assert answer["Content-Disposition"] == 'attachment; filename="trial-decision-2.zip"'
    assert answer["Cache-Control"] == "no-store"
    missing = reverse("safety:inspection_bundle", args=[trial.study.key, 9])
    assert client_of(trial.monitor).get(missing).status_code == 404
    assert client_of(trial.monitor).post(address).status_code == 405


def test_link_stands_where_the_decision_does(trial: Conduct) -> None:
    address = reverse("safety:inspection_bundle", args=[trial.study.key, 2])
    page = reverse("cohorts:ladder", args=[trial.study.key])

    assert address in client_of(trial.manager).get(page).content.decode()
    assert address not in client_of(trial.crews[0].investigator).get(page).content.decode()


def test_command_writes_the_file_once(trial: Conduct, tmp_path: Path) -> None:
    path = tmp_path / "bundle.zip"
    wanted: dict[str, Any] = {"study": "trial", "decision": 2, "output": str(path)}

    call_command("inspection_bundle", **wanted, stdout=io.StringIO())

    assert path.read_bytes() == bundle_of(trial)
    assert bundle_name(decision_of(trial)) == "trial-decision-2.zip"
    with pytest.raises(CommandError, match="cannot be written"):
        call_command("inspection_bundle", **wanted)
    with pytest.raises(CommandError, match="no decision #9"):
        call_command("inspection_bundle", **{**wanted, "decision": 9})
