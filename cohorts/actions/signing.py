"""Two signatures, of two people in two roles, under what a review concluded."""

from __future__ import annotations

from cohorts.models import Decision, ReReview
from ntrust.change import Change
from ntrust.errors import Refused
from ntrust.models import User
from ntrust.signing import sign
from ntrust.states import Role


def add_signature(  # noqa: PLR0913 - a signature's own parts
    change: Change,
    thing: Decision | ReReview,
    *,
    by: User,
    role: str,
    password: str,
    meaning: str,
) -> str:
    """Put this person's signature on it; answers the field that then has to be saved.

    Refuses (`already_signed`) a second one of the same role or of the same person.
    """
    field = "manager_signature" if role == Role.STUDY_MANAGER else "monitor_signature"
    other = thing.monitor_signature or thing.manager_signature
    if getattr(thing, field) or (other and other.signer_id == by.pk):
        raise Refused("already_signed", "The second signature is another person's and role's.")
    signature = sign(
        change,
        signer=by,
        role=role,
        password=password,
        meaning=meaning,
        hash_of=thing.content_hash,
    )
    setattr(thing, field, signature)
    return field
