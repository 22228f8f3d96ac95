"""The committee's home: the latest packet, the earlier ones, and what was decided since."""

from __future__ import annotations

from dataclasses import dataclass

from cohorts.queries import Viewer
from cohorts.queries.decisions import DecisionRow
from ntrust.models import Membership, Study, User
from safety.queries.decisions import list_decisions
from safety.queries.packet_pages import PacketPage, read_packet_page
from safety.queries.reviews import PACKET_READERS, ReviewRow, read_reviews


@dataclass(frozen=True)
class Home:
    """What a reader of packets sees first; `latest` is None before the first review."""

    latest: PacketPage | None
    latest_row: ReviewRow | None
    reviews: tuple[ReviewRow, ...]
    decisions: tuple[DecisionRow, ...]


def committee_studies(user: User) -> list[Study]:
    """Studies whose packets this person reads; those really running first."""
    rows = Membership.objects.filter(user=user, role__in=PACKET_READERS, revoked_at__isnull=True)
    studies = Study.objects.filter(pk__in=rows.values("study"))
    return list(studies.order_by("is_replay", "key"))


def read_home(viewer: Viewer) -> Home:
    """The latest packet is that of the newest review; the others are listed, newest first."""
    reviews = read_reviews(viewer.study)
    first = reviews[0] if reviews else None
    return Home(
        latest=read_packet_page(viewer.study, first.number) if first else None,
        latest_row=first,
        reviews=tuple(reviews[1:]),
        decisions=tuple(list_decisions(viewer)),
    )
