"""Data cuts: the data of one revision, locked by a signature."""

from __future__ import annotations

from datetime import datetime

from ntrust.change import study_change
from ntrust.errors import Refused
from ntrust.models import Study, User
from ntrust.policies import check_role
from ntrust.signing import content_hash, sign
from ntrust.states import Role
from safety.models import DataCut
from safety.policies import cut_content


def lock_cut(
    study: Study, *, purpose: str, by: User, password: str, now: datetime | None = None
) -> DataCut:
    """Lock the data as they are now, signed. Study manager's action; refuses a blank purpose.

    A locked cut forbids nothing: what is entered or changed later is after the cut, with its
    reason, and is listed beside it. It is never unlocked; a later cut takes its place.
    """
    role = check_role(by, study, [Role.STUDY_MANAGER])
    if not purpose.strip():
        raise Refused("reason_needed", "Say what the cut is for.")
    with study_change(study, by=by, reason=f"data cut: {purpose}", now=now) as change:
        number = DataCut.objects.filter(study=study).count() + 1
        content = {
            "study": study.key,
            "number": number,
            "revision": change.study.revision,
            "cut_at": change.now.isoformat(),
            "purpose": purpose.strip(),
            **cut_content(change.study),
        }
        signature = sign(
            change,
            signer=by,
            role=role,
            password=password,
            meaning=f"locks data cut {number} at revision {change.study.revision}",
            hash_of=content_hash(content),
        )
        cut = DataCut.objects.create(
            study=change.study,
            number=number,
            revision=change.study.revision,
            cut_at=change.now,
            purpose=purpose.strip(),
            content=content,
            content_hash=content_hash(content),
            signature=signature,
        )
        change.record("CUT_LOCKED", f"Data cut {number} is locked: {purpose.strip()}.")
    return cut
