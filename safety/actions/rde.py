"""Selecting the RDE: what a concluded review said, proposed for signature."""

from __future__ import annotations

from datetime import datetime

from cohorts.actions import Selection, propose_rde
from cohorts.models import Decision
from cohorts.policies import check_study_open, current_basis, require_protocol
from ntrust.change import study_change
from ntrust.models import Study, User
from ntrust.policies import check_role
from ntrust.states import Role
from safety.policies import check_packet, last_concluded
from safety.queries import news_of


def select_rde(
    study: Study, selection: Selection, *, by: User, now: datetime | None = None
) -> Decision:
    """Propose the RDE that the committee spoke of, sealed to the packet it was shown. Manager's
    action; two signatures put it in force and end Part 1.

    Refuses without a concluded review (`no_review`), a packet whose data have changed since its cut
    (`stale_packet`), and what `propose_rde` refuses.
    """
    check_role(by, study, [Role.STUDY_MANAGER])
    with study_change(study, by=by, reason="RDE proposed", now=now) as change:
        check_study_open(change.study)
        review = last_concluded(change.study)
        basis = current_basis(study, require_protocol(change.study))
        check_packet(review.packet, basis=basis, news=news_of(change.study))
        return propose_rde(change, selection, packet_hash=review.packet.content_hash, by=by)
