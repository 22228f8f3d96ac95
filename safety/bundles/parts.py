"""What an inspection bundle has in it, part by part."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from cohorts import engine
from cohorts.engine import ENGINE_VERSION
from cohorts.models import Decision, ProtocolVersion
from ntrust.models import Signature
from ntrust.signing import canonical
from safety.bundles.extract import audit_extract
from safety.queries.verification import packet_of

_HERE: Final = Path(__file__).parent
_README: Final = """Inspection bundle

{study}, decision #{number}, as of revision {revision} of the study.

Run, with Python 3.11 or later and nothing else:

    python -I verify.py

It says OK, or which part differs. It needs no network and writes no file.

verify.py        the script
manifest.json    SHA-256 of every file
decision.json    the decision as it was sealed, with the hash that was signed, and its state now
signatures.json  who signed: printed name, role, meaning, UTC time, hash of what was signed
snapshot.json    what the rules were given: basis and rows, canonical JSON
packet.json      what the committee was shown, with its hash
protocol.json    the protocol document in force, with its hash
audit.json       events of the study, and the history of the rows the decision rests on, before and
                 after it
engine/          the rules, as source: version {engine}; sealed with version {sealed}

Canonical JSON: keys sorted, no spaces, UTF-8. Times are UTC. Participants have subject numbers
only.
{legacy}"""
_ON_PAPER: Final = """
This decision was taken on paper. The rules were not asked and there was no packet; the signatures
are on the take-over that brought it in.
"""


def bundle_name(decision: Decision) -> str:
    """The file's name."""
    return f"{decision.study.key}-decision-{decision.number}.zip"


def bundle_parts(decision: Decision) -> dict[str, bytes]:
    """Names and bytes of everything but the manifest."""
    plain: dict[str, Any] = {
        "decision.json": _decision(decision),
        "signatures.json": [_signature(one) for one in _signatures(decision)],
        "snapshot.json": _snapshot(decision),
        "audit.json": audit_extract(decision),
    }
    if not decision.is_legacy:
        plain["packet.json"] = _packet(decision)
        plain["protocol.json"] = _protocol(decision)
    return {
        **{name: canonical(content).encode() for name, content in plain.items()},
        "README.txt": _readme(decision).encode(),
        "verify.py": (_HERE / "verify.py").read_bytes(),
        **dict(_engine_files()),
    }


def _decision(decision: Decision) -> dict[str, Any]:
    return {
        "number": decision.number,
        "is_legacy": decision.is_legacy,
        "state": decision.state,
        "content": decision.content,
        "content_hash": decision.content_hash,
        "proposed_at": decision.proposed_at,
        "signed_at": decision.signed_at,
        "circulated_at": decision.circulated_at,
        "basis_changed_at": decision.basis_changed_at,
        "basis_change": decision.basis_change,
    }


def _signatures(decision: Decision) -> list[Signature]:
    pair = (decision.manager_signature, decision.monitor_signature)
    return sorted((one for one in pair if one is not None), key=lambda one: one.pk)


def _signature(signature: Signature) -> dict[str, Any]:
    return {
        "printed_name": signature.printed_name,
        "role": signature.role,
        "meaning": signature.meaning,
        "signed_at": signature.signed_at,
        "content_hash": signature.content_hash,
    }


def _snapshot(decision: Decision) -> dict[str, Any]:
    """The rows as the stored recommendation has them, not as the sealed content repeats them."""
    stored = decision.recommendation
    return {
        "basis": stored.basis if stored else decision.basis,
        "rows": stored.rows if stored else [],
    }


def _packet(decision: Decision) -> dict[str, Any] | None:
    packet = packet_of(decision)
    if packet is None:
        return None
    return {
        "content": packet.content,
        "content_hash": packet.content_hash,
        "cut_at": packet.cut_at,
        "revision": packet.revision,
    }


def _protocol(decision: Decision) -> dict[str, Any] | None:
    version = ProtocolVersion.objects.filter(
        study=decision.study, version=decision.content.get("protocol_version")
    ).first()
    if version is None:
        return None
    return {
        "version": version.version,
        "document": version.document,
        "document_hash": version.document_hash,
    }


def _readme(decision: Decision) -> str:
    return _README.format(
        study=decision.study.protocol_number or decision.study.key,
        number=decision.number,
        revision=decision.study.revision,
        engine=ENGINE_VERSION,
        sealed=decision.content.get("engine_version", "none"),
        legacy=_ON_PAPER if decision.is_legacy else "",
    )


def _engine_files() -> Iterator[tuple[str, bytes]]:
    """The engine's source, in a package of the same name that has nothing else in it."""
    folder = Path(engine.__path__[0])
    yield "engine/cohorts/__init__.py", b""
    for path in sorted(folder.rglob("*.py")):
        yield f"engine/cohorts/engine/{path.relative_to(folder).as_posix()}", path.read_bytes()
