"""Recompute one decision from this folder: `python -I verify.py`. Needs Python 3.11, nothing else.

Prints a line a part, OK or what differs, and ends with status 1 when anything differs. Reads the
files beside it and writes none.
"""

from __future__ import annotations

import hashlib
import importlib
import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
ROLES = ("STUDY_MANAGER", "MEDICAL_MONITOR")
Files = dict[str, Any]


def canonical(content: Any) -> str:
    """JSON with sorted keys and no spaces."""
    return json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def hash_of(content: Any) -> str:
    """SHA-256 of the canonical content."""
    return hashlib.sha256(canonical(content).encode()).hexdigest()


def check_manifest(files: Files) -> Iterator[str]:
    """Every file has the hash it was packed with, and no other file is here."""
    manifest = files["manifest.json"]
    hashes = manifest["files"]
    if hash_of(hashes) != manifest["hash"]:
        yield "manifest.json: it does not have its own hash"
    here = {path.relative_to(HERE).as_posix() for path in HERE.rglob("*") if path.is_file()}
    for name in sorted(hashes.keys() | here - {"manifest.json"}):
        if name not in hashes:
            yield f"{name}: it does not belong to the bundle"
        elif name not in here:
            yield f"{name}: it is missing"
        elif hashlib.sha256((HERE / name).read_bytes()).hexdigest() != hashes[name]:
            yield f"{name}: it is not the file that was packed"


def check_decision(files: Files) -> Iterator[str]:
    """The content has the hash that was signed."""
    decision = files["decision.json"]
    if hash_of(decision["content"]) != decision["content_hash"]:
        yield "decision.json: the content does not have the hash that was signed"
    if decision["content"]["number"] != decision["number"]:
        yield "decision.json: the number is not that of the content"


def check_signatures(files: Files) -> Iterator[str]:
    """Manager and monitor signed this content, as two people."""
    decision, signatures = files["decision.json"], files["signatures.json"]
    signed = decision["content"].get("take_over", decision["content_hash"])
    for one in signatures:
        if one["content_hash"] != signed:
            yield f"signatures.json: the signature of {one['printed_name']} is on other content"
        if not decision["is_legacy"] and one["meaning"] != (
            f"approves decision #{decision['number']}"
        ):
            yield f"signatures.json: the signature of {one['printed_name']} means something else"
    roles = sorted(one["role"] for one in signatures)
    if decision["signed_at"] is not None and roles != sorted(ROLES):
        yield "signatures.json: it is not signed by the study manager and the medical monitor"


def check_snapshot(files: Files) -> Iterator[str]:
    """The snapshot is what was sealed."""
    content, snapshot = files["decision.json"]["content"], files["snapshot.json"]
    if snapshot["basis"] != content["basis"]:
        yield "snapshot.json: the basis is not the one that was sealed"
    sealed = content.get("recommendation")
    if sealed and snapshot["rows"] != sealed["rows"]:
        yield "snapshot.json: the rows are not those that were sealed"


def check_packet(files: Files) -> Iterator[str]:
    """The packet is the one that was sealed, and rests on the same basis."""
    decision, packet = files["decision.json"], files.get("packet.json")
    if decision["is_legacy"]:
        return
    if packet is None:
        yield "packet.json: there is none"
        return
    if hash_of(packet["content"]) != packet["content_hash"]:
        yield "packet.json: the content does not have its hash"
    if packet["content_hash"] != decision["content"]["packet_hash"]:
        yield "packet.json: it is not the packet that was sealed"
    if packet["content"]["basis"] != decision["content"]["basis"]:
        yield "packet.json: it rests on another basis"


def check_protocol(files: Files) -> Iterator[str]:
    """The protocol document is the one that was sealed."""
    decision, protocol = files["decision.json"], files.get("protocol.json")
    if decision["is_legacy"]:
        return
    if protocol is None:
        yield "protocol.json: there is none"
        return
    if hash_of(protocol["document"]) != protocol["document_hash"]:
        yield "protocol.json: the document does not have its hash"
    if protocol["document_hash"] != decision["content"]["protocol_hash"]:
        yield "protocol.json: it is not the document that was sealed"


def check_audit(files: Files) -> Iterator[str]:
    """The history says what the basis says, at the revision at which it was sealed."""
    decision, audit = files["decision.json"], files["audit.json"]
    own = [row for row in audit["history"] if row["table"] == "Decision"]
    if not own or own[0]["row"]["content_hash"] != decision["content_hash"]:
        yield "audit.json: the history has another hash from when it was proposed"
    if own and own[-1]["row"]["state"] != decision["state"]:
        yield "audit.json: the history ends in another state"
    revision = decision["content"].get("revision")
    if revision is None:
        return
    letters = {
        row["key"]: row["row"]["letter"]
        for row in audit["history"]
        if row["table"] == "Outcome" and row["revision"] <= revision
    }
    for row in decision["content"]["basis"]["outcomes"]:
        then = letters.get(row["subject"])
        if then != row["letter"]:
            yield f"audit.json: {row['subject']} is {then} there and {row['letter']} in the basis"


def check_engine(files: Files) -> Iterator[str]:
    """The rules, asked again, say what was sealed."""
    content, snapshot = files["decision.json"]["content"], files["snapshot.json"]
    if files["decision.json"]["is_legacy"]:
        return
    sys.path.insert(0, str(HERE / "engine"))
    account_for = importlib.import_module("cohorts.engine.account").account_for
    account = json.loads(canonical(account_for(snapshot["basis"], snapshot["rows"])))
    answer = {name: account[name] for name in ("verdict", "level", "outcome", "mtd")}
    if answer != content["advice"]:
        yield f"engine: it now answers {answer}, sealed was {content['advice']}"
    sealed = content.get("recommendation", {})
    for name in sorted(account.keys() & sealed.keys()):
        if account[name] != sealed[name]:
            yield f"engine: {name} is not what was sealed"


CHECKS: tuple[Callable[[Files], Iterator[str]], ...] = (
    check_manifest,
    check_decision,
    check_signatures,
    check_snapshot,
    check_packet,
    check_protocol,
    check_audit,
    check_engine,
)


def find_problems(files: Files) -> Iterator[str]:
    """Everything that differs, part by part, each part told as it is looked at."""
    for check in CHECKS:
        try:
            problems = list(check(files))
        except Exception as error:
            problems = [f"{check.__name__.removeprefix('check_')}: cannot be read: {error!r}"]
        part = check.__name__.removeprefix("check_")
        sys.stdout.write(f"{'differs' if problems else 'OK':<8}{part}\n")
        yield from problems


def main() -> int:
    """0 when all agrees, else 1."""
    sys.dont_write_bytecode = True
    files, problems = {}, []
    for path in sorted(HERE.glob("*.json")):
        try:
            files[path.name] = json.loads(path.read_text(encoding="utf-8"))
        except ValueError as error:
            problems.append(f"{path.name}: cannot be read: {error}")
    problems += find_problems(files)
    for problem in problems:
        sys.stdout.write(f"  {problem}\n")
    sys.stdout.write("DIFFERS\n" if problems else "OK: the decision is what was signed.\n")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
