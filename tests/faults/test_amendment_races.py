"""Many sign, edit or let the day come at once: a version is approved once and in force once."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from typing import Any

from cohorts.actions import add_protocol_version, replace_draft
from cohorts.models import ProtocolVersion
from ntrust.errors import Refused
from ntrust.models import Event, Signature, User
from safety.actions import pass_time_everywhere
from safety.management.conduct import Conduct
from tests.committed import CommittedDb
from tests.factories import approve, make_document, make_trial
from tests.faults.test_races import race, winners

RUNNERS = 10


def drafts(trial: Conduct, *labels: str) -> list[ProtocolVersion]:
    return [
        add_protocol_version(
            trial.study, document=make_document(version=label), by=trial.manager, now=trial.tick()
        )
        for label in labels
    ]


def codes(results: list[Any]) -> Counter[str]:
    return Counter(result.code for result in results if isinstance(result, Refused))


def test_draft_is_approved_once(committed_db: CommittedDb) -> None:
    trial = make_trial()
    (draft,) = drafts(trial, "B")
    signed, now = Signature.objects.count(), trial.tick()

    results = race([lambda: approve(draft, by=trial.manager, now=now)] * RUNNERS)

    assert len(winners(results)) == 1
    assert codes(results) == {"illegal_move": RUNNERS - 1}
    assert Signature.objects.count() == signed + 1
    assert Event.objects.filter(kind="PROTOCOL_ACTIVATED").count() == 2


def test_of_many_drafts_one_waits(committed_db: CommittedDb) -> None:
    trial = make_trial()
    rows, now = drafts(trial, *"BCDEF"), trial.tick()
    tomorrow = now.date() + timedelta(days=1)

    results = race(
        [
            lambda row=row: approve(row, by=trial.manager, now=now, effective_on=tomorrow)
            for row in rows
        ]
    )

    assert len(winners(results)) == 1
    assert codes(results) == {"another_approved": 4}
    assert ProtocolVersion.objects.filter(state="APPROVED").count() == 1


def test_of_two_who_edit_the_same_draft_one_is_told(committed_db: CommittedDb) -> None:
    trial = make_trial()
    (draft,) = drafts(trial, "B")
    now = trial.tick()

    results = race(
        [
            lambda doses=doses: replace_draft(
                draft,
                document=make_document(version="B", doses=doses),
                seen_hash=draft.document_hash,
                by=trial.manager,
                now=now,
            )
            for doses in range(4, 9)
        ]
    )

    assert len(winners(results)) == 1
    assert codes(results) == {"stale_document": 4}


def test_draft_signed_and_edited_at_once_is_signed_as_it_was_read(
    committed_db: CommittedDb,
) -> None:
    trial = make_trial()
    (draft,) = drafts(trial, "B")
    now, manager = trial.tick(), User.objects.get(pk=trial.manager.pk)
    edit: dict[str, Any] = {
        "document": make_document(version="B", doses=4),
        "seen_hash": draft.document_hash,
    }

    results = race(
        [
            lambda: approve(draft, by=manager, now=now),
            lambda: replace_draft(draft, **edit, by=manager, now=now),
        ]
    )

    (won,) = winners(results)
    assert codes(results) in ({"not_a_draft": 1}, {"stale_document": 1})
    stored = ProtocolVersion.objects.get(version="B")
    assert stored.document_hash == won.document_hash
    if stored.state == "ACTIVE":
        assert stored.document_hash == draft.document_hash


def test_day_comes_once(committed_db: CommittedDb) -> None:
    trial = make_trial()
    (draft,) = drafts(trial, "B")
    tomorrow = trial.now.date() + timedelta(days=1)
    approve(draft, by=trial.manager, now=trial.tick(), effective_on=tomorrow)
    later = trial.now + timedelta(days=1)

    race([lambda: pass_time_everywhere(now=later)] * RUNNERS)

    assert Event.objects.filter(kind="PROTOCOL_ACTIVATED").count() == 2
    assert ProtocolVersion.objects.get(version="B").state == "ACTIVE"
