"""The audit trail: who reads it, what it shows of a change, and what a copy of it carries."""

import csv
import hashlib
import json
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from cohorts.actions import place_hold
from cohorts.models import Outcome, Participant
from cohorts.queries import Viewer, viewer_of
from ntrust.actions import suspend_site
from ntrust.models import Event, User
from ntrust.states import Role
from safety.exports import safe_text
from safety.management.conduct import Conduct, enlist
from safety.queries.audit import AuditFilter, AuditRow, every_row, read_audit, read_filter
from safety.queries.audit.tables import audit_tables, way_to
from safety.views.audit_files import COLUMNS
from tests.factories import (
    DISEASE,
    PASSWORD,
    START,
    client_of,
    make_trial,
    open_level,
    revision_of,
    run_cohort,
    shared_trial,
)

pytestmark = pytest.mark.django_db
AUDIT = "/studies/trial/audit/"


def build() -> Conduct:
    trial = open_level(make_trial(sites=2))
    run_cohort(trial, 1, "TNN")
    trial.screen(disease=DISEASE, crew=1)
    return trial


_built, trial = shared_trial(build)


def viewer(user: User) -> Viewer:
    found = viewer_of(user, "trial")
    assert found is not None
    return found


def rows(by: User, **asked: Any) -> list[AuditRow]:
    return list(every_row(viewer(by), AuditFilter(**asked)))


def person_of(trial: Conduct, crew: int) -> Participant:
    return Participant.objects.filter(site=trial.crews[crew].site).earliest("id")


# --- What a row says -----------------------------------------------------------------------------


def test_change_shows_old_new_who_why_when_and_revision(trial: Conduct) -> None:
    site = trial.crews[0].site
    suspend_site(site, reason="staff are ill", by=trial.manager, now=trial.tick())

    row = rows(trial.manager, table="site")[0]

    assert (row.label, row.row, row.action) == ("Site", site.pk, "changed")
    assert (row.who, row.username) == (str(trial.manager), trial.manager.username)
    assert (row.reason, row.revision) == ("staff are ill", revision_of(trial))
    assert [(c.field, c.name, c.old, c.new) for c in row.changes] == [
        ("state", "state", "active", "suspended"),
        ("suspended_because", "suspended because", "", "staff are ill"),
    ]
    assert row.at.utcoffset() == timedelta(0)


def test_first_entry_shows_what_was_entered(trial: Conduct) -> None:
    hold = place_hold(
        trial.study,
        scope="LEVEL",
        level=trial.level(2),
        reason="a signal",
        by=trial.monitor,
        now=trial.tick(),
    )

    row = rows(trial.manager, table="hold")[0]

    said = {change.field: (change.old, change.new) for change in row.changes}
    assert (row.action, row.row) == ("entered", hold.pk)
    assert said["level"] == ("", "DL2")
    assert said["placed_by"] == ("", str(trial.monitor))
    assert said["placed_at"] == ("", f"{trial.now:%d-%b-%Y %H:%M:%S} UTC (+00:00)")


def test_row_says_whose_it_is(trial: Conduct) -> None:
    outcome = Outcome.objects.earliest("pk")
    dlt = rows(trial.manager, table="dltreport")[0]

    assert dlt.subject == str(outcome.participant)
    assert {row.subject for row in rows(trial.manager, table="infusion")} == {
        str(person) for person in Participant.objects.filter(outcome__isnull=False)
    }


def test_every_table_with_history_is_in_the_trail(trial: Conduct) -> None:
    names = {table.name for table in audit_tables()}

    assert names >= {"adverseevent", "signature", "consent", "membership", "infusion", "outcome"}
    assert {row.table for row in rows(trial.manager)} <= names
    assert way_to(Participant, Participant) == ()


# --- Filters -------------------------------------------------------------------------------------


def test_filters_find_only_what_was_asked(trial: Conduct) -> None:
    everything = rows(trial.manager)
    person = person_of(trial, 0)
    changed = [row for row in everything if any(c.field == "letter" for c in row.changes)]

    for number in (person.subject_number.lower(), person.screening_number):
        assert {r.subject for r in rows(trial.manager, participant=number)} == {str(person)}
    assert {r.table for r in rows(trial.manager, table="outcome")} == {"outcome"}
    assert {r.username for r in rows(trial.manager, user=trial.monitor.username)} == {
        trial.monitor.username
    }
    assert rows(trial.manager, field="letter") == changed
    assert {r.reason for r in rows(trial.manager, reason="SITE ACT")} == {"site activated"}
    assert rows(trial.manager, user="nobody") == []
    assert rows(trial.manager, table="nothing") == []
    assert rows(trial.manager, field="nothing") == []


