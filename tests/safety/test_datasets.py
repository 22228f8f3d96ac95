"""The study's data as standard datasets: what is in them, of which revision, and for whom."""

from __future__ import annotations

import io
import json
import re
import zipfile
from collections import Counter
from datetime import timedelta
from decimal import Decimal
from typing import Any

import openpyxl
import pytest
from django.test import Client
from django.urls import reverse

from cohorts.models import Outcome, Participant, Recommendation
from dosing.actions import Reading, record_measurement
from dosing.models import Infusion
from ntrust.models import Study
from safety.actions import adjudicate_dlt, lock_cut
from safety.datasets import Dataset, build_datasets
from safety.datasets.files import as_csv, as_json, hash_of
from safety.datasets.findings import short_names
from safety.datasets.shape import Variable, make_dataset
from safety.management.conduct import Conduct
from safety.models import DataCut, DltReport
from safety.queries.data_sources import read_source
from tests.factories import (
    PASSWORD,
    make_trial,
    open_level,
    report_dlt_of,
    report_late_dlt,
    run_cohort,
    shared_trial,
)

pytestmark = pytest.mark.django_db

NAMES = (
    "DM", "DS", "IE", "EX", "CM", "AE", "SUPPAE", "LB", "XO", "ADDLT", "TA", "TE", "TV", "TS", "TI",
)  # fmt: skip


def build() -> Conduct:
    """Two sites in Chicago, a cohort with one DLT, one without and one that is pending."""
    trial = open_level(make_trial(sites=2, zone="America/Chicago"))
    run_cohort(trial, 1, "NPP")
    person = trial.study.participants.earliest("id")
    record_measurement(
        person,
        measurement="upcr",
        reading=Reading(Decimal("1.250"), "g/g", measured_on=trial.now.date() - timedelta(days=1)),
        by=trial.investigator_of(person),
        now=trial.tick(),
    )
    return trial


_built, trial = shared_trial(build)


def datasets(trial: Conduct, cut: DataCut | None = None) -> dict[str, Dataset]:
    study = Study.objects.get(pk=trial.study.pk)
    revision, at = (cut.revision, cut.cut_at) if cut else (study.revision, trial.now)
    source = read_source(study, revision=revision, cut_at=at)
    return {one.name: one for one in build_datasets(source)}


def second(trial: Conduct) -> Participant:
    person: Participant = trial.study.participants.order_by("id")[1]
    return person


def test_every_dataset_is_there_and_well_formed(trial: Conduct) -> None:
    report_late_dlt(trial, second(trial))

    found = datasets(trial)

    assert tuple(found) == NAMES
    for one in found.values():
        names = [variable.name for variable in one.variables]
        assert len(set(names)) == len(names)
        assert all(re.fullmatch(r"[A-Z][A-Z0-9]{0,7}", name) for name in names)
        assert all(0 < len(variable.label) <= 40 for variable in one.variables), one.name
        sequence = f"{one.name}SEQ"
        if sequence in names and "USUBJID" in names:
            keys = [(record["USUBJID"], record[sequence]) for record in one.records]
            assert len(set(keys)) == len(keys)
    subjects = {record["USUBJID"] for record in found["DM"].records}
    assert len(subjects) == len(found["DM"].records) == 3
    for name in ("DS", "EX", "AE", "SUPPAE", "LB", "XO", "ADDLT"):
        assert {record["USUBJID"] for record in found[name].records} <= subjects
        assert found[name].records, name


def test_exposure_has_a_record_for_each_dose_that_was_given(trial: Conduct) -> None:
    records = datasets(trial)["EX"].records
    given = Counter(record["EXTRT"] for record in records)

    assert given["NKX019"] == Infusion.objects.filter(state="GIVEN").count() > 0
    infusions = [record for record in records if record["EXTRT"] == "NKX019"]
    first = infusions[0]
    cells = Infusion.objects.filter(state="GIVEN").earliest("given_at").given_cells
    assert (first["EXDOSE"], first["EXDOSU"], first["EXSTDY"]) == (cells, "cells", 1)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d-0[56]:00", str(first["EXSTDTC"]))
    assert all(record["EXSTDY"] < 0 for record in records if record["EPOCH"] == "LYMPHODEPLETION")


