"""Everyone who counts in the escalation, once read, with the state their disc shows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from cohorts.engine.design import Tally
from cohorts.engine.notation import Cohort as Letters
from cohorts.engine.notation import count
from cohorts.models import Outcome
from cohorts.queries.viewers import SOMEBODY, Mask, Viewer
from cohorts.queries.words import HARM, QUIET, WAITING, Mark, name_letter, shorten
from cohorts.states import DltStatus, OutcomeLetter
from ntrust.models import Study

NOTHING_REPORTED = Mark("pending, nothing reported yet", WAITING, "◔")
OVERDUE = Mark("pending, statement overdue", WAITING, "◔")
PROVISIONAL = Mark("pending, provisional DLT", WAITING, "▲")
NOT_POOLED = Mark("not counted with the others", QUIET, "○")
TO_RULE = Mark("pending, waits for a ruling", WAITING, "◔")


@dataclass(frozen=True)
class Person:
    """A counted participant as one viewer may see them.

    Unseen people have no number, site or dates: only their level, what they count as, and the
    close of their window, which says when the level can move on.
    """

    participant_id: int
    level: int
    letter: str
    mark: Mark
    subject: str
    site: str
    is_treated: bool
    first_infused_at: datetime | None
    window_closes_at: datetime | None
    because: str
    is_pooled: bool = True

    @property
    def is_seen(self) -> bool:
        return bool(self.subject)

    @property
    def short(self) -> str:
        """What fits on a disc; nothing for somebody of another site."""
        return shorten(self.subject)

    @property
    def name(self) -> str:
        return self.subject or SOMEBODY

    @property
    def is_pending(self) -> bool:
        return self.is_pooled and self.letter == OutcomeLetter.PENDING


def read_people(
    study: Study,
    *,
    viewer: Viewer,
    mask: Mask,
    now: datetime,
    excluded: Mapping[str, str] | None = None,
) -> list[Person]:
    """Counted participants in the order they got their numbers. One statement.

    `excluded`: subjects whom the protocol does not pool with the others, and why.
    """
    rows = (
        Outcome.objects.filter(study=study, is_counted=True)
        .select_related("participant__site", "level")
        .order_by("participant_id")
    )
    people = [_person(row, viewer=viewer, mask=mask, now=now) for row in rows]
    why_not = excluded or {}
    numbers = [row.participant.subject_number for row in rows]
    return [
        _set_apart(person, why_not[number]) if number in why_not else person
        for person, number in zip(people, numbers, strict=True)
    ]


def _set_apart(person: Person, why: str) -> Person:
    because = f"{person.mark.text}; {why}" if person.is_seen else ""
    return replace(person, mark=NOT_POOLED, because=because, is_pooled=False)


def _person(row: Outcome, *, viewer: Viewer, mask: Mask, now: datetime) -> Person:
    participant = row.participant
    is_seen = viewer.sees(participant.site_id)
    return Person(
        participant_id=participant.pk,
        level=row.level.ordinal,
        letter=row.letter,
        mark=_mark(row, now),
        subject=str(participant) if is_seen else "",
        site=participant.site.code if is_seen else "",
        is_treated=row.first_infused_at is not None,
        first_infused_at=row.first_infused_at if is_seen else None,
        window_closes_at=row.window_closes_at,
        because=mask.cover(row.because) if is_seen else "",
    )


def _mark(row: Outcome, now: datetime) -> Mark:
    """What a disc says; the pending are told apart by what they wait for."""
    if row.letter != OutcomeLetter.PENDING:
        return name_letter(row.letter)
    if row.dlt != DltStatus.NONE:
        return PROVISIONAL
    is_over = row.is_window_over or (
        row.window_closes_at is not None and row.window_closes_at <= now
    )
    if not is_over:
        return NOTHING_REPORTED
    return TO_RULE if row.has_signed_statement else OVERDUE


@dataclass(frozen=True)
class Counts:
    """Participants of a level, counted; the last six add up to `evaluable` and `pending`."""

    treated: int
    evaluable: int
    pending: int
    not_evaluable: int
    confirmed_no_dlt: int
    dlt: int
    nothing_reported: int
    overdue: int
    provisional: int
    to_rule: int

    @property
    def dlt_tone(self) -> str:
        return HARM if self.dlt else ""


def count_people(people: list[Person]) -> Counts:
    """The counts of one level; but for those treated, of people who are pooled."""
    treated = sum(person.is_treated for person in people)
    people = [person for person in people if person.is_pooled]
    letters = [person.letter for person in people]
    marks = [person.mark for person in people]
    dlt, no_dlt = letters.count(OutcomeLetter.DLT), letters.count(OutcomeLetter.NO_DLT)
    return Counts(
        treated=treated,
        evaluable=dlt + no_dlt,
        pending=letters.count(OutcomeLetter.PENDING),
        not_evaluable=letters.count(OutcomeLetter.NOT_EVALUABLE),
        confirmed_no_dlt=no_dlt,
        dlt=dlt,
        nothing_reported=marks.count(NOTHING_REPORTED),
        overdue=marks.count(OVERDUE),
        provisional=marks.count(PROVISIONAL),
        to_rule=marks.count(TO_RULE),
    )


def tally_people(people: list[Person]) -> dict[int, Tally]:
    """What the rules read: counts at every level with somebody counted."""
    return count(Letters(person.level, person.letter) for person in people if person.is_pooled)
