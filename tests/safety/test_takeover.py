"""Taking over a running trial: every fault has its place; without one the rules answer as live."""

from __future__ import annotations

from copy import copy, deepcopy
from datetime import datetime, timedelta
from io import BytesIO
from typing import Any
from zipfile import ZIP_DEFLATED, ZipFile

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from cohorts.engine.wire import recommendation_as_dict
from cohorts.policies import recommend_now
from ntrust import clock
from ntrust.errors import Refused
from ntrust.models import Study
from safety.management.conduct import Conduct
from safety.spreadsheets import MOST_BYTES, make_template, read_workbook
from safety.takeover import SHEETS, DryRun, dry_run
from tests.factories import (
    cast,
    fingerprint,
    make_trial,
    open_level,
    refused,
    run_cohort,
    shared_trial,
)
from tests.safety.paper import Rows, as_book, as_workbook, write_down

pytestmark = pytest.mark.django_db


def nine() -> Conduct:
    """1NNN 2NTN 2NNP, conducted here; and a second study, in which nobody is."""
    trial = open_level(make_trial())
    run_cohort(trial, 1, "NNN")
    run_cohort(open_level(trial, 2), 2, "NTN")
    run_cohort(open_level(trial, 2), 2, "NNP")
    make_trial(key="empty", sites=2)
    return trial


_built, trial = shared_trial(nine)


@pytest.fixture
def rows(trial: Conduct) -> Rows:
    return write_down(trial.study)


def empty() -> Study:
    return Study.objects.get(key="empty")


def check(trial: Conduct, rows: Rows) -> DryRun:
    return dry_run(as_book(rows), study=empty(), now=trial.now)


def places(found: DryRun) -> list[tuple[str, int, str]]:
    return [(fault.sheet, fault.row, fault.column) for fault in found.faults]


def test_nine_on_paper_end_where_nine_conducted_here_end(trial: Conduct, rows: Rows) -> None:
    before = fingerprint()

    found = check(trial, rows)

    assert found.faults == ()
    assert found.warnings == ()
    assert found.created == {
        "participants": 9,
        "infusions": 9,
        "outcomes": 9,
        "decisions": 3,
    }
    assert [(one.level, one.letters) for one in found.levels] == [(1, "NNN"), (2, "NTNNNP")]
    live = recommend_now(trial.study)
    assert live is not None
    assert found.advice is not None
    assert recommendation_as_dict(found.advice) == recommendation_as_dict(live)
    assert len(found.advice.bounds) == 3
    assert fingerprint() == before


def test_the_filled_workbook_reads_as_the_rows(trial: Conduct, rows: Rows) -> None:
    book = read_workbook(as_workbook(rows))

    assert dry_run(book, study=empty(), now=trial.now) == check(trial, rows)
    assert [line.row for line in book["decisions"]] == [2, 3, 4]


def test_template_has_every_column_and_nobody(trial: Conduct) -> None:
    book = read_workbook(make_template())

    assert {name: list(lines) for name, lines in book.items()} == {name: [] for name in SHEETS}
    assert dry_run(book, study=empty(), now=trial.now).created == dict.fromkeys(SHEETS, 0)


