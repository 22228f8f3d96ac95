"""The studies of a person, each with what the rules say now."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.db.models import Count, Q

from cohorts.models import Hold, Outcome, Recommendation
from cohorts.queries.viewers import INSPECTORS
from cohorts.queries.words import HARM, Mark, name_answer, name_rule
from cohorts.states import HoldScope, HoldState, OutcomeLetter
from ntrust.models import Membership, Study, User
from ntrust.states import Role, StudyState


@dataclass(frozen=True)
class StudyCard:
    """A study in a list: what it is, the person's part in it, and where it stands."""

    key: str
    title: str
    protocol_number: str
    product: str
    state: str
    is_replay: bool
    roles: tuple[str, ...]
    answer: Mark | None
    tone: str
    rule: str
    is_suspended: bool
    holds: int
    treated: int
    evaluable: int
    pending: int
    dlt: int
    changed_at: datetime

    @property
    def is_overseen(self) -> bool:
        """Whether this person oversees the study: manager, monitor or auditor."""
        return bool(set(self.roles) & {role.label for role in INSPECTORS})

    @property
    def is_at_site(self) -> bool:
        """Whether this person works at a site, and has no part in the study beside it."""
        return set(self.roles) <= {Role.INVESTIGATOR.label, Role.PHARMACIST.label}

    @property
    def is_reviewed(self) -> bool:
        """Whether this person sits on its committee, and does not oversee it."""
        return Role.COMMITTEE.label in self.roles


def studies_for(user: User) -> tuple[StudyCard, ...]:
    """Studies in which this person holds a role; those really running before replayed ones.

    Four statements, however many studies.
    """
    roles: dict[int, list[str]] = {}
    studies: dict[int, Study] = {}
    for membership in (
        Membership.objects.filter(user=user, revoked_at__isnull=True)
        .select_related("study")
        .order_by("study__is_replay", "study__key", "id")
    ):
        studies[membership.study_id] = membership.study
        roles.setdefault(membership.study_id, []).append(Role(membership.role).label)
    ids = list(studies)
    advice = _latest(ids)
    counts = _counts(ids)
    holds = _holds(ids)
    return tuple(
        _card(study, roles[pk], advice.get(pk), counts.get(pk, (0, 0, 0, 0)), holds.get(pk, 0))
        for pk, study in studies.items()
    )


def _latest(ids: list[int]) -> dict[int, Recommendation]:
    rows = (
        Recommendation.objects.filter(study__in=ids)
        .order_by("study_id", "-id")
        .distinct("study_id")
        .defer("basis", "bounds", "reasons")
    )
    return {row.study_id: row for row in rows}


def _counts(ids: list[int]) -> dict[int, tuple[int, ...]]:
    """Treated, evaluable, pending and with a DLT, by study."""
    letter = OutcomeLetter
    rows = (
        Outcome.objects.filter(study__in=ids, is_counted=True)
        .order_by()
        .values_list("study_id")
        .annotate(
            treated=Count("id", filter=Q(first_infused_at__isnull=False)),
            evaluable=Count("id", filter=Q(letter__in=[letter.NO_DLT, letter.DLT])),
            pending=Count("id", filter=Q(letter=letter.PENDING)),
            dlt=Count("id", filter=Q(letter=letter.DLT)),
        )
    )
    return {study_id: tuple(counts) for study_id, *counts in rows}


def _holds(ids: list[int]) -> dict[int, int]:
    """Holds of the study or a level; a site's own hold is the site's matter."""
    rows = (
        Hold.objects.filter(study__in=ids, state=HoldState.PLACED)
        .exclude(scope=HoldScope.SITE)
        .order_by()
        .values_list("study_id")
        .annotate(Count("id"))
    )
    return dict(rows)


def _card(
    study: Study,
    roles: list[str],
    row: Recommendation | None,
    counts: tuple[int, ...],
    holds: int,
) -> StudyCard:
    answer = name_answer(row.verdict, row.level, row.outcome, row.mtd) if row else None
    is_suspended = bool(row and row.suspended_by)
    treated, evaluable, pending, dlt = counts
    return StudyCard(
        key=study.key,
        title=study.title,
        protocol_number=study.protocol_number,
        product=study.product,
        state=StudyState(study.state).label,
        is_replay=study.is_replay,
        roles=tuple(dict.fromkeys(roles)),
        answer=answer,
        tone=HARM if is_suspended else answer.tone if answer else "",
        rule=name_rule(row.rule) if row else "",
        is_suspended=is_suspended,
        holds=holds,
        treated=treated,
        evaluable=evaluable,
        pending=pending,
        dlt=dlt,
        changed_at=row.computed_at if row else study.created_at,
    )
