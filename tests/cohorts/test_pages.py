"""The pages over HTTP: who gets them, what each role reads, and that nothing else is let in."""

from __future__ import annotations

import re

import pytest
from django.test import Client, override_settings
from django.urls import reverse

from cohorts.charts import draw_path, path_spec, sketch_path
from cohorts.models import Participant
from cohorts.queries import escalation_path, viewer_of
from ntrust.models import User
from ntrust.states import Role
from tests.cohorts.rows import (
    NOW,
    Trial,
    change_basis,
    changing,
    decide,
    hold,
    join,
    make_user,
    seat,
    start_trial,
)

pytestmark = pytest.mark.django_db

PAGES = ["/", "/studies/ntrust-1/", "/studies/ntrust-1/path/"]
STUDY_PAGES = PAGES[1:]


@pytest.fixture(autouse=True)
def _fixed_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ntrust.clock.now", lambda: NOW)


@pytest.fixture
def trial() -> Trial:
    """DL1 clean at one site; at DL2 one DLT of the other site, and one pending."""
    trial = start_trial()
    seat(trial, 1, "NNN", site="S1")
    seat(trial, 2, "NTP", site="S2")
    return trial


def read(user: User, address: str) -> str:
    """The page's text: tags out, white space single."""
    client = Client()
    client.force_login(user)
    answer = client.get(address)
    assert answer.status_code == 200
    text = re.sub(r"<[^>]+>", " ", answer.content.decode())
    return re.sub(r"\s+", " ", text)


def member(trial: Trial, role: Role, *, site: str = "") -> User:
    user = make_user(f"{role}-{site}".lower())
    return join(user, trial.study, role, site=trial.sites[site] if site else None)


@pytest.mark.parametrize("role", [Role.COMMITTEE, Role.AUDITOR, Role.MEDICAL_MONITOR])
def test_roles_of_the_whole_study_read_every_number(trial: Trial, role: Role) -> None:
    text = read(member(trial, role), "/studies/ntrust-1/")

    assert "P-001: evaluable, no DLT" in text
    assert "P-005: DLT" in text
    assert "P-006: pending, nothing reported yet" in text
    assert "WAIT at DL2" in text
    assert "Rule 5, wait, seats taken" in text
    assert "Hinges on P-006." in text
    assert f"you: {role.label}" in text


def test_manager_reads_counts_and_next_date(trial: Trial) -> None:
    text = read(trial.users["manager"], "/studies/ntrust-1/")

    assert "3 treated · 2 evaluable · 1 pending · 1 DLT" in text
    assert "confirmed no DLT 1 · nothing reported yet 1 · overdue 0 · provisional 0" in text
    assert "P-006: window closes" in text
    assert "Why can't we enrol at DL2?" in text.replace("&#x27;", "'")
    assert "nobody can hasten it" in text  # a gate says who clears it, or that nobody does
    assert "Decision #2 in force" in text
    assert "min_n_at_mtd 6 a declared MTD has six evaluable participants" in text
    assert text.count("as of 23-Nov-2026 14:05 UTC") == 3


def test_investigator_reads_other_sites_as_anonymous_discs(trial: Trial) -> None:
    investigator = member(trial, Role.INVESTIGATOR, site="S1")

    pages = [read(investigator, address) for address in STUDY_PAGES]

    assert "P-001: evaluable, no DLT" in pages[0]
    assert "a participant of another site: DLT" in pages[0]
    for text in pages:
        assert not re.search(r"P-00[456]|S-00[456]", text)
    assert "Hinges on 1 participant of other sites." in pages[0]
    assert "other site" in pages[1]


def test_pharmacist_of_the_other_site_reads_theirs(trial: Trial) -> None:
    text = read(member(trial, Role.PHARMACIST, site="S2"), "/studies/ntrust-1/")

    assert "P-006: pending" in text
    assert "P-001" not in text


