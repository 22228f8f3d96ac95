"""Pages of measurements and medication: who gets them, what they show, what they refuse."""

from __future__ import annotations

import re
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from cohorts.queries import Viewer, viewer_of
from dosing.actions import Prescription, Reading, record_measurement, record_medication
from dosing.charts import draw_trend
from dosing.models import Measurement, Medication
from dosing.queries import (
    find_measurement,
    find_medication,
    read_medications,
    read_participant_trends,
    read_study_trend,
)
from ntrust import clock
from ntrust.models import Study, User
from safety.management.conduct import Conduct
from tests.dosing.measured import person, treated
from tests.factories import cast, client_of, fingerprint, shared_trial

pytestmark = pytest.mark.django_db


def measured() -> Conduct:
    """Two values of the first participant, one of the other site's."""
    trial = treated()
    for number, crew, days, value in (("1", 0, 7, "3.1"), ("1", 0, 0, "0.1"), ("2", 1, 0, "7.7")):
        record_measurement(
            person(f"S-00{number}"),
            measurement="upcr",
            reading=Reading(
                Decimal(value), "g/g", measured_on=trial.now.date() - timedelta(days=days)
            ),
            by=trial.crews[crew].investigator,
            now=trial.tick(),
        )
    return trial


_built, trial = shared_trial(measured)


@pytest.fixture(autouse=True)
def _now(trial: Conduct, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock, "now", lambda: trial.now)


def viewer(user: User) -> Viewer:
    found = viewer_of(user, "trial")
    assert found is not None
    return found


def post(client: Client, page: str, /, *args: Any, **data: Any) -> Any:
    data.setdefault("revision", Study.objects.get(key="trial").revision)
    return client.post(reverse(f"dosing:{page}", args=["trial", *args]), data)


def enter_medicine(trial: Conduct, name: str = "Rituximab", number: str = "S-001") -> Medication:
    return record_medication(
        person(number),
        prescription=Prescription(
            name, route="ORAL", indication="pain", started_on=trial.now.date()
        ),
        by=trial.investigator_of(person(number)),
        now=trial.tick(),
    )


def test_participant_trend_counts_days_from_infusion_1(trial: Conduct) -> None:
    (trend,) = read_participant_trends(person(), viewer=viewer(trial.crews[0].investigator))

    assert (trend.key, trend.name, trend.unit) == ("upcr", "UPCR", "g/g")
    assert trend.reference == "0.2 g/g or less"
    assert [(p.day, p.shown, p.against_reference, p.level) for p in trend.points] == [
        (-2, "3.10 g/g", "high", "DL1"),
        (5, "0.10 g/g", "in range", "DL1"),
    ]
    assert [point.can_correct for point in trend.points] == [True, True]


def test_trend_by_level_has_own_site_only_for_a_site(trial: Conduct) -> None:
    choices, everybody = read_study_trend(viewer(trial.manager), "upcr")
    _, own = read_study_trend(viewer(trial.crews[1].investigator), "upcr")
    assert everybody is not None
    assert own is not None

    assert [one.key for one in choices] == ["upcr", "c3", "copies"]
    assert sorted({point.series for point in everybody.points}) == ["P-001", "P-002"]
    assert {point.series for point in own.points} == {"P-002"}
    assert "P-001" not in draw_trend(own, by_level=True).svg


def test_unknown_measurement_shows_the_first(trial: Conduct) -> None:
    _, trend = read_study_trend(viewer(trial.manager), "nothing")

    assert trend is not None
    assert trend.key == "upcr"


def test_chart_is_an_svg_with_its_words(trial: Conduct) -> None:
    _, trend = read_study_trend(viewer(trial.manager), "upcr")
    assert trend is not None

    drawn = draw_trend(trend, by_level=True).svg

    said = (
        "UPCR by days since infusion 1. P-001: 3.10 g/g on day -2, 0.10 g/g on day 5. "
        "P-002: 7.70 g/g on day 0. Reference range: 0.2 g/g or less."
    )
    assert draw_trend(trend, by_level=True).description == said
    assert f"<desc>{said}</desc>" in drawn
    assert drawn.startswith("<svg ")
    assert 'role="img"' in drawn
    assert "<style" not in drawn
    assert " style=" not in drawn
    assert ">P-001<" in drawn
    assert ">DL1<" in drawn
    assert draw_trend(trend).svg.count("<svg ") == 1


