"""The link of a mail: one notification, one purpose, an end; to open it changes nothing."""

from datetime import timedelta
from typing import Any

import pytest
from django.core.signing import Signer
from django.test import Client

from cohorts.actions import place_hold
from ntrust import clock
from ntrust.actions import acknowledge, revoke_role
from ntrust.models import Notification, Study, User
from ntrust.notifications import acknowledge_url, read_link
from ntrust.states import AcknowledgedWhere
from safety.management.conduct import Conduct
from tests.factories import fingerprint, make_trial, open_level, run_cohort, shared_trial

pytestmark = pytest.mark.django_db

RULES = {
    "HOLD_PLACED": {
        "roles": ["STUDY_MANAGER", "MEDICAL_MONITOR", "INVESTIGATOR", "PHARMACIST"],
        "urgent": True,
        "acknowledge": {"minutes": 30, "then": []},
    }
}


def build() -> Conduct:
    trial = open_level(make_trial(sites=2))
    run_cohort(trial, 1, "P")
    return trial


_built, trial = shared_trial(build)


@pytest.fixture(autouse=True)
def _now(trial: Conduct, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock, "now", lambda: trial.now)


def told(trial: Conduct, *, rules: dict[str, Any] = RULES) -> Notification:
    """The notification of the first site's investigator of a hold, by rules that await a word."""
    Study.objects.filter(pk=trial.study.pk).update(notification_rules=rules)
    place_hold(
        trial.study,
        scope="STUDY",
        reason="P-001 had a fit",
        by=trial.monitor,
        now=trial.tick(),
    )
    return Notification.objects.get(
        event__kind="HOLD_PLACED", recipient=trial.crews[0].investigator
    )


def path_of(row: Notification) -> str:
    return acknowledge_url(row).removeprefix("http://127.0.0.1:8000")


def page(path: str, *, method: str = "get") -> tuple[int, str]:
    answer = getattr(Client(raise_request_exception=False), method)(path)
    return answer.status_code, answer.content.decode()


def test_address_is_whole_and_names_one_notification(trial: Conduct, settings: Any) -> None:
    settings.NTRUST_PUBLIC_URL = "https://trial.example.org"
    row = told(trial)

    url = acknowledge_url(row)

    assert url.startswith("https://trial.example.org/acknowledge/")
    link = read_link(url.split("/")[-2])
    assert link is not None
    assert link.notification == row.pk
    assert abs(link.ends_at - trial.now - timedelta(days=14)) < timedelta(seconds=1)


def test_opening_the_link_shows_the_item_and_changes_nothing(trial: Conduct) -> None:
    row = told(trial)
    before = fingerprint()

    code, text = page(path_of(row))
    head, _ = page(path_of(row), method="head")

    assert (code, head) == (200, 200)
    assert "Hold on the study." in text
    assert "I know of this and see to it" in text
    assert "P-001" not in text
    assert "fit" not in text.replace("benefit", "")
    assert fingerprint() == before


def test_page_is_kept_by_nobody_and_its_address_told_to_nobody(trial: Conduct) -> None:
    answer = Client().get(path_of(told(trial)))

    assert answer["Cache-Control"] == "private, no-store"
    assert answer["Referrer-Policy"] == "strict-origin"


def test_button_acknowledges_without_a_log_in_and_only_with_its_token(trial: Conduct) -> None:
    row = told(trial)
    careful = Client(enforce_csrf_checks=True)
    assert careful.post(path_of(row)).status_code == 403

    careful.get(path_of(row))
    token = careful.cookies["csrftoken"].value
    answer = careful.post(path_of(row), {"csrfmiddlewaretoken": token})

    row.refresh_from_db()
    assert answer.status_code == 200
    assert (row.acknowledged_at, row.acknowledged_where) == (trial.now, "MAIL")
    assert row.read_at == trial.now


def altered(trial: Conduct, row: Notification) -> str:
    """The same link with another notification's number in it."""
    start, _, rest = path_of(row).rpartition("/acknowledge/")[2].partition("-")
    return f"/acknowledge/{int(start) + 1}-{rest}"


def of_another_salt(trial: Conduct, row: Notification) -> str:
    return f"/acknowledge/{Signer(sep='.').sign(f'{row.pk}-sgk2p1')}/"


