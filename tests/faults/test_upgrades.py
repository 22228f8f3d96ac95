"""A database of an earlier version, with rows in it, brought up to date."""

from __future__ import annotations

from django.core.management import call_command
from django.db import connection

from ntrust.models import Delivery
from tests.committed import CommittedDb

OLD_MAIL = """
INSERT INTO ntrust_user (password, is_superuser, username, first_name, last_name, email, is_staff,
    is_active, date_joined, printed_name, is_demo)
VALUES ('', false, 'one', '', '', 'one@example.org', false, true, now(), '', false);
INSERT INTO ntrust_study (key, title, protocol_number, registry_number, product, state, revision,
    is_replay, source, notification_rules, created_at)
VALUES ('old', '', 'OLD-1', '', '', 'SETUP', 1, false, '', '{}', now());
SELECT set_config('pghistory.context_metadata', '{"revision": 1, "reason": "old"}', true);
INSERT INTO ntrust_event (study_id, revision, kind, sentence, subject, data, at, recorded_at)
SELECT id, 1, 'HOLD_PLACED', 'Hold.', '', '{}', now(), now() FROM ntrust_study;
INSERT INTO ntrust_notification (event_id, recipient_id, is_urgent, state, planned_at, next_try_at,
    attempts, failure)
SELECT e.id, u.id, true, 'PLANNED', now(), now(), 3, 'no server' FROM ntrust_event e, ntrust_user u;
"""


def test_mails_planned_before_deliveries_are_still_sent(committed_db: CommittedDb) -> None:
    """And what history kept stays as it was: seals name its columns."""
    call_command("migrate", "ntrust", "0010", verbosity=0)
    with connection.cursor() as cursor:
        cursor.execute(OLD_MAIL)

    call_command("migrate", verbosity=0)

    row = Delivery.objects.get()
    assert (row.state, row.attempts, row.failure) == ("PLANNED", 3, "no server")
    assert row.notification is not None
    assert (row.notification.recipient.username, row.is_urgent) == ("one", True)
    assert row.row_history.count() == 1
    with connection.cursor() as cursor:
        cursor.execute("SELECT state, attempts FROM ntrust_notificationevent")
        assert cursor.fetchall() == [("PLANNED", 3)]
