"""Who looks, and what they may see: roles decide the study, sites decide the participants."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from cohorts.models import Participant
from cohorts.queries.covers import Cover, cover_for_packets
from ntrust.models import Membership, Study, User
from ntrust.policies import EVERY_SITE_ROLES
from ntrust.states import Role

SOMEBODY = "a participant of another site"
UNNAMED: Final = "a participant"


@dataclass(frozen=True)
class Viewer:
    """A person looking at one study. Being superuser adds nothing."""

    study: Study
    roles: tuple[str, ...]
    sees_every_site: bool
    site_ids: frozenset[int]
    investigates: frozenset[int] = frozenset()

    def is_investigator_at(self, site_id: int) -> bool:
        """Whether this person is an investigator of the site."""
        return site_id in self.investigates

    def holds(self, roles: Iterable[Role]) -> bool:
        """Whether this person has one of these roles in the study."""
        return bool({role.label for role in roles} & set(self.roles))

    def sees(self, site_id: int) -> bool:
        """Whether the participants of a site have numbers and dates for this person."""
        return self.sees_every_site or site_id in self.site_ids


INSPECTORS: Final = (Role.STUDY_MANAGER, Role.MEDICAL_MONITOR, Role.AUDITOR)


def may_inspect(viewer: Viewer) -> bool:
    """Whether this person may take a decision away with everything under it."""
    return viewer.holds(INSPECTORS)


def viewer_of(user: User, key: str) -> Viewer | None:
    """The person as a viewer of the study with that key; None when it is not theirs, or nobody's.

    One statement, the same whether the study exists or not.
    """
    rows = list(
        Membership.objects.filter(user=user, study__key=key, revoked_at__isnull=True)
        .select_related("study")
        .order_by("id")
    )
    if not rows:
        return None
    return Viewer(
        study=rows[0].study,
        roles=tuple(dict.fromkeys(Role(row.role).label for row in rows)),
        sees_every_site=any(row.role in EVERY_SITE_ROLES for row in rows),
        site_ids=frozenset(row.site_id for row in rows if row.site_id is not None),
        investigates=frozenset(
            row.site_id for row in rows if row.site_id is not None and row.role == Role.INVESTIGATOR
        ),
    )


@dataclass(frozen=True)
class Mask:
    """Takes the numbers of unseen participants out of sentences; with `names`, as for a packet,
    names of people at work in the study and screening numbers too."""

    pattern: re.Pattern[str] | None
    names: Cover | None = None

    def cover(self, sentence: str) -> str:
        """The sentence with every unseen number and name replaced by a plain word."""
        said = self.pattern.sub(SOMEBODY, sentence) if self.pattern else sentence
        return self.names.of(said) if self.names else said

    def hides(self, number: str) -> bool:
        """Whether this number belongs to somebody unseen."""
        return bool(self.pattern and self.pattern.fullmatch(number))


def mask_for(viewer: Viewer) -> Mask:
    """The mask of a viewer; one statement for people bound to sites, three for the committee,
    which reads subject numbers alone on every page, none for the others."""
    if set(viewer.roles) == {Role.COMMITTEE.label}:
        return Mask(None, cover_for_packets(viewer.study))
    if viewer.sees_every_site:
        return Mask(None)
    hidden = (
        Participant.objects.filter(study=viewer.study)
        .exclude(site_id__in=viewer.site_ids)
        .values_list("subject_number", "screening_number")
    )
    return Mask(_any_of(number for numbers in hidden for number in numbers if number))


def cover_for(user: User, study: Study, sentence: str) -> str:
    """A sentence as this person may read it, wherever it reaches them; a mail above all."""
    viewer = viewer_of(user, study.key) or Viewer(study, (), False, frozenset())
    return mask_for(viewer).cover(sentence)


def hide_numbers(study: Study, sentence: str) -> str:
    """A sentence without any participant's number: for what leaves the service unprotected."""
    rows = Participant.objects.filter(study=study).values_list("subject_number", "screening_number")
    pattern = _any_of(number for numbers in rows for number in numbers if number)
    return pattern.sub(UNNAMED, sentence) if pattern else sentence


def _any_of(numbers: Iterable[str]) -> re.Pattern[str] | None:
    longest_first = sorted(set(numbers), key=len, reverse=True)
    if not longest_first:
        return None
    choices = "|".join(re.escape(number) for number in longest_first)
    return re.compile(rf"(?<![\w-])(?:{choices})(?![\w-])")
