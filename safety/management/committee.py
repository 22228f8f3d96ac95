"""A committee for a trial that is conducted from a script."""

from __future__ import annotations

from itertools import cycle, islice

from cohorts.policies import document_of, require_protocol
from ntrust.models import Study
from safety.actions import Member, Minutes, Votes
from safety.states import Vote


def minutes_of(study: Study, *, attendees: int, reference: str) -> Minutes:
    """Minutes of a meeting that agreed: members in the roles that the protocol asks for, numbered.

    Where it asks for none, a count is all there is.
    """
    rules = document_of(require_protocol(study)).review
    if not rules.roles:
        return Minutes(attendees, reference)
    required = [role for role in rules.roles for _ in range(role.required)]
    roles = [*required, *islice(cycle(rules.roles), max(0, attendees - len(required)))]
    members = tuple(
        Member(f"{role.name} {number}", role.key, vote=Vote.FOR)
        for number, role in enumerate(roles[:attendees], start=1)
    )
    return Minutes(attendees, reference, members, Votes(attendees, 0, 0))
