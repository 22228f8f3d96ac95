"""Hints over a real server, a real Redis and real commits: who hears what, to the byte."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.contrib.sessions.models import Session
from django.db import connection
from pytest_django import Settings

from ntrust.actions import create_study, revoke_role
from ntrust.change import rehearsal, study_change
from ntrust.hints import Hint, read_hint, say
from ntrust.models import Membership, Study, User
from ntrust.states import Role
from tests.cohorts.rows import NOW, join, make_user
from tests.committed import CommittedDb
from tests.ntrust.listening import asked, cookie_of, get, listening


@pytest.fixture
def study(committed_db: CommittedDb) -> Study:
    """A study with a manager, and a second one that is not hers."""
    create_study("other", title="Other", protocol_number="O-1", now=NOW)
    study = create_study("ntrust-1", title="Ntrust-1", protocol_number="N-1", now=NOW)
    join(make_user("manager"), study, Role.STUDY_MANAGER)
    return Study.objects.get(pk=study.pk)


@pytest.fixture
def headers(study: Study) -> dict[str, str]:
    return cookie_of(User.objects.get(username="manager"))


def change(study: Study) -> int:
    """One committed change; the revision it took."""
    with study_change(study, by=None, reason="a test") as made:
        revision = made.study.revision
    return revision


def test_board_hears_where_the_study_stands_and_then_each_change(
    study: Study, headers: dict[str, str], live_url: str
) -> None:
    with listening(f"{live_url}/live/ntrust-1/", headers) as stream:
        first = study.revision
        assert (
            stream.event()
            == (
                f'id: {first}\nevent: hint\ndata: {{"study": "ntrust-1", "revision": {first}}}\n\n'
            ).encode()
        )

        revision = change(study)

        assert revision == first + 1
        assert (
            stream.event()
            == (
                f"id: {revision}\nevent: hint\n"
                f'data: {{"study": "ntrust-1", "revision": {revision}}}\n\n'
            ).encode()
        )


def test_answer_is_a_stream_that_nobody_keeps(
    study: Study, headers: dict[str, str], live_url: str
) -> None:
    with get(f"{live_url}/live/ntrust-1/", headers) as answer:
        assert answer.headers["Content-Type"] == "text/event-stream"
        assert answer.headers["Cache-Control"] == "private, no-store"
        assert answer.headers["X-Accel-Buffering"] == "no"


def test_nothing_is_heard_of_what_was_undone(
    study: Study, headers: dict[str, str], live_url: str
) -> None:
    with listening(f"{live_url}/live/ntrust-1/", headers) as stream:
        first = stream.revision()
        with pytest.raises(RuntimeError), study_change(study, by=None, reason="a test"):
            raise RuntimeError
        with rehearsal():
            assert change(study) == first + 1
        assert Study.objects.get(pk=study.pk).revision == first

        change(study)

        # The first thing heard is the change that was kept: nothing came before it.
        assert stream.revision() == first + 1


def test_board_of_one_study_hears_nothing_of_another(
    study: Study, headers: dict[str, str], live_url: str
) -> None:
    other = Study.objects.get(key="other")

    with listening(f"{live_url}/live/ntrust-1/", headers) as stream:
        first = stream.revision()
        change(other)
        change(study)

        assert b"other" not in (said := stream.event())
        assert f'"revision": {first + 1}'.encode() in said


def test_strangers_hear_nothing(study: Study, headers: dict[str, str], live_url: str) -> None:
    for address in ("", "revision/", "parts/ladder/"):
        with get(f"{live_url}/live/ntrust-1/{address}", {}) as answer:
            assert answer.status == 302
            assert answer.headers["Location"].startswith("/accounts/login/?next=")
        for key in ("other", "nobodys"):
            assert asked(f"{live_url}/live/{key}/{address}", headers)[0] == 404


def test_revision_is_told_to_those_who_ask(
    study: Study, headers: dict[str, str], live_url: str
) -> None:
    revision = change(study)

    answer = asked(f"{live_url}/live/ntrust-1/revision/", headers)

    assert answer == (200, {"study": "ntrust-1", "revision": revision})


def test_stream_ends_when_the_role_ends(
    study: Study, headers: dict[str, str], live_url: str, settings: Settings
) -> None:
    settings.LIVE_BEAT_SECONDS = 60.0  # not by the beat: by the hint that the role's end gives
    admin = make_user("admin", is_superuser=True)

    with listening(f"{live_url}/live/ntrust-1/", headers) as stream:
        first = stream.revision()
        assert first >= 0
        revoke_role(Membership.objects.get(user__username="manager"), by=admin, now=NOW)

        assert stream.event() == b""
    assert asked(f"{live_url}/live/ntrust-1/revision/", headers)[0] == 404


@pytest.mark.parametrize("ending", ["log-out", "closed account", "minutes over"])
def test_stream_ends_with_the_next_beat(
    study: Study, headers: dict[str, str], live_url: str, settings: Settings, ending: str
) -> None:
    settings.LIVE_BEAT_SECONDS = 0.2
    if ending == "minutes over":
        settings.LIVE_STREAM_SECONDS = 0.5

    with listening(f"{live_url}/live/ntrust-1/", headers) as stream:
        assert stream.revision() == study.revision
        if ending == "log-out":
            Session.objects.all().delete()
        elif ending == "closed account":
            User.objects.filter(username="manager").update(is_active=False)

        while (said := stream.revision()) != -1:
            assert said == study.revision


def test_hint_that_was_lost_is_made_good_by_the_beat(
    study: Study,
    headers: dict[str, str],
    live_url: str,
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    settings.LIVE_BEAT_SECONDS = 0.2
    monkeypatch.setattr("ntrust.change.say", lambda study, revision: None)

    with listening(f"{live_url}/live/ntrust-1/", headers) as stream:
        stream.wait_for(study.revision)
        revision = change(study)

        while (heard := stream.revision()) != revision:
            assert heard == study.revision


def test_too_many_boards_of_one_person_are_refused(
    study: Study, headers: dict[str, str], live_url: str, settings: Settings
) -> None:
    settings.LIVE_BOARDS_A_PERSON = 1
    join(make_user("second"), study, Role.AUDITOR)
    address = f"{live_url}/live/ntrust-1/"

    with listening(address, headers) as stream:
        assert stream.revision() >= 0
        assert asked(address, headers) == (429, "Too many boards are open.")
        with listening(address, cookie_of(User.objects.get(username="second"))) as other:
            assert other.revision() >= 0


def test_open_boards_hold_no_connection_to_the_database(
    study: Study, headers: dict[str, str], live_url: str, settings: Settings
) -> None:
    settings.LIVE_BOARDS_A_PERSON = 100
    with listening(f"{live_url}/live/ntrust-1/", headers) as first:
        assert first.revision() >= 0
        before = count_connections()
        streams = [listening(f"{live_url}/live/ntrust-1/", headers) for _ in range(12)]
        boards = [stream.__enter__() for stream in streams]
        assert all(board.revision() >= 0 for board in boards)

        wait_until_given_back(before)

        for stream in streams:
            stream.__exit__(None, None, None)


def test_pages_of_what_is_not_there_keep_no_connection(
    study: Study, headers: dict[str, str], live_url: str
) -> None:
    """They are rendered in a thread of no request, up to one connection each."""
    before = count_connections()

    with ThreadPoolExecutor(8) as people:
        answers = list(people.map(lambda _: asked(f"{live_url}/live/no/", headers), range(24)))

    assert [status for status, _ in answers] == [404] * 24
    assert all("No such page" in page and "Inbox" in page for _, page in answers)
    wait_until_given_back(before)


def wait_until_given_back(before: int) -> None:
    """PostgreSQL still counts for a moment what was closed; what is kept stays counted."""
    give_up = time.monotonic() + 10
    while count_connections() > before:
        assert time.monotonic() < give_up, count_connections() - before
        time.sleep(0.05)


def count_connections() -> int:
    """Connections to this test's database, this one included."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() "
            "AND backend_type = 'client backend'"
        )
        return int(cursor.fetchone()[0])