def test_nothing_to_draw_is_no_chart(trial: Conduct) -> None:
    _, trend = read_study_trend(viewer(trial.manager), "c3")

    assert trend is not None
    assert (trend.points, draw_trend(trend, by_level=True).svg) == ((), "")


@pytest.mark.parametrize("many", [1, 3])
def test_reads_cost_the_same_however_many(trial: Conduct, many: int) -> None:
    for number in range(many):
        enter_medicine(trial, f"Medicine {number}")
        record_measurement(
            person(),
            measurement="c3",
            reading=Reading(
                Decimal(100), "mg/dL", measured_on=trial.now.date() - timedelta(days=number)
            ),
            by=trial.crews[0].investigator,
            now=trial.tick(),
        )
    looks = viewer(trial.crews[0].investigator)
    one = person()
    assert one.protocol_version.version == "B"

    costs = []
    for read in (
        lambda: read_participant_trends(one, viewer=looks),
        lambda: read_study_trend(looks, "c3"),
        lambda: read_medications(one, viewer=looks, now=trial.now),
    ):
        with CaptureQueriesContext(connection) as queries:
            read()
        costs.append(len(queries))

    assert costs == [1, 2, 1]


@pytest.mark.parametrize(
    ("who", "status", "sees"),
    [
        ("manager", 200, "P-001 P-002"),
        ("monitor", 200, "P-001 P-002"),
        ("auditor", 200, "P-001 P-002"),
        ("investigator", 200, "P-001"),
        ("pharmacist", 200, "P-001"),
        ("investigator elsewhere", 200, "P-002"),
        ("committee", 404, ""),
        ("superuser", 404, ""),
        ("stranger", 404, ""),
        ("revoked", 404, ""),
    ],
)
def test_trends_page_is_for_its_readers(trial: Conduct, who: str, status: int, sees: str) -> None:
    answer = client_of(cast(trial)[who]).get(reverse("dosing:trends", args=["trial"]))

    assert answer.status_code == status
    found = set(re.findall(r"P-00\d", answer.content.decode()))
    assert found == set(sees.split())


@pytest.mark.parametrize(
    ("who", "page", "form"),
    [
        ("investigator", 200, 200),
        ("pharmacist", 200, 403),
        ("manager", 200, 403),
        ("monitor", 200, 403),
        ("auditor", 200, 403),
        ("investigator elsewhere", 404, 404),
        ("committee", 404, 403),
        ("stranger", 404, 404),
    ],
)
def test_pages_of_one_participant(trial: Conduct, who: str, page: int, form: int) -> None:
    medicine = enter_medicine(trial, "Ibuprofen")
    value = Measurement.objects.filter(participant=person()).earliest("id")
    client = client_of(cast(trial)[who])
    before = fingerprint()

    def status(name: str, *args: Any) -> int:
        return client.get(reverse(f"dosing:{name}", args=["trial", *args])).status_code

    assert status("measurements", "S-001") == page
    assert {
        status("record_measurements", "S-001"),
        status("record_medication", "S-001"),
        status("correct_measurement", value.pk),
        status("correct_medication", medicine.pk),
    } == {form}
    assert fingerprint() == before


def test_rows_of_another_site_are_not_there(trial: Conduct) -> None:
    value = Measurement.objects.get(participant=person("S-002"))
    medicine = enter_medicine(trial, "Ibuprofen", "S-002")
    own, theirs = (viewer(crew.investigator) for crew in trial.crews)

    assert find_measurement(own, value.pk) is None
    assert find_medication(own, medicine.pk) is None
    assert find_measurement(theirs, value.pk) == value
    assert find_medication(theirs, medicine.pk) == medicine


def visit_data(trial: Conduct, **different: str) -> dict[str, str]:
    return {
        "visit": "day_7",
        "measured_on": trial.now.date().isoformat(),
        "time": "",
        "value_upcr": "150",
        "unit_upcr": "mg/g",
        "value_c3": "88",
        "comment": "fasting",
        **different,
    }


def test_values_of_a_visit_over_http(trial: Conduct) -> None:
    client = client_of(trial.crews[0].investigator)

    answer = post(client, "record_measurements", "S-001", **visit_data(trial, time="08:15"))

    assert answer.status_code == 302
    rows = Measurement.objects.filter(visit="day_7").order_by("measurement")
    assert [(row.measurement, row.value, row.entered_unit) for row in rows] == [
        ("c3", Decimal(88), "mg/dL"),
        ("upcr", Decimal("0.15"), "mg/g"),
    ]
    assert f"{rows[0].measured_at:%H:%M}" == "08:15"
    page = client.get(answer.url).content.decode()
    assert "88 mg/dL" in page
    assert "entered as 150 mg/g" in page
    assert page.count('class="chart" role="img"') == 2
    panel = client.get(reverse("safety:participant", args=["trial", "S-001"])).content.decode()
    assert "Measurements: 4" in panel
    assert "88 mg/dL" in panel


