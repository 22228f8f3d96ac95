"""What a mail says, in text and HTML, and what it never says."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from email.message import Message
from typing import Any

import pytest

from ntrust.models import Event, Notification, Study, User
from ntrust.notifications import compose
from ntrust.notifications.chains import without_detail
from ntrust.states import EVENT_KINDS
from safety.management.conduct import Conduct
from tests.factories import make_trial, open_level, run_cohort, shared_trial

pytestmark = pytest.mark.django_db
ONE_HOUR = timedelta(hours=1)
KEY = "9d3f0c1e-5a77-4a53-a6ce-9d0f3d6f1b11"


def build() -> Conduct:
    trial = open_level(make_trial(sites=2, zone="America/Chicago"))
    run_cohort(trial, 1, "PP")
    return trial


_built, trial = shared_trial(build)


def row_of(trial: Conduct, to: User, **fields: Any) -> Notification:
    """A notification to one person, as it was planned: of a DLT of the first participant."""
    described = {
        "kind": "DLT_REPORTED",
        "sentence": "P-001: DLT reported: seizure on the ward",
        "data": {"detail": "seizure on the ward"},
        "at": datetime(2026, 3, 1, 14, 5, tzinfo=UTC),
    }
    own = {name: fields.pop(name) for name in tuple(fields) if name in described}
    event = Event(study=Study.objects.get(pk=trial.study.pk), **{**described, **own})
    member = to.memberships.earliest("id")
    return Notification(
        event=event, recipient=to, role=member.role, site=member.site, is_urgent=True, **fields
    )


def as_sent(row: Notification, key: str = KEY) -> tuple[Message, str, str]:
    """The mail as a server gets it, with its text and its HTML."""
    message = message_from_bytes(compose(row, key=key).message().as_bytes())
    parts = [
        part.get_payload(decode=True).decode() for part in message.walk() if not part.is_multipart()
    ]
    text, html = parts
    return message, text, re.sub(r'<span class="unbroken">(.*?)</span>', r"\1", html)


def test_text_and_html_say_the_same(trial: Conduct, settings: Any) -> None:
    settings.NTRUST_MODE = "training"
    settings.NTRUST_PUBLIC_URL = "https://trial.example.org"
    row = row_of(
        trial,
        trial.crews[0].investigator,
        pk=4,
        acknowledge_by=datetime(2026, 3, 1, 15, 5, tzinfo=UTC),
    )

    message, text, html = as_sent(row)

    assert message.get_content_type() == "multipart/alternative"
    assert message["Subject"] == "[TRAINING] [URGENT] TEST-001: P-001: DLT reported."
    (link,) = re.findall(r"https://trial.example.org/acknowledge/\S+", text)
    for said in (text, html):
        assert "P-001: DLT reported." in said
        assert "TRAINING COPY" in said
        assert "01-Mar-2026 14:05 UTC" in said
        assert "01-Mar-2026 09:05 CST (01-Mar-2026 15:05 UTC)" in said
        assert "investigator at S1" in said
        assert link in said
        assert "https://trial.example.org/studies/trial/reports/" in said
        assert "seizure" not in said
    assert set(re.findall(r"(?:src|href)=\"([^\"]+)\"", html)) == {
        link,
        "https://trial.example.org/studies/trial/reports/",
    }, "nothing is fetched"


def test_headers_are_those_of_a_machine_and_of_one_delivery(trial: Conduct, settings: Any) -> None:
    settings.DEFAULT_FROM_EMAIL = "Trial <alerts@trial.example.org>"

    first, again = (as_sent(row_of(trial, trial.manager))[0] for _ in range(2))

    assert first["Message-ID"] == again["Message-ID"] == f"<{KEY}@trial.example.org>"
    assert first["X-Ntrust-Key"] == KEY
    assert first["Auto-Submitted"] == "auto-generated"
    assert first["List-Unsubscribe"] is None


def test_protocol_that_allows_no_numbers_has_none_in_its_mails(trial: Conduct) -> None:
    Study.objects.filter(pk=trial.study.pk).update(data_protection={"mail": "none"})

    message, text, html = as_sent(row_of(trial, trial.manager))

    assert str(message["Subject"]).endswith("A participant: DLT reported.")
    for said in (str(message["Subject"]), text, html):
        assert not re.search(r"P-0\d\d|S-0\d\d", said)


@pytest.mark.parametrize("typed", ["x\r\nBcc: all@x.org", "x\x00\u2028Bcc: all@x.org", "\nTo: y"])
def test_nothing_typed_becomes_a_header(trial: Conduct, typed: str) -> None:
    row = row_of(trial, trial.manager, sentence=f"Hold on {typed}.", data={}, kind="HOLD_PLACED")

    message, _, html = as_sent(row)

    assert (message["Bcc"], message["To"]) == (None, trial.manager.email)
    assert "<script" not in html


def test_what_is_typed_is_no_html(trial: Conduct) -> None:
    row = row_of(trial, trial.manager, sentence="Hold <b onload=x> & 'more'.", data={})

    _, text, html = as_sent(row)

    assert "Hold <b onload=x> & 'more'." in text
    assert "Hold &lt;b onload=x&gt; &amp; &#x27;more&#x27;." in html


@pytest.mark.parametrize("person", ["manager", "monitor", "investigator", "pharmacist"])
def test_every_kind_of_event_has_a_page_that_its_reader_may_open(
    trial: Conduct, person: str, client: Any
) -> None:
    crew = trial.crews[0]
    user = {
        "manager": trial.manager,
        "monitor": trial.monitor,
        "investigator": crew.investigator,
        "pharmacist": crew.pharmacist,
    }[person]
    client.force_login(user)
    pages = {
        re.search(
            r"http\S+/((?:studies|site)/\S+)", str(compose(row_of(trial, user, kind=kind)).body)
        )[1]
        for kind in EVENT_KINDS
    }

    assert len(pages) > 5
    assert {page: client.get(f"/{page}").status_code for page in pages} == dict.fromkeys(pages, 200)


def test_whoever_is_told_instead_reads_why(trial: Conduct) -> None:
    crew = trial.crews[0]
    until = datetime(2026, 3, 1, 15, 5, tzinfo=UTC)
    late = row_of(trial, crew.investigator, acknowledge_by=until)
    row = row_of(trial, trial.monitor, planned_at=until, in_place_of=late, step=1)
    lost = row_of(trial, trial.monitor, planned_at=until - ONE_HOUR, in_place_of=late, step=1)

    asked, failed = as_sent(row), as_sent(lost)

    for said in asked[1:]:
        assert "The investigator at S1 has not answered: you are asked in their place." in said
    for said in failed[1:]:
        assert "The investigator at S1 could not be reached: you are asked in their place" in said


@pytest.mark.parametrize(
    ("kind", "person", "step"),
    [
        ("DLT_REPORTED", "monitor", "Log in to read the report and adjudicate it"),
        ("DLT_REPORTED", "manager", "Log in to see what it changes"),
        ("CALL_OVERDUE", "monitor", "Log in to answer the call"),
        ("DECISION_PROPOSED", "manager", "Log in to read the decision and sign it"),
    ],
)
def test_mail_names_the_one_thing_that_its_reader_does(
    trial: Conduct, kind: str, person: str, step: str
) -> None:
    _, text, html = as_sent(row_of(trial, getattr(trial, person), kind=kind))

    assert f"{step}:\n" in text
    assert f">{step}</a>" in html


@pytest.mark.parametrize(
    ("sentence", "detail", "told"),
    [
        ("S-1: an event may be dose-limiting: Colitis.", "Colitis.", "S-1: an event may be "
         "dose-limiting."),
        ("Terminated: no money. Safety stays open.", "no money", "Terminated. Safety stays open."),
        ("The RDE is level 2.", "as agreed", "The RDE is level 2."),
    ],
)  # fmt: skip
def test_detail_is_left_out_wherever_it_stands(sentence: str, detail: str, told: str) -> None:
    assert without_detail(Event(sentence=sentence, data={"detail": detail})) == told