def test_watching_is_no_click(study: Study, headers: dict[str, str], live_url: str) -> None:
    assert asked(f"{live_url}/", headers)[0] == 200
    clicked = Session.objects.get().expire_date

    assert asked(f"{live_url}/live/ntrust-1/revision/", headers)[0] == 200
    assert asked(f"{live_url}/live/ntrust-1/parts/ladder/", headers)[0] == 200
    assert asked(f"{live_url}/", headers | {"X-Ntrust-Live": "1"})[0] == 200
    with listening(f"{live_url}/live/ntrust-1/", headers) as stream:
        assert stream.revision() >= 0
    assert Session.objects.get().expire_date == clicked

    assert asked(f"{live_url}/", headers)[0] == 200
    assert Session.objects.get().expire_date > clicked


def test_without_redis_the_change_is_kept_and_the_revision_is_told(
    study: Study, headers: dict[str, str], live_url: str, settings: Settings
) -> None:
    settings.REDIS_URL = "redis://127.0.0.1:1/0"

    with listening(f"{live_url}/live/ntrust-1/", headers) as stream:
        assert stream.event() == b""  # hung up on at once: it asks instead
    revision = change(study)

    answer = asked(f"{live_url}/live/ntrust-1/revision/", headers)
    assert answer == (200, {"study": "ntrust-1", "revision": revision})
    assert asked(f"{live_url}/live/ntrust-1/parts/ladder/", headers)[0] == 200


def test_saying_never_raises(committed_db: CommittedDb, settings: Settings) -> None:
    settings.REDIS_URL = "redis://127.0.0.1:1/0"

    say("ntrust-1", 3)


@pytest.mark.parametrize(
    ("message", "hint"),
    [
        (b'{"study": "ntrust-1", "revision": 7}', Hint("ntrust-1", 7)),
        (b'{"study": "ntrust-1"}', None),
        (b'{"study": "a\\nb", "revision": 7}', None),
        (b'{"study": "a", "revision": true}', None),
        (b'{"study": "a", "revision": "7"}', None),
        (b'{"study": "a", "revision": -1}', None),
        (b"[1]", None),
        (b"7", None),
        (b"\xff", None),
    ],
)
def test_what_is_no_hint_is_left_alone(message: bytes, hint: Hint | None) -> None:
    assert read_hint(message) == hint
