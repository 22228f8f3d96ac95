"""What is: the protocol in force, what the rules are given, what is held."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import datetime

from django.db.models import Count, Q, QuerySet

from cohorts.engine.basis import Basis, make_basis, read_design, read_tallies, recommend_basis
from cohorts.engine.design import NOBODY, Recommendation
from cohorts.engine.rules import cap, find_toxic
from cohorts.models import Cohort, DoseLevel, Hold, Outcome, Participant, ProtocolVersion, in_force
from cohorts.policies.life import is_in_part_2, last_rde
from cohorts.protocol import ProtocolDocument
from cohorts.states import (
    CohortState,
    HoldScope,
    HoldState,
    ProtocolState,
    SlotState,
)
from ntrust.errors import Refused
from ntrust.models import Site, Study

_DOCUMENTS: dict[str, ProtocolDocument] = {}
_supposed: ContextVar[ProtocolVersion | None] = ContextVar("supposed", default=None)


@contextmanager
def as_if_in_force(version: ProtocolVersion) -> Iterator[None]:
    """Inside, policies and queries answer as if this version were in force. For previews only:
    nothing is written inside."""
    token = _supposed.set(version)
    try:
        yield
    finally:
        _supposed.reset(token)


def active_protocol(study: Study) -> ProtocolVersion | None:
    """The protocol version in force."""
    supposed = _supposed.get()
    if supposed is not None and supposed.study_id == study.pk:
        return supposed
    return ProtocolVersion.objects.filter(study=study, state=ProtocolState.ACTIVE).first()


def require_protocol(study: Study) -> ProtocolVersion:
    """The protocol version in force; refuses (`no_protocol`) while there is none."""
    version = active_protocol(study)
    if version is None:
        raise Refused("no_protocol", "No protocol version is active.")
    return version


def document_of(version: ProtocolVersion) -> ProtocolDocument:
    """A stored version's document, which was validated when it was stored.

    Read once a process: a document with the same hash is the same.
    """
    document = _DOCUMENTS.get(version.document_hash)
    if document is None:
        document = ProtocolDocument.model_validate(version.document)
        _DOCUMENTS[version.document_hash] = document
    return document


def current_level(study: Study) -> int:
    """The level now being dosed: that of the cohort opened last; level 1 before the first."""
    newest = (
        Cohort.objects.filter(study=study, part=1, opened_at__isnull=False)
        .select_related("level")
        .order_by("-number")
        .first()
    )
    return newest.level.ordinal if newest else 1


def current_basis(study: Study, version: ProtocolVersion) -> Basis:
    """What the rules are given now: design, current level, one row a counted participant.

    Participants whom the version does not pool stand apart, with the reason.
    """
    document = document_of(version)
    rows = (
        Outcome.objects.filter(study=study, is_counted=True)
        .order_by("participant_id")
        .values_list(
            "participant__subject_number",
            "level__ordinal",
            "letter",
            "participant__protocol_version__version",
            "regimen",
        )
    )
    counted, excluded = [], []
    for subject, level, letter, pinned, regimen in rows:
        row = {"subject": subject, "level": level, "letter": letter}
        why = document.pooling.why_not(version=pinned, regimen=regimen)
        if why:
            excluded.append({**row, "why": why})
        else:
            counted.append(row)
    return make_basis(
        document.design(), current=current_level(study), outcomes=counted, excluded=excluded
    )


def pooled_outcomes(study: Study, version: ProtocolVersion) -> QuerySet[Outcome]:
    """Outcomes of those who count together in the rules under a version."""
    pooling = document_of(version).pooling
    rows = Outcome.objects.filter(study=study, is_counted=True)
    if pooling.versions:
        rows = rows.filter(participant__protocol_version__version__in=pooling.versions)
    if pooling.regimens:
        rows = rows.filter(regimen__in=["", *pooling.regimens])
    return rows


def recommend_now(study: Study) -> Recommendation | None:
    """What the rules say on the rows as they are; None without an active protocol."""
    version = active_protocol(study)
    return recommend_basis(current_basis(study, version)) if version else None


def levels_to_seat(study: Study) -> list[DoseLevel]:
    """Levels at which a next seat is in question: the open ones, newest first, then the one the
    rules send to; after a stop, the level opened last. In Part 2, the RDE."""
    part = 2 if is_in_part_2(study) else 1
    opened = Cohort.objects.filter(
        study=study, part=part, state__in=[CohortState.OPEN, CohortState.FULL]
    )
    ordinals = [row.level.ordinal for row in opened.select_related("level").order_by("-number")]
    advice = recommend_now(study) if part == 1 else None
    if advice is not None and advice.level is not None:
        ordinals.append(advice.level)
    rde = last_rde(study) if part == 2 else None
    if rde is not None and rde.level is not None:
        ordinals.append(rde.level.ordinal)
    ordinals = ordinals or [current_level(study)]
    levels = {level.ordinal: level for level in DoseLevel.objects.filter(study=study)}
    return [levels[ordinal] for ordinal in dict.fromkeys(ordinals) if ordinal in levels]


def seats_to_offer(study: Study, level: int) -> int:
    """Seats the rules still allow at a level: at most three, none when its cap is reached.

    Seats that a decision in force has opened and nobody counts in yet are offered already.
    """
    version = active_protocol(study)
    if version is None:
        return 0
    basis = current_basis(study, version)
    tallies = read_tallies(basis)
    tally = tallies.get(level, NOBODY)
    most = cap(read_design(basis["design"]), level, tally, find_toxic(tallies))
    return max(0, min(3, most - tally.seats - _seats_open(study, level)))


def _seats_open(study: Study, level: int) -> int:
    """Seats free or only reserved in the level's open cohorts whose decision stands."""
    cohorts = Cohort.objects.filter(
        in_force("decision__"),
        study=study,
        part=1,
        level__ordinal=level,
        state__in=[CohortState.OPEN, CohortState.FULL],
    ).annotate(confirmed=Count("slots", filter=Q(slots__state=SlotState.CONFIRMED)))
    return sum(cohort.seats - cohort.confirmed for cohort in cohorts)