@pytest.mark.parametrize(
    ("status", "says", "different"),
    [
        (409, "implausible", {"value_upcr": "99", "unit_upcr": "g/g"}),
        (409, "future_date", {"measured_on": "2031-01-01"}),
        (409, "nothing_entered", {"value_upcr": "", "value_c3": ""}),
        (422, "▲", {"unit_upcr": "mg/mmol"}),
        (422, "▲", {"visit": "day_8"}),
        (422, "▲", {"measured_on": ""}),
        (422, "▲", {"value_c3": "NaN"}),
    ],
)
def test_bad_visit_is_refused_and_nothing_entered_is_lost(
    trial: Conduct, status: int, says: str, different: dict[str, str]
) -> None:
    client = client_of(trial.crews[0].investigator)
    before = fingerprint()

    answer = post(client, "record_measurements", "S-001", **visit_data(trial, **different))

    assert answer.status_code == status
    assert says in answer.content.decode()
    assert "fasting" in answer.content.decode()
    assert fingerprint() == before


def test_second_submit_is_refused(trial: Conduct) -> None:
    client = client_of(trial.crews[0].investigator)
    data = {**visit_data(trial), "revision": Study.objects.get(key="trial").revision}

    statuses = [post(client, "record_measurements", "S-001", **data).status_code for _ in range(2)]

    assert statuses == [302, 409]


def test_value_is_corrected_over_http(trial: Conduct) -> None:
    client = client_of(trial.crews[0].investigator)
    row = Measurement.objects.filter(participant=person()).earliest("id")
    form = client.get(reverse("dosing:correct_measurement", args=["trial", row.pk]))
    assert 'value="3.1"' in form.content.decode()

    answer = post(
        client,
        "correct_measurement",
        row.pk,
        visit="",
        measured_on=row.measured_on.isoformat(),
        time="",
        value="310",
        unit="mg/g",
        comment="",
        reason="misread",
    )

    assert answer.status_code == 302
    assert Measurement.objects.get(pk=row.pk).value == Decimal("0.31")


def medicine_data(trial: Conduct, **different: str) -> dict[str, str]:
    return {
        "name": "Rituximab",
        "dose": "",
        "unit": "",
        "route": "INTRAVENOUS",
        "indication": "a flare",
        "started_on": trial.now.date().isoformat(),
        "ended_on": "",
        **different,
    }


def test_life_of_a_medication_over_http(trial: Conduct) -> None:
    site, monitor = client_of(trial.crews[0].investigator), client_of(trial.monitor)
    form = site.get(reverse("dosing:record_medication", args=["trial", "S-001"]))
    assert "CD20; Vaccines" in form.content.decode()

    entered = post(site, "record_medication", "S-001", **medicine_data(trial))
    assert entered.status_code == 302
    page = site.get(entered.url).content.decode()
    assert "Recognised as: prohibited. It was given in the DLT window" in page
    assert "proposed as not evaluable" in page
    assert "Protocol deviations: 1" in page
    number = Medication.objects.get().pk

    data = medicine_data(trial, ended_on=trial.now.date().isoformat())
    assert post(site, "correct_medication", number, reason="ended", **data).status_code == 302
    assert post(site, "accept_medication", number, reason="no").status_code == 403
    assert post(monitor, "accept_medication", number, reason="one dose").status_code == 302
    assert Medication.objects.get().accepted_because == "one dose"
    page = monitor.get(entered.url).content.decode()
    assert "accepted, one dose" in page


@pytest.mark.parametrize(
    ("status", "different"),
    [
        (422, {"name": ""}),
        (422, {"route": "POST"}),
        (422, {"started_on": "yesterday"}),
        (409, {"dose": "5"}),
        (409, {"started_on": "2031-01-01"}),
    ],
)
def test_bad_medication_is_refused(trial: Conduct, status: int, different: dict[str, str]) -> None:
    client = client_of(trial.crews[0].investigator)
    before = fingerprint()

    answer = post(client, "record_medication", "S-001", **medicine_data(trial, **different))

    assert answer.status_code == status
    assert "a flare" in answer.content.decode()
    assert fingerprint() == before