CHANGED: list[tuple[str, int, str, Any]] = [
    ("participants", 0, "subject_number", ""),
    ("participants", 0, "site", "S7"),
    ("participants", 0, "disease", "asthma"),
    ("participants", 0, "protocol_version", "Z"),
    ("participants", 0, "level", 4),
    ("participants", 0, "level", "one"),
    ("participants", 0, "regimen", "none"),
    ("participants", 0, "consented_on", "2031-01-01"),
    ("participants", 0, "consented_on", "05/01/2026"),
    ("participants", 0, "ld_started_on", "2025-01-01"),
    ("participants", 0, "ld_ended_on", "2025-01-01"),
    ("participants", 0, "ld_ended_on", ""),
    ("participants", 8, "screening_number", "S-001"),
    ("infusions", 0, "subject_number", "P-099"),
    ("infusions", 0, "number", 2),
    ("infusions", 0, "state", "STOPPED"),
    ("infusions", 0, "given_at", ""),
    ("infusions", 0, "given_at", "2031-01-01 09:00"),
    ("infusions", 0, "given_at", "2025-01-01 09:00"),
    ("infusions", 0, "given_at", "2026-01-12"),
    ("infusions", 0, "viable_cells", ""),
    ("infusions", 0, "viable_cells", 0),
    ("infusions", 0, "viable_cells", "NaN"),
    ("outcomes", 0, "outcome", "?"),
    ("outcomes", 0, "stated_on", ""),
    ("outcomes", 0, "stated_on", "2026-01-20"),
    ("outcomes", 0, "stated_on", "2031-01-01"),
    ("outcomes", 4, "dlt_onset", ""),
    ("outcomes", 4, "dlt_onset", "2025-01-01 09:00"),
    ("outcomes", 4, "dlt_onset", "2026-12-01 09:00"),
    ("outcomes", 4, "dlt_onset", "2026-04-20 09:00"),
    ("outcomes", 4, "dlt_grade", 6),
    ("outcomes", 4, "dlt_grade", 3.5),
    ("outcomes", 4, "dlt_criterion", "D99"),
    ("outcomes", 4, "dlt_term", ""),
    ("decisions", 0, "number", 2),
    ("decisions", 0, "decided_on", "2031-01-01"),
    ("decisions", 1, "decided_on", "2025-01-01"),
    ("decisions", 0, "level", ""),
    ("decisions", 0, "level", 9),
    ("decisions", 0, "seats", 4),
    ("decisions", 0, "reference", ""),
]


@pytest.mark.parametrize(("sheet", "place", "column", "value"), CHANGED)
def test_fault_is_named_by_sheet_row_and_column(
    trial: Conduct, rows: Rows, sheet: str, place: int, column: str, value: Any
) -> None:
    rows[sheet][place][column] = value

    found = check(trial, rows)

    assert (sheet, place + 2, column) in places(found)
    assert (found.created, found.levels, found.advice) == (None, (), None)
    assert all(fault.sentence for fault in found.faults)


def test_what_the_rules_say_has_to_be_what_the_paper_says(trial: Conduct, rows: Rows) -> None:
    weak = deepcopy(rows)
    weak["infusions"][0]["viable_cells"] = "0.7"
    (fault,) = check(trial, weak).faults
    assert (fault.sheet, fault.row, fault.column) == ("outcomes", 2, "outcome")
    assert fault.sentence.startswith("The rows say P. Proposed as not evaluable: minimum")

    ruled = deepcopy(weak)
    ruled["outcomes"][0] = {"subject_number": "P-001", "outcome": "X", "reason": "weak"}
    found = check(trial, ruled)
    assert found.faults == ()
    assert found.levels[0].letters == "XNN"
    ruled["outcomes"][0]["reason"] = ""
    assert places(check(trial, ruled)) == [("outcomes", 2, "reason")]


def test_dlt_of_one_never_infused_is_a_fault(trial: Conduct, rows: Rows) -> None:
    dlt = rows["outcomes"][4]["subject_number"]
    rows["infusions"] = [row for row in rows["infusions"] if row["subject_number"] != dlt]

    found = check(trial, rows)

    assert [fault.sentence for fault in found.faults] == ["A DLT, but nothing was infused."]


def test_seat_before_its_decision_is_a_fault(trial: Conduct, rows: Rows) -> None:
    rows["decisions"] = rows["decisions"][:1]

    found = check(trial, rows)

    assert places(found) == [("participants", row, "level") for row in range(5, 11)]


def test_missing_rows_and_sheets_are_faults(trial: Conduct, rows: Rows) -> None:
    book: dict[str, Any] = as_book(rows)
    book["outcomes"] = book["outcomes"][1:]
    assert places(dry_run(book, study=empty(), now=trial.now)) == [
        ("participants", 2, "subject_number")
    ]

    del book["decisions"]
    book["notes"] = []
    found = dry_run(book, study=empty(), now=trial.now)
    assert ("decisions", 1, "") in places(found)
    assert ("notes", 1, "") in places(found)


def test_ways_other_than_the_rules_are_warnings(trial: Conduct, rows: Rows) -> None:
    rows["decisions"][1]["verdict"] = "EXPAND_COHORT"
    rows["decisions"][2]["seats"] = 1

    found = check(trial, rows)

    assert found.faults == ()
    assert [fault.sentence for fault in found.warnings] == [
        "This goes on at level 2, but level 1 was current.",
        "6 participants at level 2, but 4 seats were opened.",
    ]
    assert found.advice is not None