def holds_on(
    study: Study,
    *,
    level: int | None,
    site: Site | None = None,
    at: datetime | None = None,
    participant: Participant | None = None,
    expansion: str = "",
) -> list[Hold]:
    """Holds in force on the study, on this level or one below it, or on this site.

    A hold on level -1 stops every level. With `at`, those in force at that moment. One on Part 2
    concerns a `participant` of Part 2, and whom a seat in the cohort of disease `expansion` is for.
    """
    holds = Hold.objects.filter(study=study).select_related("level")
    if at is None:
        holds = holds.filter(state=HoldState.PLACED)
    else:
        holds = holds.filter(placed_at__lte=at).exclude(lifted_at__lte=at)
    return [hold for hold in holds if _concerns(hold, level, site, participant, expansion)]


def holds_on_each(
    study: Study, people: Mapping[int, tuple[int, Participant]]
) -> dict[int, list[Hold]]:
    """Holds in force now on each of `people`, who are given with their level, by the same key. One
    statement for any number of them while no hold is on Part 2."""
    if not people:
        return {}
    holds = Hold.objects.filter(study=study, state=HoldState.PLACED).select_related("level")
    return {
        key: [hold for hold in holds if _concerns(hold, level, person.site, person)]
        for key, (level, person) in people.items()
    }


def _concerns(
    hold: Hold,
    level: int | None,
    site: Site | None,
    participant: Participant | None,
    expansion: str = "",
) -> bool:
    return (
        hold.scope == HoldScope.STUDY
        or (hold.level is not None and level is not None and hold.level.ordinal <= level)
        or (hold.site_id is not None and site is not None and hold.site_id == site.pk)
        or (hold.scope == HoldScope.PART_2 and _is_of_part_2(hold, participant, expansion))
    )


def _is_of_part_2(hold: Hold, participant: Participant | None, expansion: str) -> bool:
    """Whether a hold on Part 2, or on one of its cohorts, concerns this person or this seat."""
    if participant is not None and not expansion:
        is_in = Outcome.objects.filter(participant=participant, part=2).exists()
        expansion = participant.disease if is_in else ""
    return bool(expansion) and hold.disease in ("", expansion)