def test_filter_by_time(trial: Conduct) -> None:
    everything = rows(trial.manager)
    middle = everything[len(everything) // 2].at

    older, newer = rows(trial.manager, until=middle), rows(trial.manager, since=middle)

    assert {row.at for row in older} & {row.at for row in newer} == {middle}
    assert len(older) + len(newer) >= len(everything)


def test_filter_of_odd_words_is_empty(trial: Conduct) -> None:
    asked = read_filter({"since": "yesterday", "until": "", "reason": " a\x00b ", "other": "x"})

    assert asked == AuditFilter(reason="ab")
    assert rows(trial.manager, reason="50%_'; --") == []


# --- Pages ---------------------------------------------------------------------------------------


def test_pages_follow_on_one_another(trial: Conduct) -> None:
    everything = rows(trial.manager)
    from_pages: list[AuditRow] = []
    client, address = client_of(trial.manager), AUDIT
    while address:
        page = client.get(address).context["page"]
        from_pages += page.rows
        address = f"{AUDIT}?before={page.older}".replace("+", "%2B") if page.older else ""

    assert from_pages == everything
    assert len(everything) > 100


def test_page_costs_the_same_however_long_the_trail_is(trial: Conduct) -> None:
    who, asked = viewer(trial.manager), AuditFilter()
    with CaptureQueriesContext(
        connection,
    ) as few:
        read_audit(who, asked, size=10)
    with CaptureQueriesContext(connection) as many:
        read_audit(who, asked, size=100)

    assert len(few) <= len(many) <= 6


@pytest.mark.parametrize(
    "before", ["", "x", "~~", "2026-01-01~site~1", "2026-01-01T00:00:00+00:00~x~1"]
)
def test_strange_page_is_the_first(trial: Conduct, before: str) -> None:
    client = client_of(trial.manager)

    assert client.get(AUDIT, {"before": before}).context["page"].rows[0] == rows(trial.manager)[0]


# --- Who reads -----------------------------------------------------------------------------------


def test_site_reads_its_own_rows_only(trial: Conduct) -> None:
    own, other = person_of(trial, 0), person_of(trial, 1)

    seen = rows(trial.crews[0].investigator)

    assert {row.subject for row in seen} - {""} == {
        str(p) for p in Participant.objects.filter(site=own.site)
    }
    said = " ".join([str(row) for row in seen])
    assert str(own) in said
    assert str(other) not in said
    assert other.screening_number not in said
    assert rows(trial.crews[0].investigator, participant=str(other)) == []
    assert {row.table for row in seen}.isdisjoint({"membership", "decision", "signature"})


def test_reason_that_names_another_site_is_covered(trial: Conduct) -> None:
    other = person_of(trial, 1)
    suspend_site(trial.crews[0].site, reason=f"as {other}", by=trial.manager, now=trial.tick())

    row = rows(trial.crews[0].investigator, table="site")[0]

    assert row.reason == "as a participant of another site"
    assert row.changes[1].new == "as a participant of another site"


def somebody(trial: Conduct, role: Role) -> User:
    return enlist(f"a-{role}".lower(), study=trial.study, role=role, password=PASSWORD, now=START)


@pytest.mark.parametrize("page", ["audit", "known", "accounts"])
def test_pages_are_for_central_roles(trial: Conduct, page: str) -> None:
    address = f"/studies/trial/{page}/"
    for user in (trial.manager, trial.monitor, somebody(trial, Role.AUDITOR)):
        assert client_of(user).get(address).status_code == 200
    pharmacist = client_of(trial.crews[0].pharmacist)
    assert pharmacist.get(address).status_code == 403
    investigator = client_of(trial.crews[0].investigator)
    assert investigator.get(address).status_code == (200 if page == "audit" else 403)
    assert client_of(somebody(trial, Role.COMMITTEE)).get(address).status_code == 404
    stranger = client_of(User.objects.create_user("stranger"))
    assert stranger.get(address).status_code == 404


# --- Copies --------------------------------------------------------------------------------------


def export(by: User, form: str, **asked: str) -> bytes:
    answer = client_of(by).post(f"{AUDIT}{form}/", asked)
    assert answer.status_code == 200
    return b"".join(answer.streaming_content)  # type: ignore[attr-defined]


def test_csv_carries_its_record_and_its_hash(trial: Conduct) -> None:
    expected = rows(trial.manager, table="outcome")

    first, _, rest = export(trial.manager, "csv", table="outcome").partition(b"\n")

    record = json.loads(first.removeprefix(b"# "))
    assert record["sha256"] == hashlib.sha256(rest).hexdigest()
    assert record["rows"] == len(expected)
    assert record["filter"] == {"table": "outcome"}
    assert record["username"] == trial.manager.username
    lines = list(csv.DictReader(rest.decode().splitlines()))
    assert tuple(lines[0]) == COLUMNS
    assert len(lines) == sum(len(row.changes) for row in expected)
    assert lines[0]["field"] == expected[0].changes[0].field
    event = Event.objects.get(kind="AUDIT_EXPORTED")
    assert event.by == trial.manager
    assert event.data == record
    assert event.sentence == f"{len(expected)} rows of the audit trail exported as CSV."


def test_json_carries_its_record_and_its_hash(trial: Conduct) -> None:
    expected = rows(trial.manager, table="outcome")

    text = export(trial.manager, "json", table="outcome").decode()

    said = json.loads(text)
    lines = [line.removesuffix(",") for line in text.splitlines()[2:-1]]
    assert (
        said["generation"]["sha256"]
        == hashlib.sha256("".join(f"{line}\n" for line in lines).encode()).hexdigest()
    )
    assert [row["reason"] for row in said["rows"]] == [row.reason for row in expected]
    assert datetime.fromisoformat(said["rows"][0]["at"]) == expected[0].at
    assert said["rows"][0]["changes"][0]["new"] == expected[0].changes[0].new


def test_empty_copy_is_a_copy(trial: Conduct) -> None:
    said = json.loads(export(trial.manager, "json", user="nobody"))

    assert said["rows"] == []
    assert said["generation"]["sha256"] == hashlib.sha256(b"").hexdigest()


def test_copy_of_a_site_is_of_its_site(trial: Conduct) -> None:
    text = export(trial.crews[0].investigator, "csv").decode()

    assert str(person_of(trial, 0)) in text
    assert str(person_of(trial, 1)) not in text


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\tx", " =1", "\r=1"])
def test_text_that_a_spreadsheet_would_run_is_guarded(text: str) -> None:
    assert safe_text(text) == f"'{text}"


def test_formula_in_a_reason_is_guarded(trial: Conduct) -> None:
    suspend_site(trial.crews[0].site, reason="=HYPERLINK(1)", by=trial.manager, now=trial.tick())

    text = export(trial.manager, "csv", table="site").decode()

    assert ",'=HYPERLINK(1)" in text
    assert ",=HYPERLINK(1)" not in text
    assert safe_text(-1) == "-1"


def test_copy_is_refused_to_others_and_by_get(trial: Conduct) -> None:
    before = Event.objects.count()

    assert client_of(trial.manager).get(f"{AUDIT}csv/").status_code == 405
    assert client_of(trial.manager).post(f"{AUDIT}exe/").status_code == 404
    assert client_of(trial.crews[0].pharmacist).post(f"{AUDIT}csv/").status_code == 403
    assert client_of(User.objects.create_user("stranger")).post(f"{AUDIT}csv/").status_code == 404
    assert Client().post(f"{AUDIT}csv/").status_code == 302
    assert Event.objects.count() == before


# --- As known on ---------------------------------------------------------------------------------


def test_page_shows_what_was_known(trial: Conduct) -> None:
    told = Event.objects.filter(kind="DLT_REPORTED").earliest("id")
    client = client_of(trial.manager)

    before = client.get("/studies/trial/known/", {"revision": told.revision - 1})
    at = client.get("/studies/trial/known/", {"at": told.at.strftime("%Y-%m-%dT%H:%M:%S.%f")})

    assert before.context["known"].ladder.levels[-1].counts.dlt == 0
    assert at.context["known"].revision == told.revision
    assert at.context["known"].ladder.levels[-1].counts.dlt == 1
    page = at.content.decode()
    assert "As known on" in page
    assert f"revision {told.revision}." in page
    assert f"{told.at:%d-%b-%Y %H:%M:%S} UTC" in page


@pytest.mark.parametrize(
    "asked", [{"revision": "x"}, {"revision": "-1"}, {"revision": "9" * 8}, {"at": "yesterday"}]
)
def test_moment_that_is_none_is_said(trial: Conduct, asked: dict[str, str]) -> None:
    answer = client_of(trial.manager).get("/studies/trial/known/", asked)

    assert answer.status_code == 200
    assert answer.context["known"] is None
    assert "There is no such moment" in answer.content.decode()
