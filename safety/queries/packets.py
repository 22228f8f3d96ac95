"""What a review is shown: plain data in a fixed order, frozen at the data cut.

Subject numbers only. No names, and no words that were typed with a name of somebody of the study
in them: those are covered (see `Cover`).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from cohorts.engine import ENGINE_VERSION
from cohorts.engine.basis import Basis, recommend_basis
from cohorts.engine.wire import recommendation_as_dict
from cohorts.models import Decision, DoseLevel, Outcome, Participant, ProtocolVersion
from cohorts.queries.covers import IN_SCREENING, Cover, cover_for_packets
from cohorts.states import OutcomeLetter, ParticipantState
from ntrust.models import Study
from safety.models import AdverseEvent, DltReport, Packet
from safety.policies import is_fatal
from safety.queries.data_quality import data_quality
from safety.queries.disagreements import disagreements
from safety.queries.packet_changes import find_changes
from safety.queries.packet_charts import chart_facts
from safety.queries.packet_records import (
    decision_history,
    deviations_of,
    holds_of,
    what_is_owed,
)
from safety.states import Causality, DltReportState

FORMAT = 3
READABLE = (2, 3)
"""Formats that pages can show: 3 has what charts are drawn from as well."""
RELATED = (Causality.POSSIBLE, Causality.PROBABLE, Causality.DEFINITE)
_OF_A_CUT = ("number", "revision", "is_signature_valid", "rows_hash", "rows_after")
_LAST_FIRST = "-id"


def packet_content(  # noqa: PLR0913 - what a packet is cut from
    study: Study,
    *,
    basis: Basis,
    version: ProtocolVersion,
    review: int,
    cut_at: datetime,
    re_reviews: Decision | None = None,
) -> dict[str, Any]:
    """A packet's content, in the order in which a committee reads it."""
    cover = cover_for_packets(study)
    events = _events(study)
    content: dict[str, Any] = {
        "format": FORMAT,
        "study": study.protocol_number,
        "review": review,
        "revision": study.revision,
        "cut_at": cut_at.isoformat(),
        "protocol_version": version.version,
        "engine_version": ENGINE_VERSION,
        "re_reviews": re_reviews.number if re_reviews else None,
        "levels": _levels(study, basis),
        "people": _people(study, basis),
        "dlts": _dlts(study, cover),
        "disagreements": _disagreements(study, cover),
        "events": _groups(study, events),
        "event_rows": [_event(event, cover) for event in events if _is_shown(event)],
        "recommendation": _recommendation(study, basis, cover),
        "decisions": decision_history(study, cover),
        "holds": holds_of(study, cover),
        "deviations": deviations_of(study, cover),
        "data_quality": _quality(study, cover, cut_at),
        "charts": chart_facts(study, basis=basis, version=version, cover=cover, cut_at=cut_at),
        "basis": dict(basis),
        "news": news_of(study),
    }
    last = Packet.objects.filter(study=study, review__state="CONCLUDED").order_by(_LAST_FIRST)
    content["changes"] = find_changes(content, _content_of(last.first()))
    return content


def _content_of(packet: Packet | None) -> dict[str, Any] | None:
    return packet.content if packet is not None else None


def news_of(study: Study) -> dict[str, Any]:
    """What makes a packet stale although the rules read nothing new: every serious event, and every
    DLT report in force."""
    serious = _events(study, is_serious=True)
    return {
        "serious": [[event.pk, _subject(event.participant), event.grade] for event in serious],
        "reports": [[report.pk, report.criterion, _standing(report)] for report in _reports(study)],
    }


def _standing(report: DltReport) -> str:
    """A report that the monitor has confirmed counts as it did before."""
    is_confirmed = report.state == DltReportState.CONFIRMED
    return str(DltReportState.REPORTED if is_confirmed else report.state)


def _events(study: Study, **having: Any) -> Sequence[AdverseEvent]:
    rows = AdverseEvent.objects.filter(participant__study=study, **having)
    return list(rows.select_related("participant").order_by("id"))


def _reports(study: Study) -> Sequence[DltReport]:
    rows = DltReport.objects.filter(
        event__participant__study=study, superseded_by__isnull=True
    ).select_related("event__participant")
    return list(rows.order_by("id"))


def _subject(participant: Participant) -> str:
    return participant.subject_number or IN_SCREENING


def _levels(study: Study, basis: Basis) -> list[dict[str, Any]]:
    """How many at each level, and who is not simply evaluable without a DLT."""
    letters: dict[int, list[tuple[str, str]]] = {}
    for row in basis["outcomes"]:
        letters.setdefault(row["level"], []).append((row["subject"], row["letter"]))
    counted = list(
        Outcome.objects.filter(study=study, is_counted=True).values_list(
            "level__ordinal", "first_infused_at"
        )
    )
    rows = []
    for level in DoseLevel.objects.filter(study=study).order_by("ordinal"):
        here = letters.get(level.ordinal, [])
        infused = [at for ordinal, at in counted if ordinal == level.ordinal]
        who = {letter: [s for s, given in here if given == letter] for letter in OutcomeLetter}
        rows.append(
            {
                "level": level.ordinal,
                "dose": format(level.dose.normalize(), "f"),
                "unit": level.unit,
                "enrolled": len(infused),
                "treated": sum(at is not None for at in infused),
                "evaluable": len(who[OutcomeLetter.NO_DLT]) + len(who[OutcomeLetter.DLT]),
                "pending": len(who[OutcomeLetter.PENDING]),
                "dlt": len(who[OutcomeLetter.DLT]),
                "not_evaluable": len(who[OutcomeLetter.NOT_EVALUABLE]),
                "who_is_pending": who[OutcomeLetter.PENDING],
                "who_has_a_dlt": who[OutcomeLetter.DLT],
                "who_is_not_evaluable": who[OutcomeLetter.NOT_EVALUABLE],
            }
        )
    return rows


