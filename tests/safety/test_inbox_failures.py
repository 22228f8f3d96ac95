"""An alert that cannot be applied: kept, flagged, told, and in nobody's way."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection

from cohorts.models import Participant
from ntrust.errors import Refused
from ntrust.models import Event, Membership, Notification, User
from ntrust.previews import preview
from safety.actions import inbox as inbox_module
from safety.actions import pass_time_everywhere, settle_alert
from safety.management.conduct import Conduct
from safety.models import AdverseEvent, DltReport, InboxAlert
from tests.factories import (
    DISEASE,
    fingerprint,
    letters_at,
    refused,
    shared_trial,
)
from tests.safety.alerted import alert, build, kept_alert, locked_study, results

pytestmark = pytest.mark.django_db

_built, trial = shared_trial(build)


@pytest.fixture
def person(trial: Conduct) -> Participant:
    return trial.study.participants.earliest("id")


# --- A bad alert -----------------------------------------------------------------------------


def break_alert(trial: Conduct, person: Participant) -> InboxAlert:
    """One whose author has lost the role meanwhile."""
    kept = kept_alert(trial, person)
    Membership.objects.filter(user=kept.received_by).update(
        revoked_at=trial.now, revoked_by=trial.manager
    )
    return kept


def test_bad_alert_is_kept_flagged_and_in_nobodys_way(trial: Conduct, person: Participant) -> None:
    other = trial.study.participants.order_by("id")[1]
    bad = kept_alert(trial, person, criterion="D99")
    good = kept_alert(trial, other)

    trial.screen(disease=DISEASE)

    assert [row.result for row in bad.results.all()] == ["FAILED"]
    assert [row.result for row in good.results.all()] == ["APPLIED"]
    assert letters_at(trial, 1) == "PTP"
    assert AdverseEvent.objects.get().participant == other
    event = Event.objects.get(kind="ALERT_NOT_APPLIED")
    assert (event.by, event.data["alert"]) == (None, bad.pk)


def test_manager_and_monitor_are_told_of_a_bad_alert(trial: Conduct, person: Participant) -> None:
    kept_alert(trial, person, criterion="D99")

    pass_time_everywhere(now=trial.tick())

    told = Notification.objects.filter(event__kind="ALERT_NOT_APPLIED")
    assert {(row.recipient, row.is_urgent) for row in told} == {
        (trial.manager, True),
        (trial.monitor, True),
    }


def test_bad_alert_is_tried_and_told_of_once(trial: Conduct, person: Participant) -> None:
    kept_alert(trial, person, criterion="D99")
    pass_time_everywhere(now=trial.tick())

    assert pass_time_everywhere(now=trial.tick()) == 0
    trial.screen(disease=DISEASE)

    assert Event.objects.filter(kind="ALERT_NOT_APPLIED").count() == 1


def test_alert_whose_author_lost_the_role_is_flagged(trial: Conduct, person: Participant) -> None:
    bad = break_alert(trial, person)

    pass_time_everywhere(now=trial.tick())

    assert bad.results.get().said.startswith("Only the investigator")
    assert not DltReport.objects.exists()


def test_alert_that_breaks_the_action_is_received_for_a_person(
    trial: Conduct, person: Participant, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(inbox_module, "_ACTIONS", {"EVENT": fail})
    received = alert(trial, person)
    monkeypatch.undo()

    assert received.kept is not None
    assert received.kept.trouble == "ZeroDivisionError"
    assert "call them as well" in received.said
    pass_time_everywhere(now=trial.tick())
    assert results() == ["FAILED"]


def test_database_error_of_one_alert_is_undone_alone(
    trial: Conduct, person: Participant, monkeypatch: pytest.MonkeyPatch
) -> None:
    bad = kept_alert(trial, person)
    other = trial.study.participants.order_by("id")[1]
    kept_alert(trial, other)
    real = dict(inbox_module._ACTIONS)

    def broken(about: Any, **named: Any) -> Any:
        done = real["EVENT"](about, **named)
        if about == person:
            with connection.cursor() as cursor:
                cursor.execute("SELECT 1/0")
        return done

    monkeypatch.setattr(inbox_module, "_ACTIONS", {"EVENT": broken})

    pass_time_everywhere(now=trial.tick())

    assert bad.results.get().result == "FAILED"
    assert letters_at(trial, 1) == "PTP"
    assert not Event.objects.filter(kind="DLT_REPORTED", subject=str(person)).exists()


def test_failed_alert_is_settled_with_a_reason_once(trial: Conduct, person: Participant) -> None:
    bad = kept_alert(trial, person, criterion="D99")
    pass_time_everywhere(now=trial.tick())
    with refused("reason_needed"):
        settle_alert(bad, reason=" ", by=trial.manager, now=trial.tick())

    settled = settle_alert(bad, reason="entered by hand", by=trial.manager, now=trial.tick())

    assert (settled.result, settled.by, settled.said) == (
        "SETTLED",
        trial.manager,
        "entered by hand",
    )
    with refused("not_failed"):
        settle_alert(bad, reason="again", by=trial.monitor, now=trial.tick())


def test_preview_of_an_alert_keeps_nothing_and_waits_for_nobody(
    trial: Conduct, person: Participant
) -> None:
    by: User = trial.crews[0].investigator
    before = fingerprint()

    with locked_study(), pytest.raises(Refused) as caught:
        preview(trial.study, lambda: alert(trial, person), user=by)

    assert caught.value.code == "study_busy"
    assert fingerprint() == before
