"""A packet built again from what was known at its revision."""

from __future__ import annotations

from typing import Any

from cohorts.models import Decision
from cohorts.policies import active_protocol, current_basis
from ntrust.past import as_known
from safety.models import Packet
from safety.queries import packet_content


def build_again(packet: Packet) -> dict[str, Any]:
    """The content of a packet, rebuilt from history at the revision of its cut."""
    again = packet.content["re_reviews"]
    with as_known(packet.study, revision=packet.revision) as then:
        version = active_protocol(then)
        assert version is not None
        return packet_content(
            then,
            basis=current_basis(then, version),
            version=version,
            review=packet.content["review"],
            cut_at=packet.cut_at,
            re_reviews=Decision.objects.get(study=then, number=again) if again else None,
        )