def test_reported_dlt_is_in_the_event_its_qualifiers_and_the_analysis(trial: Conduct) -> None:
    person = second(trial)
    report = report_late_dlt(trial, person)

    found = datasets(trial)

    (event,) = found["AE"].records
    assert (event["AETERM"], event["AETOXGR"]) == (report.event.term, str(report.event.grade))
    said = {record["QNAM"]: record["QVAL"] for record in found["SUPPAE"].records}
    assert (said["AEDLT"], said["AEDLTCRT"]) == ("Y", report.criterion)
    assert "AEDLTWIN" not in said
    by_letter = {record["SUBJID"]: record for record in found["ADDLT"].records}
    row = by_letter[str(person)]
    assert (row["DLTEVLFL"], row["DLTFL"], row["PENDFL"]) == ("Y", "Y", "N")
    assert row["DLTCRIT"] == report.criterion
    assert [row["DLTFL"] for row in found["ADDLT"].records].count("") == 1


def test_dlt_outside_the_window_is_said_and_makes_nobody_a_t(trial: Conduct) -> None:
    report_dlt_of(trial, second(trial))

    found = datasets(trial)

    said = {record["QNAM"]: record["QVAL"] for record in found["SUPPAE"].records}
    assert (said["AEDLT"], said["AEDLTWIN"]) == ("Y", "N")
    assert {row["DLTFL"] for row in found["ADDLT"].records} == {"N", ""}
    assert {row["DLTCRIT"] for row in found["ADDLT"].records} == {""}


def test_analysis_set_counts_as_the_recommendation_does(trial: Conduct) -> None:
    report_late_dlt(trial, second(trial))

    rows = [row for row in datasets(trial)["ADDLT"].records if row["COUNTFL"] == "Y"]

    last = Recommendation.objects.filter(study=trial.study).latest("id")
    letters = Counter((one["level"], one["letter"]) for one in last.basis["outcomes"])
    found: Counter[Any] = Counter(
        (
            row["TRTPN"],
            "P" if row["PENDFL"] == "Y" else {"Y": "T", "N": "N", "": "X"}[str(row["DLTFL"])],
        )
        for row in rows
    )
    assert found == letters


def test_datasets_of_a_cut_are_as_the_data_were_then(trial: Conduct) -> None:
    cut = lock_cut(
        trial.study, purpose="interim", by=trial.manager, password=PASSWORD, now=trial.tick()
    )
    before = datasets(trial, cut)

    report = report_late_dlt(trial, second(trial))
    adjudicate_dlt(
        DltReport.objects.get(pk=report.pk),
        is_confirmed=True,
        reason="as reported",
        by=trial.monitor,
        password=PASSWORD,
        now=trial.tick(),
    )

    again = datasets(trial, cut)
    assert hash_of(tuple(again.values())) == hash_of(tuple(before.values()))
    assert again["AE"].records == ()
    assert len(datasets(trial)["AE"].records) == 1


def test_nobody_is_named(trial: Conduct) -> None:
    report_late_dlt(trial, second(trial))

    text = b"".join(as_csv(one) for one in datasets(trial).values()).decode()

    for user in (trial.manager, trial.monitor, *(crew.investigator for crew in trial.crews)):
        assert user.username not in text
        assert not user.email or user.email not in text


# The rules of Dataset-JSON 1.1 as published: what must be there, what may, and nothing else.
MUST = {
    "datasetJSONCreationDateTime", "datasetJSONVersion", "itemGroupOID", "records", "name", "label",
    "columns",
}  # fmt: skip
MAY = {
    "fileOID", "dbLastModifiedDateTime", "originator", "sourceSystem", "studyOID",
    "metaDataVersionOID", "metaDataRef", "isReferenceData", "rows",
}  # fmt: skip
COLUMN_MUST = {"itemOID", "name", "label", "dataType"}
COLUMN_MAY = {"targetDataType", "length", "displayFormat", "keySequence"}
TYPES = {
    "string", "integer", "float", "double", "decimal", "boolean", "datetime", "date", "time", "URI",
}  # fmt: skip


