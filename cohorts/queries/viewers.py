"""Who looks, and what they may see: roles decide the study, sites decide the participants."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from cohorts.models import Participant
from ntrust.models import Membership, Study, User
from ntrust.policies import EVERY_SITE_ROLES
from ntrust.states import Role

SOMEBODY = "a participant of another site"


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
    """Takes the numbers of unseen participants out of sentences."""

    pattern: re.Pattern[str] | None

    def cover(self, sentence: str) -> str:
        """The sentence with every unseen number replaced by a plain word."""
        return self.pattern.sub(SOMEBODY, sentence) if self.pattern else sentence

    def hides(self, number: str) -> bool:
        """Whether this number belongs to somebody unseen."""
        return bool(self.pattern and self.pattern.fullmatch(number))


def mask_for(viewer: Viewer) -> Mask:
    """The mask of a viewer; one statement for people bound to sites, none for the others."""
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


def _any_of(numbers: Iterable[str]) -> re.Pattern[str] | None:
    longest_first = sorted(set(numbers), key=len, reverse=True)
    if not longest_first:
        return None
    choices = "|".join(re.escape(number) for number in longest_first)
    return re.compile(rf"(?<![\w-])(?:{choices})(?![\w-])")
