"""What can wait: one mail a person and day, at their hour, whatever the beat does."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import pytest
from django.core import mail

from cohorts.actions import place_hold
from ntrust.actions import set_preferences
from ntrust.models import Delivery, Digest, Notification, Preference, Study
from ntrust.notifications import deliver_due, last_struck, make_digests
from safety.management.conduct import Conduct
from tests.factories import make_trial, refused, shared_trial

pytestmark = pytest.mark.django_db
ROLES = ["STUDY_MANAGER", "MEDICAL_MONITOR", "INVESTIGATOR"]


def build() -> Conduct:
    """Holds can wait here. It is 5 January, 09:00 UTC."""
    trial = make_trial(sites=1, zone="America/Chicago")
    rules = {"HOLD_PLACED": {"roles": ROLES, "when": "digest"}}
    Study.objects.filter(pk=trial.study.pk).update(notification_rules=rules)
    return trial


_built, trial = shared_trial(build)


def hold(trial: Conduct, at: datetime, **scope: Any) -> None:
    """By itself on the whole study."""
    where = scope or {"scope": "STUDY"}
    place_hold(trial.study, **where, reason="a signal", by=trial.monitor, now=at)


def sent(now: datetime) -> list[str]:
    """Who gets a digest by then."""
    mail.outbox.clear()
    make_digests(now=now)
    deliver_due(now=now)
    return sorted(message.to[0].partition("@")[0] for message in mail.outbox)


def at(day: int, hour: int, minute: int = 0, month: int = 1) -> datetime:
    return datetime(2026, month, day, hour, minute, tzinfo=UTC)


def test_digest_comes_once_at_each_ones_own_hour(trial: Conduct) -> None:
    hold(trial, at(5, 14))
    hold(trial, at(5, 15), scope="SITE", site=trial.crews[0].site)
    assert Delivery.objects.count() == 0, "nothing is sent at once"

    central = sent(at(6, 7))
    text = str(mail.outbox[0].body)
    none = sent(at(6, 7, 5)), sent(at(6, 12, 59))
    site = sent(at(6, 13))

    assert central == ["manager-trial", "monitor-trial"]
    assert none == ([], [])
    assert site == ["investigator-trial-1"], "07:00 in Chicago is 13:00 UTC"
    assert mail.outbox[0].subject == "TEST-001: 2 things to know, 06-Jan-2026"
    assert "05-Jan-2026 14:00 UTC: Hold on the study." in text
    assert text.count("\nTEST-001\n") == 1
    assert sent(at(7, 20)) == [], "an empty one is not sent"


def test_two_beats_make_one_and_a_missed_hour_is_caught_up(trial: Conduct) -> None:
    hold(trial, at(5, 10))

    late = sent(at(7, 3))  # nobody made those of the 6th, nor of the 5th in Chicago
    again = sent(at(7, 3, 1))

    assert (late, again) == (["investigator-trial-1", "manager-trial", "monitor-trial"], [])
    assert set(Digest.objects.values_list("day", flat=True)) == {date(2026, 1, 6)}
    hold(trial, at(7, 4), scope="SITE", site=trial.crews[0].site)
    assert sent(at(7, 6, 59)) == []
    assert "manager-trial" in sent(at(7, 7))


def test_what_comes_after_the_hour_waits_for_the_next_day(trial: Conduct) -> None:
    hold(trial, at(6, 7, 1))

    assert sent(at(6, 8)) == []
    assert sent(at(6, 13)) == ["investigator-trial-1"]
    assert sent(at(7, 7)) == ["manager-trial", "monitor-trial"]


@pytest.mark.parametrize(
    ("hour", "now", "day", "struck"),
    [
        # Chicago leaves out 02:00 to 03:00 on 8 March: it strikes when the clocks have moved on.
        (2, at(8, 7, 59, month=3), 7, at(7, 8, month=3)),
        (2, at(8, 8, month=3), 8, at(8, 8, month=3)),
        (7, at(8, 12, month=3), 8, at(8, 12, month=3)),
        (7, at(7, 12, 59, month=3), 6, at(6, 13, month=3)),
        # and has 01:00 twice on 1 November: it strikes the first time.
        (1, at(1, 6, month=11), 1, at(1, 6, month=11)),
        (1, at(1, 7, month=11), 1, at(1, 6, month=11)),
    ],
)
def test_hour_strikes_once_a_day_when_clocks_change(
    hour: int, now: datetime, day: int, struck: datetime
) -> None:
    found = last_struck(hour, "America/Chicago", now=now)

    assert (found[0].day, found[1]) == (day, struck)


def test_own_hour_and_zone_hold(trial: Conduct) -> None:
    manager: dict[str, Any] = {"by": trial.manager, "now": trial.now}
    set_preferences(trial.manager, digest_hour=18, timezone="Asia/Tokyo", **manager)
    hold(trial, at(5, 8))

    assert sent(at(5, 8, 59)) == []
    assert sent(at(5, 9)) == ["manager-trial"]


def test_who_wants_it_at_once_has_no_digest_and_urgent_is_never_held_back(trial: Conduct) -> None:
    set_preferences(
        trial.manager, digest_hour=7, mails_at_once=True, by=trial.manager, now=trial.now
    )

    hold(trial, at(5, 14))

    assert sent(at(5, 14)) == ["manager-trial"]
    assert sent(at(6, 7)) == ["monitor-trial"]
    rules = {"HOLD_PLACED": {"roles": ROLES, "urgent": True}}
    Study.objects.filter(pk=trial.study.pk).update(notification_rules=rules)
    hold(trial, at(6, 10), scope="SITE", site=trial.crews[0].site)
    assert len(sent(at(6, 10))) == 3


def test_nobody_is_told_after_their_role_has_ended(trial: Conduct) -> None:
    hold(trial, at(5, 14))
    trial.monitor.memberships.update(revoked_at=at(5, 11), revoked_by=trial.manager)

    assert sent(at(6, 7)) == ["manager-trial"]
    assert Notification.objects.filter(recipient=trial.monitor, digest=None).count() == 1


def test_preferences_are_ones_own_and_keep_their_history(trial: Conduct) -> None:
    wanted: dict[str, Any] = {"by": trial.manager, "now": trial.now}
    with refused("wrong_role"):
        set_preferences(trial.monitor, digest_hour=7, **wanted)
    with refused("no_such_hour"):
        set_preferences(trial.manager, digest_hour=24, **wanted)
    with refused("unknown_zone"):
        set_preferences(trial.manager, digest_hour=7, timezone="Moon/Crater", **wanted)
    for hour in (6, 6, 9):
        set_preferences(trial.manager, digest_hour=hour, **wanted)

    row = Preference.objects.get()
    assert list(row.row_history.values_list("digest_hour", flat=True)) == [6, 9]


def test_page_of_preferences(trial: Conduct, client: Any) -> None:
    client.force_login(trial.crews[0].pharmacist)
    page = client.get("/accounts/preferences/").content.decode()
    assert "That of my site, or UTC (America/Chicago)" in page
    assert 'value="7" selected' in page
    chosen = {"digest_hour": "22", "timezone": "Europe/Berlin", "mails_at_once": "yes"}

    wrong = client.post("/accounts/preferences/", {**chosen, "digest_hour": "25"})
    assert (wrong.status_code, Preference.objects.count()) == (422, 0)
    kept = client.post("/accounts/preferences/", chosen, follow=True).content.decode()

    row = Preference.objects.get()
    assert (row.user, row.digest_hour) == (trial.crews[0].pharmacist, 22)
    assert (row.timezone, row.mails_at_once) == ("Europe/Berlin", True)
    assert "Your preferences are kept." in kept
    assert 'value="22" selected' in kept