def _people(study: Study, basis: Basis) -> list[dict[str, Any]]:
    """Everyone who counts, and those the protocol does not pool with them."""
    rows = [*basis["outcomes"], *basis.get("excluded", ())]
    died = set(
        Participant.objects.filter(study=study, state=ParticipantState.DIED).values_list(
            "subject_number", flat=True
        )
    )
    return [
        {
            "subject": row["subject"],
            "level": row["level"],
            "letter": row["letter"],
            "not_pooled": row.get("why", ""),
            "died": row["subject"] in died,
        }
        for row in rows
    ]


def _dlts(study: Study, cover: Cover) -> list[dict[str, Any]]:
    levels = dict(
        Outcome.objects.filter(study=study).values_list("participant_id", "level__ordinal")
    )
    return [
        {
            "id": report.pk,
            "event": report.event_id,
            "subject": _subject(report.event.participant),
            "level": levels.get(report.event.participant_id),
            "term": cover.of(report.event.term),
            "grade": report.event.grade,
            "criterion": report.criterion,
            "state": report.state,
            "onset_at": report.event.onset_at.isoformat(),
        }
        for report in _reports(study)
    ]


def _disagreements(study: Study, cover: Cover) -> list[dict[str, Any]]:
    """Events on which the criteria, the investigator and the medical monitor differ."""
    return [
        {
            "subject": _subject(one.participant),
            "event": cover.of(one.what),
            "criteria": one.rule,
            "investigator": one.investigator,
            "monitor": one.monitor,
            "is_open": one.is_open,
        }
        for one in disagreements(study)
    ]


def _groups(study: Study, events: Sequence[AdverseEvent]) -> dict[str, Any]:
    """How many, how serious, related, fatal, and who; apart, where the site has yet to say."""
    dead = Participant.objects.filter(study=study, state=ParticipantState.DIED).order_by("id")
    related = [event for event in events if event.causality in RELATED]
    fatal = [_subject(event.participant) for event in events if is_fatal(event)]
    return {
        "all": _group(events),
        "serious": _group([event for event in events if event.is_serious]),
        "related": _group(related),
        "related_and_serious": _group([event for event in related if event.is_serious]),
        "not_stated": _group(
            [event for event in events if event.is_serious is None or not event.causality]
        ),
        "fatal": {
            "count": len(fatal),
            "who": _single([*fatal, *(_subject(person) for person in dead)]),
        },
    }


def _group(events: Sequence[AdverseEvent]) -> dict[str, Any]:
    return {
        "count": len(events),
        "who": _single(_subject(event.participant) for event in events),
        "worst_grade": max((event.grade for event in events), default=None),
    }


def _single(names: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(names))


def _is_shown(event: AdverseEvent) -> bool:
    """The others are in the counts: a packet is short."""
    return bool(event.is_serious) or event.grade >= 3 or event.causality in RELATED


def _event(event: AdverseEvent, cover: Cover) -> dict[str, Any]:
    return {
        "id": event.pk,
        "subject": _subject(event.participant),
        "term": cover.of(event.term),
        "grade": event.grade,
        "grading_system": event.grading_system,
        "causality": event.causality,
        "is_serious": event.is_serious,
        "onset_at": event.onset_at.isoformat(),
        "ended_at": event.ended_at.isoformat() if event.ended_at else None,
    }


def _quality(study: Study, cover: Cover, cut_at: datetime) -> dict[str, Any]:
    """What is owed, the locked cut under it, the share verified, and every open query."""
    found = data_quality(study, now=cut_at, revision=study.revision).as_dict()
    cut = found["cut"]
    return {
        **what_is_owed(study, cut_at),
        "cut": {name: cut[name] for name in _OF_A_CUT} if cut else None,
        "verified": found["verified"],
        "open_queries": [
            {name: cover.of(said) if isinstance(said, str) else said for name, said in row.items()}
            for row in found["open_queries"]
        ],
    }


def _recommendation(study: Study, basis: Basis, cover: Cover) -> dict[str, Any]:
    """What the rules say with rule and bounds; with what the stored answer keeps beside it."""
    stored = study.recommendations.latest("id")
    kept = {
        name: getattr(stored, name)
        for name in ("counts", "pending", "split", "full_answer", "sensitivity", "suspended_by")
        if hasattr(stored, name)
    }
    kept["suspended_by"] = [
        {**hold, "reason": cover.of(hold["reason"])} for hold in stored.suspended_by
    ]
    return {**recommendation_as_dict(recommend_basis(basis)), **kept}
