"""The straight way to what boards ask: the same answer as Django's way, and nothing asked less."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings
from django.contrib.sessions.models import Session

from ntrust import clock
from ntrust.actions import revoke_role
from ntrust.live.handler import THREADS, Line, is_asked_by_boards
from ntrust.models import Membership, User
from ntrust.states import Role
from tests.cohorts.rows import NOW, Trial, join, make_user, seat, start_trial
from tests.committed import CommittedDb
from tests.faults.post import wait_until
from tests.ntrust.listening import asked, cookie_of
from tests.ntrust.test_live import count_connections

PARTS = "/live/ntrust-1/parts/holds,ladder/"


def scope(path: str, *, method: str = "GET", cookie: str = "") -> dict[str, Any]:
    """A request as an ASGI server hands it over."""
    return {
        "type": "http",
        "method": method,
        "path": path,
        "query_string": b"",
        "root_path": "",
        "scheme": "http",
        "http_version": "1.1",
        "server": ("127.0.0.1", 80),
        "client": ("127.0.0.1", 1),
        "headers": [(b"host", b"127.0.0.1"), (b"cookie", cookie.encode())],
    }


@pytest.mark.parametrize(
    ("path", "method", "is_asked"),
    [
        (PARTS, "GET", True),
        (PARTS, "HEAD", True),
        ("/live/ntrust-1/revision/", "GET", True),
        ("/live/ntrust-1/revision/", "POST", False),
        ("/live/ntrust-1/", "GET", False),
        ("/live/ntrust-1", "GET", False),
        ("/live/", "GET", False),
        ("/studies/live/ntrust-1/parts/ladder/", "GET", False),
        ("/", "GET", False),
    ],
)
def test_only_what_boards_ask_goes_straight(path: str, method: str, is_asked: bool) -> None:
    assert is_asked_by_boards(scope(path, method=method)) is is_asked


@pytest.fixture
def trial(committed_db: CommittedDb) -> Trial:
    trial = start_trial()
    seat(trial, 1, "NNN", state="CLOSED")
    seat(trial, 2, "NTP", site="S2")
    return trial


def test_rights_that_have_ended_are_refused_at_once_although_the_part_is_kept(
    trial: Trial, live_url: str
) -> None:
    people = {}
    for name in ("role", "log-out", "account", "password", "hours", "stays"):
        people[name] = make_user(name)
        join(people[name], trial.study, Role.AUDITOR)
    cookies = {name: cookie_of(user) for name, user in people.items()}

    def statuses() -> dict[str, int]:
        return {name: asked(live_url + PARTS, cookie)[0] for name, cookie in cookies.items()}

    assert set(statuses().values()) == {200}

    role = Membership.objects.get(user=people["role"])
    revoke_role(role, by=make_user("admin", is_superuser=True), now=NOW)
    session = Session.objects.get(pk=cookies["log-out"]["Cookie"].removeprefix("sessionid="))
    session.delete()
    User.objects.filter(pk=people["account"].pk).update(is_active=False)
    old = clock.now() - timedelta(days=settings.PASSWORD_DAYS + 1)
    User.objects.filter(pk=people["password"].pk).update(password_changed_at=old)
    end_hours(cookies["hours"]["Cookie"].removeprefix("sessionid="))

    assert statuses() == {
        "role": 404, "log-out": 302, "account": 302, "password": 302, "hours": 302, "stays": 200,
    }  # fmt: skip


def end_hours(key: str) -> None:
    """Have a session begun longer ago than any may last."""
    row = Session.objects.get(pk=key)
    store = row.get_session_store_class()(key)
    store["began_at"] = 0
    store.save()


def test_each_of_many_at_once_reads_their_own_and_no_connection_is_kept(
    trial: Trial, live_url: str
) -> None:
    at = {}
    for code in ("S1", "S2"):
        user = make_user(f"at-{code}")
        join(user, trial.study, Role.INVESTIGATOR, site=trial.sites[code])
        at[code] = cookie_of(user)
    before = count_connections()

    def read(n: int) -> tuple[str, str]:
        code = ("S1", "S2")[n % 2]
        return code, str(asked(live_url + PARTS, at[code])[1])

    with ThreadPoolExecutor(20) as boards:
        pages = list(boards.map(read, range(60)))

    assert {(code, "P-001" in page, "P-004" in page) for code, page in pages} == {
        ("S1", True, False),
        ("S2", False, True),
    }
    wait_until(lambda: count_connections() <= before)


def test_one_that_fails_harms_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    line = Line()

    def answer(request: dict[str, Any]) -> list[dict[str, Any]]:
        if request["path"] == "/live/bad/parts/":
            raise RuntimeError
        return [{"path": request["path"]}]

    monkeypatch.setattr(line, "_answer", answer)
    asks = [
        line.ask(scope(f"/live/{'good' if n % 3 else 'bad'}/parts/")) for n in range(9 * THREADS)
    ]

    for n, ask in enumerate(asks):
        if n % 3:
            assert ask.result(10) == [{"path": "/live/good/parts/"}]
        else:
            with pytest.raises(RuntimeError):
                ask.result(10)
