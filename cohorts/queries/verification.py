"""Does a sealed decision still say what was signed: recomputed from its own content."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from cohorts.engine.account import account_for
from cohorts.engine.basis import recommend_basis
from cohorts.engine.wire import answer_as_dict
from cohorts.models import Decision, ProtocolVersion, ReReview
from cohorts.queries.account import advice_content
from cohorts.queries.past import basis_at, history_of
from ntrust.models import Event, Study
from ntrust.signing import content_hash
from ntrust.states import Role

_COLUMNS = ("number", "verdict", "seats", "basis")
_SEALED_COLUMNS = (*_COLUMNS, "is_override", "reason", "committee_verdict", "packet_hash")


def verify_decision(decision: Decision) -> list[str]:
    """What does not agree, in words; nothing when all does.

    Looked at: the content against its hash, the columns and the first row of the history against
    the content, signatures, the rules' answer and whole account on the sealed basis, the stored
    recommendation, the protocol version, and the basis as the history of the rows has it. Of a
    decision on paper the rules said nothing here, and the signatures are on the take-over it names.
    """
    problems = [*_check_content(decision), *_check_signatures(decision)]
    if not decision.is_legacy:
        problems += [*_check_answer(decision), *_check_protocol(decision)]
    return problems


def _check_content(decision: Decision) -> Iterator[str]:
    content = decision.content
    if content_hash(content) != decision.content_hash:
        yield "the content does not have the hash that was signed"
    names = _COLUMNS if decision.is_legacy else _SEALED_COLUMNS
    facts = {name: getattr(decision, name) for name in names}
    facts["level"] = decision.level.ordinal if decision.level else None
    for name, value in facts.items():
        if content.get(name) != value:
            yield f"the decision's {name.replace('_', ' ')} is not that of its content"
    first = (
        history_of(Decision)
        ._default_manager.filter(pgh_obj_id=decision.pk, pgh_label="insert")
        .values("content_hash")
        .first()
    )
    if first is None:
        yield "the history has no record of its proposal"
    elif first["content_hash"] != decision.content_hash:
        yield "the history has another hash from when it was proposed"


def _check_signatures(decision: Decision) -> Iterator[str]:
    signed_hash = decision.content.get("take_over", decision.content_hash)
    pairs = (
        (Role.STUDY_MANAGER, decision.manager_signature),
        (Role.MEDICAL_MONITOR, decision.monitor_signature),
    )
    for role, signature in pairs:
        if signature is None:
            if decision.signed_at is not None:
                yield f"the signature of the {role.label} is missing"
            continue
        if signature.content_hash != signed_hash:
            yield f"the signature of {signature.printed_name} is on other content"
        if signature.role != role:
            yield f"the signature of {signature.printed_name} is not that of the {role.label}"
        meaning = f"approves decision #{decision.content.get('number')}"
        if not decision.is_legacy and signature.meaning != meaning:
            yield f"the signature of {signature.printed_name} means something else"


def _check_answer(decision: Decision) -> Iterator[str]:
    content = decision.content
    try:
        advice = recommend_basis(content["basis"])
    except (KeyError, TypeError, ValueError) as error:
        yield f"the engine cannot read the sealed basis: {error}"
        return
    if answer_as_dict(advice.answer) != content.get("advice"):
        yield "the engine now answers differently on the same basis"
    sealed: dict[str, Any] = content.get("recommendation", {})
    if sealed:
        account = account_for(content["basis"], sealed["rows"])
        differs = sorted(name for name in account.keys() & sealed if account[name] != sealed[name])
        if differs:
            named = ", ".join(name.replace("_", " ") for name in differs)
            yield f"the engine now accounts differently for the sealed rows: {named}"
    stored = decision.recommendation
    if stored is None or stored.basis != content["basis"]:
        yield "the stored recommendation rests on another basis"
    elif sealed and advice_content(stored) != sealed:
        yield "the stored recommendation is not the one that was sealed"


def _check_protocol(decision: Decision) -> Iterator[str]:
    content = decision.content
    version = ProtocolVersion.objects.filter(
        study=decision.study_id, version=content.get("protocol_version")
    ).first()
    if version is None or version.document_hash != content.get("protocol_hash"):
        yield "the protocol version is not the one that was sealed"
        return
    if content_hash(version.document) != version.document_hash:
        yield "the protocol document does not have the hash that was sealed"
        return
    if "revision" not in content:
        return
    then = basis_at(decision.study, version, revision=content["revision"])
    if then is not None and then != content["basis"]:
        yield f"the rows had another basis at revision {content['revision']}"


def verify_re_review(row: ReReview) -> list[str]:
    """What of a re-review does not agree with what was sealed, in words."""
    content, problems = row.content, []
    if content_hash(content) != row.content_hash:
        problems.append("the content does not have the hash that was signed")
    for name in ("number", "verdict", "reason", "committee_verdict", "packet_hash", "basis"):
        if content.get(name) != getattr(row, name):
            problems.append(f"its {name.replace('_', ' ')} is not that of its content")
    if content.get("decision_hash") != row.decision.content_hash:
        problems.append("it is on another decision")
    if content.get("instead") != (row.instead.content_hash if row.instead else None):
        problems.append("another decision takes the place than was signed")
    for role, signature in (
        (Role.STUDY_MANAGER, row.manager_signature),
        (Role.MEDICAL_MONITOR, row.monitor_signature),
    ):
        if signature is None and row.signed_at is not None:
            problems.append(f"the signature of the {role.label} is missing")
        elif signature is not None and (
            signature.content_hash != row.content_hash or signature.role != role
        ):
            problems.append(f"the signature of {signature.printed_name} is on something else")
    return problems


def missing_decisions(study: Study) -> list[int]:
    """Numbers of decisions that were there and are not: from gaps and from what was recorded.

    Those on paper have the numbers of the paper; gaps are looked for above them.
    """
    rows = dict(Decision.objects.filter(study=study).values_list("number", "is_legacy"))
    present = set(rows)
    paper = max((number for number, is_legacy in rows.items() if is_legacy), default=0)
    recorded = Event.objects.filter(study=study, data__has_key="decision")
    known = set(recorded.values_list("data__decision", flat=True))
    known |= set(range(paper + 1, max(present, default=0)))
    return sorted(number for number in known - present if isinstance(number, int))