def test_study_with_participants_is_refused(trial: Conduct, rows: Rows) -> None:
    with refused("has_participants"):
        dry_run(as_book(rows), study=trial.study, now=trial.now)


def packed(size: int) -> bytes:
    content = BytesIO()
    with ZipFile(content, "w", ZIP_DEFLATED) as file:
        file.writestr("xl/workbook.xml", b"0" * size)
    return content.getvalue()


@pytest.mark.parametrize(
    "content",
    [b"", b"subject_number;site", packed(100), packed(41_000_000), b"0" * (MOST_BYTES + 1)],
    ids=["empty", "CSV", "no workbook", "bomb", "large"],
)
def test_what_is_no_workbook_is_refused(content: bytes) -> None:
    with pytest.raises(Refused) as caught:
        read_workbook(content)

    assert caught.value.code == "bad_spreadsheet"


def test_too_many_rows_are_refused() -> None:
    day = {"number": 1}

    with pytest.raises(Refused, match="more than 2000 rows"):
        read_workbook(as_workbook({"decisions": [copy(day) for _ in range(2001)]}))


def upload(client: Client, content: bytes) -> Any:
    file = SimpleUploadedFile("paper.xlsx", content)
    return client.post(reverse("safety:take_over", args=["empty"]), {"workbook": file})


def client_of(trial: Conduct, who: str) -> Client:
    client = Client()
    common = Conduct(empty(), *_signers(), trial.password, trial.regimen, trial.now, _crews(trial))
    client.force_login(cast(common)[who])
    return client


def _signers() -> tuple[Any, Any]:
    members = empty().memberships.select_related("user")
    manager = members.get(role="STUDY_MANAGER").user
    return manager, members.get(role="MEDICAL_MONITOR").user


def _crews(trial: Conduct) -> list[Any]:
    crew = trial.crews[0]
    found = []
    for site in empty().sites.order_by("code"):
        people = {row.role: row.user for row in empty().memberships.filter(site=site)}
        found.append(type(crew)(site, people["INVESTIGATOR"], people["PHARMACIST"]))
    return found


@pytest.mark.parametrize(
    ("who", "status"),
    [
        ("manager", 200),
        ("monitor", 200),
        ("investigator", 403),
        ("pharmacist", 403),
        ("auditor", 403),
        ("committee", 404),
        ("superuser", 404),
        ("stranger", 404),
        ("revoked", 404),
    ],
)
def test_page_is_for_manager_and_monitor(
    trial: Conduct, rows: Rows, monkeypatch: pytest.MonkeyPatch, who: str, status: int
) -> None:
    monkeypatch.setattr(clock, "now", lambda: trial.now)
    client = client_of(trial, who)
    template = reverse("safety:take_over_template", args=["empty"])
    before = fingerprint()

    assert client.get(reverse("safety:take_over", args=["empty"])).status_code == status
    assert client.get(template).status_code == status
    answer = upload(client, as_workbook(rows))

    assert answer.status_code == status
    assert ("NTNNNP" in answer.content.decode()) == (status == 200)
    assert fingerprint() == before


def test_page_names_faults_and_refusals(
    trial: Conduct, rows: Rows, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clock, "now", lambda: trial.now)
    client = client_of(trial, "manager")
    rows["participants"][0]["site"] = "<b>S7</b>"

    faulty = upload(client, as_workbook(rows))
    wrong = upload(client, b"no workbook")
    nothing = client.post(reverse("safety:take_over", args=["empty"]))

    assert faulty.status_code == 422
    assert "&lt;b&gt;S7&lt;/b&gt; is none of S1, S2." in faulty.content.decode()
    assert "The rules would say" not in faulty.content.decode()
    assert (wrong.status_code, nothing.status_code) == (409, 409)
    assert "This is not an XLSX workbook." in wrong.content.decode()
    assert "Choose the workbook." in nothing.content.decode()


def test_statement_is_not_before_the_windows_last_midnight(trial: Conduct, rows: Rows) -> None:
    day_0 = datetime.fromisoformat(rows["infusions"][0]["given_at"]).date()
    rows["outcomes"][0]["stated_on"] = day_0 + timedelta(days=28)
    assert places(check(trial, rows)) == [("outcomes", 2, "stated_on")]

    rows["outcomes"][0]["stated_on"] = day_0 + timedelta(days=29)
    assert check(trial, rows).faults == ()
