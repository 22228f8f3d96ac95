"""Part 2: its toxicity boundary, and what must be clear before somebody is seated there.

Only participants seated in an expansion cohort at the RDE are counted; those of Part 1 treated at
that level as well where the protocol says so.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

from django.db.models import QuerySet

from cohorts.engine.expansion import Outlook, could_cross, look_ahead
from cohorts.engine.monitoring import Boundary, beta_boundary, pocock_boundary
from cohorts.models import DoseLevel, Hold, Outcome, ProtocolVersion
from cohorts.policies.facts import active_protocol, document_of
from cohorts.policies.life import is_in_part_2, last_rde, rde_gate
from cohorts.protocol import BoundaryData, Part2Data
from cohorts.states import (
    CohortState,
    DltStatus,
    HoldScope,
    HoldState,
    OutcomeLetter,
    SlotState,
)
from ntrust.errors import Gate
from ntrust.models import Study
from ntrust.states import StudyState

BOUNDARY = "BOUNDARY"
POSSIBLE_BOUNDARY = "POSSIBLE_BOUNDARY"
_HELD_SEATS = (SlotState.CONFIRMED, SlotState.REPLACED)


@dataclass(frozen=True)
class Group:
    """Who is monitored together: a cohort of one disease, or all of them (`disease` empty).

    `people` are those who count, in the order they came; who is not evaluable counts nowhere.
    """

    disease: str
    boundary: Boundary
    people: tuple[Outcome, ...]

    @property
    def name(self) -> str:
        return self.disease or "all cohorts together"

    @property
    def dlts(self) -> tuple[Outcome, ...]:
        return tuple(row for row in self.people if row.letter == OutcomeLetter.DLT)

    @property
    def pending(self) -> tuple[Outcome, ...]:
        return tuple(row for row in self.people if row.letter == OutcomeLetter.PENDING)

    @property
    def provisional(self) -> tuple[Outcome, ...]:
        return tuple(row for row in self.pending if row.dlt == DltStatus.PROVISIONAL)

    @property
    def x(self) -> int:
        """Participants with a DLT."""
        return len(self.dlts)

    @property
    def n(self) -> int:
        """Evaluated participants: a DLT, or a window completed without one."""
        return len(self.people) - len(self.pending)

    @property
    def steps(self) -> tuple[tuple[int, int], ...]:
        """How it came to n and x: both after each evaluated participant, in the order they came."""
        judged = [
            row.letter == OutcomeLetter.DLT
            for row in self.people
            if row.letter != OutcomeLetter.PENDING
        ]
        return tuple((n, sum(judged[:n])) for n in range(len(judged) + 1))

    @property
    def outlook(self) -> Outlook:
        return look_ahead(self.boundary, n=self.n, x=self.x, pending=len(self.pending))

    @property
    def could_cross(self) -> bool:
        """Whether the provisional DLTs, if they counted, would reach the boundary."""
        return could_cross(self.boundary, n=self.n, x=self.x, provisional=len(self.provisional))


def read_groups(study: Study, version: ProtocolVersion) -> list[Group]:
    """What the boundary is read from now; nothing before an RDE, or without a boundary."""
    part_2 = document_of(version).part_2
    rde = last_rde(study)
    if rde is None or rde.level is None or part_2.boundary is None:
        return []
    boundary = boundary_of(part_2.boundary)
    people = [*_of_part_2(study, rde.level)]
    if part_2.counts_part_1:
        people = [*_of_part_1(study, rde.level, part_2), *people]
    if part_2.monitoring == "pooled":
        return [Group("", boundary, tuple(people))]
    planned = [cohort.disease for cohort in part_2.cohorts]
    diseases = dict.fromkeys([*planned, *(row.participant.disease for row in people)])
    return [
        Group(disease, boundary, tuple(row for row in people if row.participant.disease == disease))
        for disease in diseases
    ]


def _of_part_2(study: Study, rde: DoseLevel) -> Iterable[Outcome]:
    """Seated in an expansion cohort at the RDE, or once seated and judged since. One who was given
    a lower dose counts with a DLT alone: without one it would speak for the lower dose."""
    rows: QuerySet[Outcome] = (
        Outcome.objects.filter(
            study=study,
            part=2,
            participant__slots__cohort__part=2,
            participant__slots__cohort__level=rde,
            participant__slots__state__in=_HELD_SEATS,
        )
        .exclude(letter=OutcomeLetter.NOT_EVALUABLE)
        .select_related("participant__site", "level")
        .order_by("participant_id")
        .distinct()
    )
    return [row for row in rows if row.letter == OutcomeLetter.DLT or row.level_id == rde.pk]


def _of_part_1(study: Study, rde: DoseLevel, part_2: Part2Data) -> Iterable[Outcome]:
    """Of Part 1: those evaluated at the RDE, where their disease has a cohort."""
    diseases = [cohort.disease for cohort in part_2.cohorts]
    return (
        Outcome.objects.filter(
            study=study,
            part=1,
            is_counted=True,
            level=rde,
            participant__disease__in=diseases,
        )
        .exclude(letter=OutcomeLetter.NOT_EVALUABLE)
        .select_related("participant__site", "level")
        .order_by("participant_id")
    )


def boundary_of(data: BoundaryData) -> Boundary:
    """The boundary by the protocol's rule and numbers; worked out once a process."""
    most = data.most_participants
    if data.rule == "pocock":
        assert data.p0 is not None  # the schema refuses a rule without its numbers
        assert data.alpha is not None
        return _pocock(float(data.p0), float(data.alpha), most)
    assert data.prior is not None
    assert data.theta0 is not None
    assert data.tau is not None
    a, b = data.prior
    return _beta((float(a), float(b)), float(data.theta0), float(data.tau), most)


