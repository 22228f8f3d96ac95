"""How good the data under a review are: what is verified, asked, locked, and after the cut."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import OuterRef, Subquery

from cohorts.models import Participant
from cohorts.queries import Viewer
from cohorts.queries.words import name_level
from ntrust.models import Study, User
from ntrust.signing import SignatureStatus, moment_in_words, signature_status
from safety.models import DataCut, DataQuery, DataQueryEntry
from safety.policies import SOURCES, Share, Source, VerifiedShare, history_of, verified_share
from safety.states import DataQueryState


@dataclass(frozen=True)
class QueryRow:
    """A data query in a list."""

    pk: int
    number: int
    participant: str
    screening_number: str
    site: str
    about: str
    state: str
    is_open: bool
    asked_at: datetime
    due_at: datetime
    is_overdue: bool
    text: str


@dataclass(frozen=True)
class CutRow:
    """A locked cut, and how many rows that count were written after it."""

    number: int
    revision: int
    cut_at: datetime
    purpose: str
    signature: SignatureStatus
    rows: int
    rows_hash: str
    verified: tuple[int, int]
    open_queries: tuple[int, ...]
    after: int


@dataclass(frozen=True)
class ChangedRow:
    """A row written after a cut: what, whose, by whom, when and why."""

    table: str
    participant: str
    is_new: bool
    revision: int
    at: str
    by: str
    reason: str


@dataclass(frozen=True)
class DataQuality:
    """For a packet: the cut it rests on (None: not locked), what is verified, what is asked."""

    revision: int
    cut: CutRow | None
    share: VerifiedShare
    queries: tuple[QueryRow, ...]

    def as_dict(self) -> dict[str, Any]:
        """Plain values for a packet. Queries are named by subject, never by site staff."""
        cut = self.cut
        return {
            "revision": self.revision,
            "cut": {
                "number": cut.number,
                "revision": cut.revision,
                "purpose": cut.purpose,
                "locked_by": cut.signature.name,
                "locked_at": cut.signature.at,
                "is_signature_valid": cut.signature.is_valid,
                "rows_hash": cut.rows_hash,
                "rows_after": cut.after,
            }
            if cut
            else None,
            "verified": {
                "all": [self.share.all.verified, self.share.all.rows],
                "by_table": {
                    label: [one.verified, one.rows] for label, one in self.share.by_table.items()
                },
                "by_level": {
                    "none" if level is None else str(level): [one.verified, one.rows]
                    for level, one in self.share.by_level.items()
                },
            },
            "open_queries": [
                {
                    "number": one.number,
                    "participant": one.participant,
                    "about": one.about,
                    "state": one.state,
                    "asked_at": one.asked_at.isoformat(),
                    "is_overdue": one.is_overdue,
                    "text": one.text,
                }
                for one in self.queries
            ],
        }


def data_quality(study: Study, *, now: datetime, revision: int | None = None) -> DataQuality:
    """How good the data are now; with the last cut locked up to `revision` (default: any)."""
    cuts = DataCut.objects.filter(study=study).select_related("signature")
    if revision is not None:
        cuts = cuts.filter(revision__lte=revision)
    cut = cuts.last()
    return DataQuality(
        revision=study.revision if revision is None else revision,
        cut=_cut(cut) if cut else None,
        share=verified_share(study),
        queries=tuple(read_queries(study, now=now, states=_UNSETTLED)),
    )


_UNSETTLED = (DataQueryState.OPEN, DataQueryState.ANSWERED)


def read_queries(
    study: Study,
    *,
    now: datetime,
    states: tuple[DataQueryState, ...] | None = None,
    site_ids: frozenset[int] | None = None,
    participant: Participant | None = None,
) -> list[QueryRow]:
    """Queries, first to last, with what was asked last. One statement."""
    asked = DataQueryEntry.objects.filter(query=OuterRef("pk"), step__in=["ASKED", "REOPENED"])
    rows = DataQuery.objects.filter(study=study).select_related("participant", "site")
    if states is not None:
        rows = rows.filter(state__in=states)
    if site_ids is not None:
        rows = rows.filter(site_id__in=site_ids)
    if participant is not None:
        rows = rows.filter(participant=participant)
    latest = Subquery(asked.order_by("-id").values("text")[:1])
    return [_query(row, now) for row in rows.annotate(asked_text=latest).order_by("number")]


def _query(row: Any, now: datetime) -> QueryRow:
    is_open = row.state == DataQueryState.OPEN
    return QueryRow(
        pk=row.pk,
        number=row.number,
        participant=str(row.participant),
        screening_number=row.participant.screening_number,
        site=row.site.code,
        about=row.about,
        state=DataQueryState(row.state).label,
        is_open=is_open,
        asked_at=row.asked_at,
        due_at=row.due_at,
        is_overdue=is_open and row.due_at < now,
        text=row.asked_text,
    )


def find_query(viewer: Viewer, number: int) -> DataQuery | None:
    """A query of the study, where this person may know of it."""
    found = DataQuery.objects.filter(study=viewer.study, number=number)
    query = found.select_related("participant", "site", "study").first()
    return query if query is not None and viewer.sees(query.site_id) else None


def verified_table(study: Study) -> list[tuple[str, list[tuple[str, Share]]]]:
    """The shares as a page shows them: a heading, and rows of words with their share."""
    share = verified_share(study)
    levels = [
        ("no seat yet" if level is None else name_level(level), one)
        for level, one in share.by_level.items()
    ]
    return [
        ("What", [*share.by_table.items(), ("all", share.all)]),
        ("Dose level", levels),
    ]


def read_cuts(study: Study) -> list[CutRow]:
    """The locked cuts, first to last."""
    cuts = DataCut.objects.filter(study=study).select_related("signature").order_by("number")
    return [_cut(cut) for cut in cuts]


def _cut(cut: DataCut) -> CutRow:
    verified, rows = cut.content["verified"]["all"]
    return CutRow(
        number=cut.number,
        revision=cut.revision,
        cut_at=cut.cut_at,
        purpose=cut.purpose,
        signature=signature_status(cut.signature, cut.content),
        rows=cut.content["rows"],
        rows_hash=cut.content["rows_hash"],
        verified=(verified, rows),
        open_queries=tuple(cut.content["open_queries"]),
        after=len(rows_after(cut)),
    )


def rows_after(cut: DataCut) -> list[ChangedRow]:
    """Versions of rows that count, written after a cut and saying something else than before, in
    order. Three statements a table."""
    found: list[tuple[Any, Source, Any]] = []
    for source in SOURCES.values():
        history = history_of(source.key)._default_manager
        after = history.filter(
            pgh_context__revision__gt=cut.revision, pgh_context__study=cut.study_id
        )
        touched = set(after.values_list("pgh_obj_id", flat=True))
        rows = source.model._default_manager.in_bulk(touched)
        facts: dict[int, tuple[Any, ...]] = {}
        for version in history.filter(pgh_obj_id__in=touched).order_by("pgh_id"):
            says = tuple(getattr(version, name) for name in source.facts)
            is_after = version.pgh_context["revision"] > cut.revision
            if is_after and facts.get(version.pgh_obj_id) != says:
                found.append((version, source, rows.get(version.pgh_obj_id)))
            facts[version.pgh_obj_id] = says
    found.sort(key=lambda each: (each[0].pgh_context["revision"], each[0].pgh_id))
    names = {user.pk: str(user) for user in User.objects.all()} if found else {}
    return [_changed(version, source, row, names) for version, source, row in found]


def _changed(version: Any, source: Source, row: Any, names: dict[int, str]) -> ChangedRow:
    context = version.pgh_context
    return ChangedRow(
        table=source.label,
        participant=_person(row, source.person),
        is_new=version.pgh_label == "insert",
        revision=context["revision"],
        at=moment_in_words(datetime.fromisoformat(context["at"])),
        by=names.get(context["user"], "the service"),
        reason=context["reason"],
    )


def _person(row: Any, way: str) -> str:
    for step in way.split("__"):
        row = getattr(row, step, None)
    return str(row or "")
