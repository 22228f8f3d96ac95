"""What a person is told, as they may read it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from cohorts.policies import DECISION_ALERTS, owed_readings
from cohorts.queries import Mark, viewer_of
from cohorts.queries.viewers import Mask, mask_for
from cohorts.queries.words import HARM, PLAN, QUIET, SETTLED, WAITING
from ntrust.models import Notification, User
from ntrust.notifications.chains import detail_of, without_detail
from ntrust.notifications.composing import say_event
from ntrust.notifications.inboxes import SHOWN, in_order, inbox_of
from ntrust.states import Role
from safety.queries.today import say_left


@dataclass(frozen=True)
class LinkedAlert:
    """A notification as the holder of its link may read it: without a log-in, so without anything
    clinical and without anybody's number."""

    study: str
    said: str
    at: datetime
    is_urgent: bool
    acknowledge_by: datetime | None


def read_alert_of_link(row: Notification) -> LinkedAlert:
    """What a mail's link is about."""
    told = say_event(row, is_public=True)
    return LinkedAlert(
        study=row.event.study.protocol_number,
        said=told.sentence,
        at=told.at,
        is_urgent=told.is_urgent,
        acknowledge_by=row.acknowledge_by,
    )


@dataclass(frozen=True)
class InboxRow:
    """One thing a person was told of. `decision`: the one to be read and acknowledged on its own
    page. `said` is the whole, `head` what may stand in a mail, `detail` what was
    typed or happened clinically. `answered`: who of those told said that they know, and when."""

    number: int
    study: str
    protocol_number: str
    said: str
    head: str
    detail: str
    at: datetime
    mark: Mark
    state: Mark
    is_unread: bool
    due_at: datetime | None
    left: str
    is_late: bool
    told_as: str
    answered: str
    decision: int | None

    @property
    def is_urgent(self) -> bool:
        return self.mark == URGENT

    @property
    def is_awaited(self) -> bool:
        """Whether this person's word is awaited still."""
        return self.due_at is not None


@dataclass(frozen=True)
class Inbox:
    """What waits for a word, and the rest, newest first; `more`: there are older ones."""

    awaited: tuple[InboxRow, ...]
    rest: tuple[InboxRow, ...]
    more: bool


URGENT: Final = Mark("urgent", HARM, "■")
FOR_INFORMATION: Final = Mark("for information", QUIET, "○")
WORD_AWAITED: Final = Mark("your word is awaited", WAITING, "◔")
ACKNOWLEDGED: Final = Mark("acknowledged", SETTLED, "●")
UNREAD: Final = Mark("not read", PLAN, "●")
READ: Final = Mark("read", QUIET, "○")


def read_inbox(user: User, *, now: datetime) -> Inbox:
    """A person's inbox over their studies. Two statements, and a few for each study."""
    found = in_order(inbox_of(user)).select_related("event__study", "site", "answer__recipient")
    rows = list(found[: SHOWN + 1])
    studies = {row.event.study.key: row.event.study for row in rows}
    viewers = {key: viewer_of(user, key) for key in studies}
    masks = {key: mask_for(viewer) for key, viewer in viewers.items() if viewer is not None}
    owed = {
        (one.decision.study_id, one.decision.number, one.site_id, one.is_pharmacy)
        for one in owed_readings()
        .filter(decision__study__in=studies.values())
        .select_related("decision")
    }
    shown = [
        _row(row, masks[row.event.study.key], owed, user=user, now=now)
        for row in rows[:SHOWN]
        if row.event.study.key in masks
    ]
    return Inbox(
        awaited=tuple(row for row in shown if row.is_awaited),
        rest=tuple(row for row in shown if not row.is_awaited),
        more=len(rows) > SHOWN,
    )


def _row(
    row: Notification,
    mask: Mask,
    owed: set[tuple[int, int, int, bool]],
    *,
    user: User,
    now: datetime,
) -> InboxRow:
    event, due_at = row.event, row.acknowledge_by if row.answer is None else None
    key = (event.study_id, event.data.get("decision"), row.site_id, row.role == Role.PHARMACIST)
    is_decision = due_at is not None and event.kind in DECISION_ALERTS and key in owed
    return InboxRow(
        number=row.pk,
        study=event.study.key,
        protocol_number=event.study.protocol_number,
        said=mask.cover(event.sentence),
        head=mask.cover(without_detail(event)),
        detail=mask.cover(detail_of(event)),
        at=event.at,
        mark=URGENT if row.is_urgent else FOR_INFORMATION,
        state=_state(row, due_at),
        is_unread=row.read_at is None,
        due_at=due_at,
        left=say_left(due_at, now=now),
        is_late=due_at is not None and due_at <= now,
        told_as=_told_as(row),
        answered=_answered(row, mask, user=user),
        decision=event.data.get("decision") if is_decision else None,
    )


def _state(row: Notification, due_at: datetime | None) -> Mark:
    if due_at is not None:
        return WORD_AWAITED
    if row.answer is not None:
        return ACKNOWLEDGED
    return UNREAD if row.read_at is None else READ


def _told_as(row: Notification) -> str:
    """As what somebody was told, and that it was in others' place."""
    role = Role(row.role).label if row.role else ""
    where = f"{role} at {row.site.code}" if role and row.site else role
    return f"{where}, because nobody answered" if row.step else where


def _answered(row: Notification, mask: Mask, *, user: User) -> str:
    said = row.answer
    if said is None or said.acknowledged_at is None:
        return ""
    who = "you" if said.recipient_id == user.pk else mask.cover(str(said.recipient))
    return f"{who}, {said.acknowledged_at:%d-%b-%Y %H:%M} UTC"
