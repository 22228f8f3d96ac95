"""Questions about data: asked from the centre, answered by the site, closed or asked again."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from cohorts.models import Participant
from cohorts.policies import document_of
from ntrust.change import Change, study_change
from ntrust.errors import Refused
from ntrust.models import User
from ntrust.policies import check_role
from safety.actions.telling import record_of
from safety.models import DataQuery, DataQueryEntry
from safety.policies import ANSWERERS, ASKERS, SOURCES, source_rows
from safety.states import DATA_QUERY, DataQueryState, DataQueryStep


def raise_query(  # noqa: PLR0913 - what is asked, and about what
    participant: Participant,
    *,
    text: str,
    by: User,
    table: str = "",
    row: int | None = None,
    now: datetime | None = None,
) -> DataQuery:
    """Ask a site about a participant's data, or about one row of it.

    Refuses a blank question and a row that is not this participant's. Nothing is held by a query.
    """
    study = participant.study
    role = check_role(by, study, ASKERS)
    _check_text(text, "Say what is asked.")
    with study_change(study, by=by, reason=text, now=now) as change:
        about = "the participant"
        if table:
            rows = source_rows(study, people=[participant])
            found = next((one for one in rows if (one.table, one.row) == (table, row)), None)
            if found is None:
                raise Refused("not_found", "This participant has no such row.")
            about = f"{SOURCES[table].label}: {found.words}"[:200]
        query = DataQuery.objects.create(
            study=change.study,
            site=participant.site,
            participant=participant,
            number=DataQuery.objects.filter(study=study).count() + 1,
            table=table,
            row=row if table else None,
            about=about,
            asked_at=change.now,
            due_at=_due_at(participant, change.now),
        )
        _say(change, query, DataQueryStep.ASKED, text, role=role)
    return query


def answer_query(
    query: DataQuery, *, text: str, by: User, now: datetime | None = None
) -> DataQuery:
    """Answer a query about a participant of one's own site. Refuses a blank answer, and a query
    that is not open."""
    role = check_role(by, query.study, ANSWERERS, site=query.site)
    return _move(query, DataQueryStep.ANSWERED, text, by=by, role=role, now=now)


def close_query(query: DataQuery, *, text: str, by: User, now: datetime | None = None) -> DataQuery:
    """Close a query, answered or not, and say why it is settled. Refuses a blank word."""
    role = check_role(by, query.study, ASKERS)
    return _move(query, DataQueryStep.CLOSED, text, by=by, role=role, now=now)


def reopen_query(
    query: DataQuery, *, text: str, by: User, now: datetime | None = None
) -> DataQuery:
    """Ask again: the answer does not settle it, or it was closed too early. Refuses a blank
    question. The answer is owed anew."""
    role = check_role(by, query.study, ASKERS)
    return _move(query, DataQueryStep.REOPENED, text, by=by, role=role, now=now)


_TO: Final = {
    DataQueryStep.ANSWERED: DataQueryState.ANSWERED,
    DataQueryStep.CLOSED: DataQueryState.CLOSED,
    DataQueryStep.REOPENED: DataQueryState.OPEN,
}


def _move(  # noqa: PLR0913 - a step of a query
    query: DataQuery,
    step: DataQueryStep,
    text: str,
    *,
    by: User,
    role: str,
    now: datetime | None,
) -> DataQuery:
    _check_text(text, "Say what there is to say.")
    with study_change(query.study, by=by, reason=text, now=now) as change:
        query = DataQuery.objects.select_related("participant__site").get(pk=query.pk)
        DATA_QUERY.check(query.state, _TO[step])
        query.state = _TO[step]
        if step == DataQueryStep.REOPENED:
            query.asked_at, query.due_at = change.now, _due_at(query.participant, change.now)
        query.save(update_fields=["state", "asked_at", "due_at"])
        _say(change, query, step, text, role=role)
    return query


def _check_text(text: str, sentence: str) -> None:
    if not text.strip():
        raise Refused("reason_needed", sentence)


def _due_at(participant: Participant, asked_at: datetime) -> datetime:
    days = document_of(participant.protocol_version).data.answer_query_days
    return asked_at + timedelta(days=days)


def _say(change: Change, query: DataQuery, step: DataQueryStep, text: str, *, role: str) -> None:
    assert change.by is not None
    DataQueryEntry.objects.create(
        query=query, step=step, text=text.strip(), role=role, at=change.now, by=change.by
    )
    detail = f"({query.about}): {text.strip()}"
    what = f"query {query.number} {step.label} {detail}"
    record_of(change, query.participant, f"QUERY_{step}", what, detail=detail)
