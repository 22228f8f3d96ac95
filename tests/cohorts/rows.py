"""Trials in any state, written row by row inside a study change; the rules run when asked.

The actions lead to these states one safe step at a time; a page has to show all of them, also those
that take months or a mistake to reach. Letters are those of the notation, and four more: O overdue
(window over, no statement), V provisional DLT, U seated and not yet treated, R reserved only.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import yaml
from django.test import override_settings

from cohorts.actions import add_protocol_version, apply_rules
from cohorts.models import (
    Cohort,
    Decision,
    DoseLevel,
    Hold,
    Outcome,
    Participant,
    ProtocolVersion,
    Recommendation,
    Slot,
)
from cohorts.states import CohortState, DecisionState, HoldScope
from ntrust.actions import activate_site, add_site, create_study, grant_role
from ntrust.change import Change, study_change
from ntrust.models import Signature, Site, Study, User
from ntrust.states import Role
from tests.factories import approve

START = datetime(2026, 11, 1, 9, tzinfo=UTC)
NOW = datetime(2026, 11, 23, 14, 5, tzinfo=UTC)
WINDOW = timedelta(days=28)
PASSWORD = "correct-horse-battery"
DOCUMENT = Path(__file__).parents[2] / "cohorts" / "protocols" / "ntrust-1.yaml"
HASH = "0" * 64

_FACTS: dict[str, dict[str, Any]] = {
    "N": {"letter": "N", "is_window_over": True, "has_signed_statement": True},
    "T": {"letter": "T", "dlt": "COUNTED"},
    "X": {"letter": "X", "not_evaluable_because": "missed infusion 2"},
    "P": {},
    "O": {"is_window_over": True},
    "V": {"dlt": "PROVISIONAL"},
    "U": {},
}


@dataclass
class Trial:
    """A study with its people; `clock` moves a day with every change."""

    study: Study
    version: ProtocolVersion
    sites: dict[str, Site]
    users: dict[str, User]
    clock: datetime = START
    subjects: int = 0
    cohorts: list[Cohort] = field(default_factory=list)

    def level(self, ordinal: int) -> DoseLevel:
        return DoseLevel.objects.get(study=self.study, ordinal=ordinal)


def start_trial(key: str = "ntrust-1", *, source: str = "") -> Trial:
    """A study in escalation with two sites and one person a role; nobody seated."""
    document = yaml.safe_load(DOCUMENT.read_text(encoding="utf-8"))
    study = create_study(
        key,
        title=document["title"],
        protocol_number=document["protocol_number"],
        product="NKX019",
        is_replay=bool(source),
        source=source,
        now=START,
    )
    users = {"manager": make_user(f"manager-{key}"), "monitor": make_user(f"monitor-{key}")}
    join(users["manager"], study, Role.STUDY_MANAGER)
    join(users["monitor"], study, Role.MEDICAL_MONITOR)
    sites = {}
    for code in ("S1", "S2"):
        site = add_site(study, code=code, name=f"Site {code}", by=users["manager"], now=START)
        sites[code] = activate_site(site, by=users["manager"], now=START)
    version = add_protocol_version(study, document=document, by=users["manager"], now=START)
    version = approve(version, by=users["manager"], now=START)
    return Trial(study=Study.objects.get(pk=study.pk), version=version, sites=sites, users=users)


def make_user(name: str, **fields: Any) -> User:
    """A person who can log in."""
    return User.objects.create_user(
        name, password=PASSWORD, printed_name=name.capitalize(), **fields
    )


def join(user: User, study: Study, role: str, *, site: Site | None = None) -> User:
    """Give a person a role."""
    grant_role(user, study=study, role=role, by=None, now=START, site=site)
    return user


@contextmanager
def changing(trial: Trial) -> Iterator[Change]:
    """A change of the study in which neither clocks nor rules do anything by themselves."""
    trial.clock += timedelta(days=1)
    with (
        override_settings(NTRUST_PASS_TIME=[], NTRUST_AFTER_CHANGE=[]),
        study_change(
            trial.study, by=trial.users["manager"], reason="written by a test", now=trial.clock
        ) as change,
    ):
        yield change


def advise(trial: Trial) -> Recommendation:
    """Run the rules on the rows as they are, with all that follows; answers what they say."""
    with changing(trial) as change:
        apply_rules(change)
    return Recommendation.objects.filter(study=trial.study).latest("id")


def decide(
    trial: Trial,
    level: int | None,
    *,
    seats: int = 3,
    verdict: str = "ENROL",
    state: str = DecisionState.CIRCULATED,
    override: str = "",
) -> Decision:
    """A decision for a level in the given state, on the recommendation of now."""
    advice = advise(trial)
    is_signed = state not in (DecisionState.PROPOSED, DecisionState.PARTLY_SIGNED)
    with changing(trial) as change:
        return Decision.objects.create(
            study=change.study,
            number=Decision.objects.filter(study=change.study).count() + 1,
            recommendation=advice,
            verdict=verdict,
            level=trial.level(level) if level is not None else None,
            seats=seats if level is not None else 0,
            is_override=bool(override),
            reason=override,
            committee_verdict="The committee agrees." if override else "",
            packet_hash=HASH,
            basis=advice.basis,
            content={},
            content_hash=HASH,
            state=state,
            proposed_at=change.now,
            proposed_by=trial.users["manager"],
            manager_signature=_signature(change, trial, "manager") if is_signed else None,
            monitor_signature=_signature(change, trial, "monitor") if is_signed else None,
            signed_at=change.now if is_signed else None,
            circulated_at=change.now if state != DecisionState.SIGNED and is_signed else None,
        )


def _signature(change: Change, trial: Trial, who: str) -> Signature:
    return Signature.objects.create(
        study=change.study,
        signer=trial.users[who],
        printed_name=trial.users[who].printed_name,
        role=Role.STUDY_MANAGER if who == "manager" else Role.MEDICAL_MONITOR,
        meaning="approves",
        signed_at=change.now,
        content_hash=HASH,
    )


def seat(
    trial: Trial,
    level: int,
    letters: str,
    *,
    site: str = "S1",
    state: str = CohortState.FULL,
    seats: int = 3,
    override: str = "",
) -> Cohort:
    """Open a cohort at a level by a decision and seat one participant a letter."""
    decision = decide(trial, level, seats=seats, override=override)
    with changing(trial) as change:
        cohort = Cohort.objects.create(
            study=change.study,
            level=decision.level,
            number=len(trial.cohorts) + 1,
            seats=seats,
            decision=decision,
            state=state,
            opened_at=change.now,
            stopped_because="Two DLTs." if state == CohortState.STOPPED else "",
        )
        trial.cohorts.append(cohort)
        for letter in letters:
            _seat_one(trial, change, cohort, letter, trial.sites[site])
    advise(trial)
    return cohort


def _seat_one(trial: Trial, change: Change, cohort: Cohort, letter: str, site: Site) -> None:
    trial.subjects += 1
    participant = Participant.objects.create(
        study=change.study,
        site=site,
        protocol_version=trial.version,
        screening_number=f"S-{trial.subjects:03d}",
        subject_number=f"P-{trial.subjects:03d}",
        disease="lupus nephritis",
        state="TREATED",
        consented_at=START,
    )
    taken = set(
        Slot.objects.filter(cohort=cohort).exclude(state="REPLACED").values_list("seat", flat=True)
    )
    is_reserved, is_replaced = letter == "R", letter == "X"
    Slot.objects.create(
        cohort=cohort,
        participant=participant,
        seat=next(number for number in range(1, 4) if number not in taken),
        state="RESERVED" if is_reserved else "REPLACED" if is_replaced else "CONFIRMED",
        reserved_at=change.now,
        confirmed_at=None if is_reserved else change.now,
    )
    if not is_reserved:
        _count_one(trial, change, participant, cohort, letter)


def _count_one(
    trial: Trial, change: Change, participant: Participant, cohort: Cohort, letter: str
) -> None:
    infused_at = None if letter == "U" else change.now + timedelta(hours=trial.subjects)
    if infused_at and letter == "O":
        infused_at -= WINDOW
    Outcome.objects.create(
        participant=participant,
        study=change.study,
        level=cohort.level,
        because="Written by a test.",
        first_infused_at=infused_at,
        window_closes_at=infused_at + WINDOW if infused_at else None,
        not_evaluable_confirmed_by=trial.users["monitor"] if letter == "X" else None,
        **_FACTS[letter],
    )


def hold(trial: Trial, level: int | None, reason: str, *, site: Site | None = None) -> Hold:
    """A hold in force on a level and above, a site, or the whole study."""
    with changing(trial) as change:
        scope = HoldScope.LEVEL if level else HoldScope.SITE if site else HoldScope.STUDY
        placed = Hold.objects.create(
            study=change.study,
            scope=scope,
            level=trial.level(level) if level else None,
            site=site,
            rule="PERSON",
            reason=reason,
            placed_at=change.now,
        )
    advise(trial)
    return placed


def change_basis(trial: Trial, decision: Decision, what: str) -> Decision:
    """Mark a decision as no longer resting on what was signed."""
    with changing(trial) as change:
        decision = Decision.objects.get(pk=decision.pk)
        decision.state = DecisionState.BASIS_CHANGED
        decision.basis_changed_at, decision.basis_change = change.now, what
        decision.save(update_fields=["state", "basis_changed_at", "basis_change"])
    return decision