@pytest.mark.parametrize("address", STUDY_PAGES)
def test_stranger_and_superuser_get_a_404_that_tells_nothing(trial: Trial, address: str) -> None:
    root = make_user("root", is_superuser=True, is_staff=True)
    stranger = member(start_trial("another"), Role.STUDY_MANAGER)

    for user in (root, stranger):
        client = Client()
        client.force_login(user)
        theirs = client.get(address)
        nobodys = client.get(address.replace("ntrust-1", "no-such-study"))
        assert (theirs.status_code, nobodys.status_code) == (404, 404)
        assert "NKX019-102" not in theirs.content.decode()
        assert without_token(theirs.content) == without_token(nobodys.content)


def without_token(page: bytes) -> str:
    """The page but for the log-out form's token and the time, which differ at every request."""
    text = re.sub(r'name="csrfmiddlewaretoken" value="[^"]+"', "", page.decode())
    return re.sub(r"<time.*?</time>", "", text, flags=re.DOTALL)


def test_superuser_without_a_role_has_no_studies(trial: Trial) -> None:
    text = read(make_user("root", is_superuser=True, is_staff=True), "/")

    assert "You have no role in a study yet." in text
    assert "NKX019" not in text


@pytest.mark.parametrize("address", PAGES)
def test_anonymous_is_sent_to_the_log_in(client: Client, trial: Trial, address: str) -> None:
    answer = client.get(address)

    assert answer.status_code == 302
    assert answer["Location"].startswith("/accounts/login/")


@pytest.mark.parametrize("method", ["post", "put", "patch", "delete", "options", "head"])
@pytest.mark.parametrize("address", PAGES)
def test_pages_only_answer_get(trial: Trial, address: str, method: str) -> None:
    client = Client()
    client.force_login(trial.users["manager"])

    answer = getattr(client, method)(address)

    assert answer.status_code == 405


@pytest.mark.parametrize("address", PAGES)
def test_pages_carry_no_style_or_script_of_their_own(trial: Trial, address: str) -> None:
    client = Client()
    client.force_login(trial.users["manager"])

    answer = client.get(address)

    page = answer.content.decode()
    assert "style=" not in page
    assert "<style" not in page
    assert re.findall(r'<script(?! src="/static/ntrust/[a-z/.-]+" defer></script>)', page) == []
    assert "onclick" not in page
    assert "unsafe" not in answer["Content-Security-Policy"]


def test_my_studies_says_where_each_stands(trial: Trial) -> None:
    hold(trial, 2, "Stopped by the committee")

    text = read(trial.users["manager"], "/")

    assert "Held. The rules say: ◔ WAIT at DL2 · rule 5, wait, seats taken" in text
    assert "6 treated · 5 evaluable · 1 pending · 1 DLT" in text
    assert "■ 1 hold" in text


def test_held_level_says_why_everywhere(trial: Trial) -> None:
    hold(trial, 2, "Grade 4 CRS of P-006")

    text = read(trial.users["manager"], "/studies/ntrust-1/")

    assert "■ Suspended. DL2 and above held: Grade 4 CRS of P-006" in text
    assert "■ held" in text
    assert "UTC : Grade 4 CRS of P-006" in text


def test_changed_basis_and_override_are_read_beside_the_decision(trial: Trial) -> None:
    reason = "Two candidates were already conditioned."
    cohort = seat(trial, 2, "P", state="OPEN", override=reason)
    change_basis(trial, cohort.decision, "P-001 went from no DLT to DLT")

    text = read(trial.users["manager"], "/studies/ntrust-1/")

    assert "■ basis changed" in text
    assert "⚑ override" in text
    assert f"Reason: {reason}" in text
    assert "P-001 went from no DLT to DLT" in text


def test_flags_are_read(trial: Trial) -> None:
    seat(trial, 3, "P", state="OPEN", override="Asked for by the committee of the day.")

    for address in STUDY_PAGES:
        assert "Escalated early" in read(trial.users["manager"], address)