def test_dataset_json_keeps_to_the_published_rules(trial: Conduct) -> None:
    study = Study.objects.get(pk=trial.study.pk)
    source = read_source(study, revision=study.revision, cut_at=trial.now)

    for one in build_datasets(source):
        said = json.loads(as_json(one, source, at=trial.now, system="ntrust 1.0"))

        assert set(said) >= MUST
        assert set(said) <= MUST | MAY
        assert said["datasetJSONVersion"].startswith("1.1")
        assert said["records"] == len(said["rows"]) == len(one.records)
        for column in said["columns"]:
            assert COLUMN_MUST <= set(column) <= COLUMN_MUST | COLUMN_MAY
            assert column["dataType"] in TYPES
        for row in said["rows"]:
            assert len(row) == len(said["columns"])
            for value, column in zip(row, said["columns"], strict=True):
                kind = int if column["dataType"] == "integer" else str
                assert value is None or type(value) is kind, (one.name, column["name"], value)


def take(trial: Conduct, user: Any, address: str = "export_datasets", *about: int) -> Any:
    client = Client()
    client.force_login(user)
    return client.post(reverse(f"safety:{address}", args=[trial.study.key, *about]))


def test_zip_has_every_form_and_its_taking_is_an_event(trial: Conduct) -> None:
    answer = take(trial, trial.manager)

    assert (answer.status_code, answer["Content-Type"]) == (200, "application/zip")
    with zipfile.ZipFile(io.BytesIO(answer.content)) as book:
        made = json.loads(book.read("manifest.json"))
        assert set(book.namelist()) == set(made["files"]) | {"manifest.json"}
        sheets = openpyxl.load_workbook(io.BytesIO(book.read("datasets.xlsx"))).sheetnames
        assert tuple(sheets) == NAMES
        lines = book.read("csv/XO.csv").decode().splitlines()
    assert len(lines) - 1 == made["datasets"]["XO"] == Outcome.objects.count()
    event = trial.study.events.latest("id")
    assert event.kind == "DATASETS_EXPORTED"
    assert event.data["content_hash"] == made["content_hash"]
    assert event.data["revision"] == made["revision"]


def test_cut_has_its_own_and_only_some_take_them(trial: Conduct) -> None:
    cut = lock_cut(
        trial.study, purpose="interim", by=trial.manager, password=PASSWORD, now=trial.tick()
    )

    assert take(trial, trial.monitor, "export_cut_datasets", cut.number).status_code == 200
    assert trial.study.events.latest("id").data["cut"] == cut.number
    assert take(trial, trial.monitor, "export_cut_datasets", 99).status_code == 404
    count = trial.study.events.count()
    for crew in trial.crews:
        assert take(trial, crew.investigator).status_code == 403
        assert take(trial, crew.pharmacist).status_code == 403
    assert trial.study.events.count() == count


def test_formula_stays_text() -> None:
    one = make_dataset("AE", "Adverse Events", [Variable("AETERM", "Term")], [{"AETERM": "=1+1"}])

    assert as_csv(one) == b"AETERM\n'=1+1\n"


def test_record_has_only_what_its_dataset_has() -> None:
    with pytest.raises(ValueError, match="AE has no variable AEX"):
        make_dataset("AE", "Adverse Events", [Variable("AETERM", "Term")], [{"AEX": "1"}])


def test_short_names_are_short_and_differ() -> None:
    assert short_names(["upcr", "platelets_x", "platelets_y", "24h_protein"]) == {
        "upcr": "UPCR",
        "platelets_x": "PLATELET",
        "platelets_y": "PLATELE2",
        "24h_protein": "X24HPROT",
    }