def expired(trial: Conduct, row: Notification) -> str:
    path = path_of(row)
    trial.now += timedelta(days=14, seconds=1)
    return path


def acknowledged(trial: Conduct, row: Notification) -> str:
    acknowledge(row, by=row.recipient, where=AcknowledgedWhere.INBOX, now=trial.tick())
    return path_of(row)


def acknowledged_by_the_group(trial: Conduct, row: Notification) -> str:
    """A second investigator of the site has said it."""
    other = Notification.objects.exclude(pk=row.pk).filter(event=row.event).earliest("id")
    Notification.objects.filter(pk=other.pk).update(role=row.role, site=row.site)
    other.recipient.memberships.update(role=row.role, site=row.site)
    acknowledge(other, by=other.recipient, where=AcknowledgedWhere.INBOX, now=trial.tick())
    return path_of(row)


def role_ended(trial: Conduct, row: Notification) -> str:
    membership = row.recipient.memberships.get()
    revoke_role(membership, by=User.objects.create_superuser("root"), now=trial.tick())
    return path_of(row)


def closed(trial: Conduct, row: Notification) -> str:
    User.objects.filter(pk=row.recipient_id).update(is_active=False)
    return path_of(row)


def not_awaited(trial: Conduct, row: Notification) -> str:
    Notification.objects.filter(pk=row.pk).update(acknowledge_by=None)
    return path_of(row)


REFUSED = {
    altered: (404, 404, "This link is not one of ours"),
    of_another_salt: (404, 404, "This link is not one of ours"),
    expired: (410, 410, "This link ended on "),
    acknowledged: (200, 409, "You have acknowledged this already, "),
    acknowledged_by_the_group: (200, 409, "Somebody you were told with has acknowledged this"),
    role_ended: (200, 409, "or your role in this study has ended"),
    closed: (200, 409, "Your account is closed, or"),
    not_awaited: (200, 409, "Nobody waits for a word about this."),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_acknowledged_is_said_and_nothing_is_written(
    trial: Conduct, case: Any
) -> None:
    path = case(trial, told(trial))
    before = fingerprint()

    read, reading = page(path)
    sent, sending = page(path, method="post")

    assert (read, sent) == REFUSED[case][:2]
    assert REFUSED[case][2] in reading
    assert REFUSED[case][2] in sending
    assert '<form method="post">' not in reading + sending
    assert fingerprint() == before


@pytest.mark.parametrize("token", ["1", "x" * 3000, "1-1.abc", "é-ü.ñ", "..", "1-zzzzzzzzzzzz.a"])
def test_tokens_that_nobody_made_are_not_ours(token: str) -> None:
    assert read_link(token) is None
    assert page(f"/acknowledge/{token}/")[0] == 404


def test_address_that_asks_too_often_waits_a_minute_and_nothing_is_written(
    trial: Conduct, settings: Any
) -> None:
    settings.ACKNOWLEDGE_LINKS_A_MINUTE = 3
    row = told(trial)
    path, before = path_of(row), fingerprint()
    elsewhere = {"REMOTE_ADDR": "198.51.100.7"}

    codes = [Client().get("/acknowledge/nonsense/").status_code, page(path)[0]]
    codes += [page(path)[0], page(path, method="post")[0]]
    refused = Client().post(path)

    assert codes == [404, 200, 200, 429]
    assert (refused.status_code, refused["Retry-After"]) == (429, "60")
    assert "Wait a minute and open it once more, or log in" in refused.content.decode()
    assert fingerprint() == before
    assert Client().get(path, **elsewhere).status_code == 200
    ours, theirs = ("2001:db8:1:2::1", "2001:db8:1:2::9"), "2001:db8:1:3::1"
    for address in (*ours, ours[0]):
        Client().get(path, REMOTE_ADDR=address)
    assert Client().get(path, REMOTE_ADDR=ours[1]).status_code == 429, "one subscriber"
    assert Client().get(path, REMOTE_ADDR=theirs).status_code == 200
    trial.tick()
    assert page(path, method="post")[0] == 200
    row.refresh_from_db()
    assert row.acknowledged_at is not None