_pocock = lru_cache(maxsize=32)(pocock_boundary)
_beta = lru_cache(maxsize=32)(beta_boundary)


def boundary_holds(study: Study, disease: str) -> list[Hold]:
    """Holds by which the boundary of a group stops it, oldest first, lifted ones too."""
    rows = Hold.objects.filter(
        study=study, scope=HoldScope.PART_2, disease=disease, rule__in=[BOUNDARY, POSSIBLE_BOUNDARY]
    )
    return list(rows.order_by("id"))


def gates_for_expansion(study: Study, version: ProtocolVersion, disease: str) -> list[Gate]:
    """What of Part 2 itself must be clear before its cohort of this disease seats anybody."""
    return [
        _expanding(study),
        rde_gate(last_rde(study)),
        *(_boundary_gate(study, group) for group in _groups_of(study, version, disease)),
    ]


def _groups_of(study: Study, version: ProtocolVersion, disease: str) -> list[Group]:
    return [group for group in read_groups(study, version) if group.disease in ("", disease)]


def _expanding(study: Study) -> Gate:
    label = StudyState(study.state).label
    is_clear = study.state == StudyState.EXPANDING
    sentence = f"The study is in state: {label}."
    if study.state == StudyState.RDE_SELECTED:
        sentence = "Part 2 is not started yet."
    return Gate("study_expanding", is_clear, sentence, None, "" if is_clear else "study manager")


def _boundary_gate(study: Study, group: Group) -> Gate:
    """Shut by a boundary that is crossed, unless a signed decision let the group go on."""
    rule, outlook = "boundary", group.outlook
    counts = f"{name_dlts(group.x)} among {group.n} evaluated, {group.name}"
    if not outlook.is_crossed:
        return Gate(rule, True, f"The boundary is not reached: {counts}.")
    sentence = f"The boundary is crossed: {counts}; it stops at {outlook.limit}."
    holds = [hold for hold in boundary_holds(study, group.disease) if hold.rule == BOUNDARY]
    if holds and holds[-1].state == HoldState.LIFTED:
        return Gate(rule, True, f"{sentence} A signed decision lets it go on.")
    who = "study manager and medical monitor"
    return Gate(rule, False, sentence, None, who)


def name_dlts(count: int) -> str:
    """Participants with a DLT, in words."""
    return "no DLT" if not count else "1 DLT" if count == 1 else f"{count} DLTs"


def diseases_to_seat(study: Study) -> tuple[str, ...]:
    """For whom a next seat is in question: anybody, or in Part 2 each disease with a cohort."""
    version = active_protocol(study)
    if version is None or not is_in_part_2(study):
        return ("",)
    planned = document_of(version).part_2.cohorts
    return tuple(cohort.disease for cohort in planned) or ("",)


def gates_for_start(study: Study, version: ProtocolVersion) -> list[Gate]:
    """Why Part 2 can or cannot be started now. Holds are looked at by the caller."""
    part_2 = document_of(version).part_2
    label = StudyState(study.state).label
    without = [cohort.disease for cohort in part_2.cohorts if cohort.seats is None]
    is_planned = bool(part_2.cohorts) and not without
    planned = ", ".join(f"{one.disease} ({one.seats} seats)" for one in part_2.cohorts)
    return [
        Gate(
            "rde_selected",
            study.state == StudyState.RDE_SELECTED,
            f"The study is in state: {label}.",
        ),
        rde_gate(last_rde(study)),
        Gate(
            "cohorts_planned",
            is_planned,
            f"Protocol version {version.version} plans: {planned}."
            if is_planned
            else f"Protocol version {version.version} does not say how many seats Part 2 has.",
            None,
            "" if is_planned else "study manager",
        ),
        Gate(
            "boundary_planned",
            part_2.boundary is not None,
            "The protocol names a toxicity boundary."
            if part_2.boundary is not None
            else "The protocol names no toxicity boundary.",
            None,
            "" if part_2.boundary is not None else "study manager",
        ),
    ]


def live_states() -> tuple[str, ...]:
    """States of a cohort that is not over."""
    return (CohortState.OPEN, CohortState.FULL, CohortState.IN_REVIEW)