def test_study_without_protocol_or_people_is_readable() -> None:
    trial = start_trial("empty")

    ladder = read(trial.users["manager"], "/studies/empty/")
    path = read(trial.users["manager"], "/studies/empty/path/")

    assert ladder.count("nobody treated") == 4
    assert "Nothing has been decided yet." in ladder
    assert "We can enrol" not in ladder
    assert "Nobody has a seat yet." in path


def test_replay_is_marked_and_cites_its_source() -> None:
    trial = start_trial("replay-x", source="Neuenschwander et al. 2008")

    for address in ("/studies/replay-x/", "/studies/replay-x/path/"):
        text = read(trial.users["manager"], address)
        assert "Published trial, replayed: dates and subject numbers are simulated." in text
        assert "Source: Neuenschwander et al. 2008" in text
    assert "Published trial, replayed" in read(trial.users["manager"], "/")


@override_settings(NTRUST_MODE="training")
def test_training_banner_is_on_every_page(trial: Trial) -> None:
    for address in PAGES:
        assert "TRAINING COPY" in read(trial.users["manager"], address)


def test_what_people_wrote_is_escaped(trial: Trial) -> None:
    hold(trial, 2, "<script>alert(1)</script>")
    client = Client()
    client.force_login(trial.users["manager"])

    page = client.get("/studies/ntrust-1/").content.decode()

    assert "<script>" not in page
    assert "&lt;script&gt;alert(1)" in page


def test_path_shows_chart_and_the_same_facts_in_a_table(trial: Trial) -> None:
    client = Client()
    client.force_login(trial.users["manager"])

    page = client.get(reverse("cohorts:path", args=["ntrust-1"])).content.decode()

    chart = page[page.index("<svg") : page.index("</svg>")]
    assert "<title>Escalation path of NKX019-102</title>" in chart
    assert "DL1: evaluable, no DLT, evaluable, no DLT, evaluable, no DLT. DL2:" in chart
    assert 'role="img"' in chart
    table = page[page.index("path-people") :]
    rows = re.findall(r"<b>(P-\d+)</b>.*?(DL\d)", table, flags=re.DOTALL)
    assert rows == [(f"P-00{n}", "DL1" if n < 4 else "DL2") for n in range(1, 7)]
    assert all(f">{n:02d}</text>" in chart for n in range(1, 7))


def test_chart_places_each_participant_and_decision(trial: Trial) -> None:
    decide(trial, None, verdict="STOP", override="The sponsor ends the escalation here.")
    viewer = viewer_of(trial.users["manager"], "ntrust-1")
    assert viewer is not None

    spec = path_spec(sketch_path(escalation_path(trial.study, viewer=viewer, now=NOW)))

    data = [layer["data"]["values"] for layer in spec["layer"]]
    assert [row["label"] for row in data[0]] == ["#1", "#2", "#3*"]
    assert [row["order"] for row in data[0]] == [0.5, 3.5, 6.5]
    assert [(row["level"], row["letter"]) for row in data[-1]] == [
        ("DL1", "N"),
        ("DL1", "N"),
        ("DL1", "N"),
        ("DL2", "N"),
        ("DL2", "T"),
        ("DL2", "P"),
    ]


def test_chart_escapes_what_is_written_on_it(trial: Trial) -> None:
    with changing(trial):
        person = Participant.objects.get(subject_number="P-001")
        person.subject_number = "P<b"
        person.save(update_fields=["subject_number"])
    viewer = viewer_of(trial.users["manager"], "ntrust-1")
    assert viewer is not None
    trial.study.protocol_number = "A<script>"

    chart = draw_path(escalation_path(trial.study, viewer=viewer, now=NOW)).svg

    assert "&lt;b</text>" in chart
    assert "A&lt;script&gt;" in chart
    assert "<script" not in chart
    assert "style" not in chart
