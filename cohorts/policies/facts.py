"""What is: the protocol in force, what the rules are given, what is held."""

from __future__ import annotations

from django.db.models import Count, Q

from cohorts.engine.basis import Basis, make_basis, read_design, read_tallies, recommend_basis
from cohorts.engine.design import NOBODY, Recommendation
from cohorts.engine.rules import cap, find_toxic
from cohorts.models import Cohort, Hold, Outcome, ProtocolVersion
from cohorts.protocol import ProtocolDocument
from cohorts.states import (
    CohortState,
    DecisionState,
    HoldScope,
    HoldState,
    ProtocolState,
    SlotState,
)
from ntrust.errors import Refused
from ntrust.models import Site, Study


def active_protocol(study: Study) -> ProtocolVersion | None:
    """The protocol version in force."""
    return ProtocolVersion.objects.filter(study=study, state=ProtocolState.ACTIVE).first()


def require_protocol(study: Study) -> ProtocolVersion:
    """The protocol version in force; refuses (`no_protocol`) while there is none."""
    version = active_protocol(study)
    if version is None:
        raise Refused("no_protocol", "No protocol version is active.")
    return version


def document_of(version: ProtocolVersion) -> ProtocolDocument:
    """A stored version's document, which was validated when it was stored."""
    return ProtocolDocument.model_validate(version.document)


def current_level(study: Study) -> int:
    """The level now being dosed: that of the cohort opened last; level 1 before the first."""
    newest = (
        Cohort.objects.filter(study=study, opened_at__isnull=False)
        .select_related("level")
        .order_by("-number")
        .first()
    )
    return newest.level.ordinal if newest else 1


def current_basis(study: Study, version: ProtocolVersion) -> Basis:
    """What the rules are given now: design, current level, one row a counted participant."""
    rows = (
        Outcome.objects.filter(study=study, is_counted=True)
        .order_by("participant_id")
        .values_list("participant__subject_number", "level__ordinal", "letter")
    )
    return make_basis(
        document_of(version).design(),
        current=current_level(study),
        outcomes=[
            {"subject": subject, "level": level, "letter": letter}
            for subject, level, letter in rows
        ],
    )


def recommend_now(study: Study) -> Recommendation | None:
    """What the rules say on the rows as they are; None without an active protocol."""
    version = active_protocol(study)
    return recommend_basis(current_basis(study, version)) if version else None


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
        study=study,
        level__ordinal=level,
        state__in=[CohortState.OPEN, CohortState.FULL],
        decision__state=DecisionState.CIRCULATED,
    ).annotate(confirmed=Count("slots", filter=Q(slots__state=SlotState.CONFIRMED)))
    return sum(cohort.seats - cohort.confirmed for cohort in cohorts)


def holds_on(study: Study, *, level: int | None, site: Site | None = None) -> list[Hold]:
    """Holds in force on the study, on this level or one below it, or on this site.

    A hold on level -1 stops every level.
    """
    placed = Hold.objects.filter(study=study, state=HoldState.PLACED).select_related("level")
    return [
        hold
        for hold in placed
        if hold.scope == HoldScope.STUDY
        or (hold.level is not None and level is not None and hold.level.ordinal <= level)
        or (hold.site_id is not None and site is not None and hold.site_id == site.pk)
    ]
