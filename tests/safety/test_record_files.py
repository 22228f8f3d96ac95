"""Lists as files: read back with exact values, and only one's own site's people in them."""

from __future__ import annotations

import hashlib
import re
from datetime import UTC, datetime
from typing import Any

import pytest
from django.urls import reverse

from cohorts.actions import note_deviation
from cohorts.models import Participant
from ntrust import clock
from ntrust.actions import create_study
from ntrust.change import study_change
from ntrust.models import Event
from ntrust.states import Role
from safety.exports import safe_text
from safety.management.conduct import Conduct, enlist
from safety.queries.records import AT_SITES, RECORD_LISTS
from safety.templatetags.record_files import PAGES
from tests.everybody import everybody
from tests.factories import (
    DISEASE,
    PASSWORD,
    client_of,
    make_trial,
    open_level,
    run_cohort,
    shared_trial,
)
from tests.safety.listed import BY_NAME, address, body_of, read_csv, read_xlsx, status_of

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 11, 23, 12, 30, 15, tzinfo=UTC)
EVIL = "=HYPERLINK(\"http://x\"), +1, 'quoted'\nsecond line"


def build() -> Conduct:
    """One with a DLT and one without at site 1, one in treatment at site 2; a deviation names the
    one of site 1 at site 2."""
    trial = open_level(make_trial(sites=2))
    first, _ = run_cohort(trial, 1, "TN")
    trial.seat(1, disease=DISEASE, crew=1)
    with study_change(trial.study, by=trial.manager, reason="by hand", now=trial.tick()) as change:
        other = Participant.objects.get(site=trial.crews[1].site)
        note_deviation(change, first, kind="VISIT_MISSED", sentence=EVIL)
        note_deviation(change, other, kind="VISIT_MISSED", sentence=f"Taken for {first}.")
    return trial


_built, trial = shared_trial(build)


@pytest.fixture(autouse=True)
def _stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock, "now", lambda: NOW)


def house(trial: Conduct, name: str, form: str = "csv") -> str:
    return f"/studies/{trial.study.key}/export/{name}/{form}/"


def moment(at: datetime | None) -> str:
    return at.astimezone(UTC).isoformat(timespec="seconds") if at else ""


def test_csv_has_what_it_is_headings_and_every_value(trial: Conduct) -> None:
    client = client_of(trial.manager)

    said, headings, *rows = read_csv(
        client, address("participants", "export", "csv") + "?site__code=S1&o=1"
    )

    people = Participant.objects.filter(site=trial.crews[0].site).order_by("screening_number")
    assert said == [
        "# Participants",
        f"study: {trial.study.key}",
        "as of: 2026-11-23T12:30:15+00:00",
        "filter: site__code = S1, o = 1",
        f"exported by: {trial.manager}",
    ]
    assert headings == [column.heading for column in BY_NAME["participants"].columns]
    assert rows == [
        [
            one.screening_number,
            one.subject_number,
            "S1",
            DISEASE,
            {"FOLLOW_UP": "In follow-up", "TREATED": "Treated"}[one.state],
            "DL1",
            one.outcome.get_letter_display()[:1].upper() + one.outcome.get_letter_display()[1:],
            moment(one.outcome.first_infused_at),
            moment(one.outcome.window_closes_at),
            "A",
            moment(one.consented_at),
            trial.study.key,
        ]
        for one in people
    ]
    assert len(rows) == 2


def test_xlsx_has_the_same_with_types(trial: Conduct) -> None:
    client = client_of(trial.manager)

    answer: Any = client.post(address("adverse-events", "export", "xlsx"))
    body_of(answer)
    said, headings, row = read_xlsx(client, address("adverse-events", "export", "xlsx"))

    event = Participant.objects.get(adverse_events__isnull=False).adverse_events.get()
    value = dict(zip(headings, row, strict=True))
    name = f"adverse-events-{trial.study.key}-20261123-1230.xlsx"
    assert answer["Content-Disposition"] == f'attachment; filename="{name}"'
    assert said[:4] == [
        "# Adverse events",
        f"study: {trial.study.key}",
        "as of: 2026-11-23T12:30:15+00:00",
        "filter: none",
    ]
    assert value["Grade"] == 4
    assert value["Term"] == "Cytokine release"
    assert value["Began"] == event.onset_at.replace(tzinfo=None, microsecond=0)
    assert value["Participant"] == str(event.participant)
    assert value["Ended"] is None


def test_formulas_stay_text(trial: Conduct) -> None:
    client = client_of(trial.manager)
    where = address("deviations", "export", "csv") + "?kind=VISIT_MISSED&site__code=S1"

    _, headings, row = read_csv(client, where)
    _, _, cells = read_xlsx(client, where.replace("/csv/", "/xlsx/"))

    assert row[headings.index("What")] == f"'{EVIL}"
    assert cells[headings.index("What")] == EVIL
    raw = body_of(client.post(where.replace("/csv/", "/xlsx/")))
    assert b"<f>" not in raw


@pytest.mark.parametrize(
    ("cell", "said"),
    [
        ("=1+1", "'=1+1"),
        ("  @SUM(A1)", "'  @SUM(A1)"),
        ("\tx", "'\tx"),
        ("+49", "'+49"),
        (-5, "-5"),
        (None, ""),
        (True, "yes"),
        ("P-001", "P-001"),
        (NOW, "2026-11-23T12:30:15+00:00"),
        (NOW.date(), "2026-11-23"),
    ],
)
def test_cell_is_said_plainly(cell: Any, said: str) -> None:
    assert safe_text(cell) == said


def test_all_rows_of_the_filter_are_in_the_file(
    trial: Conduct, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(BY_NAME["events"], "list_per_page", 1)
    client = client_of(trial.manager)

    everything = read_csv(client, address("events", "export", "csv"))
    rows = read_csv(client, address("events", "export", "csv") + "?kind=DECISION_SIGNED&p=2")

    assert len(everything) - 2 == trial.study.events.exclude(kind="LIST_EXPORTED").count()
    assert len(rows) - 2 == trial.study.events.filter(kind="DECISION_SIGNED").count() > 0


@pytest.mark.parametrize("form", ["pdf", "json", "csvx"])
def test_other_forms_are_not_there(trial: Conduct, form: str) -> None:
    client = client_of(trial.manager)

    assert client.post(address("events", "export", form)).status_code == 404
    assert client.post(house(trial, "events", form)).status_code == 404
    assert client.post(house(trial, "nonsense")).status_code == 404
    assert client.get(house(trial, "events")).status_code == 405
    assert client.get(address("events", "export", "csv")).status_code == 405


def test_everybody_takes_away_what_they_may(trial: Conduct) -> None:
    central = {"manager", "monitor", "auditor"}
    for person, user in everybody(trial).items():
        client = client_of(user)
        for name, roles in RECORD_LISTS.items():
            may = {"manager", "monitor", "auditor"} & central
            may |= {"data monitor"} if Role.DATA_MONITOR in roles else set()
            crew = {str(role).lower() for role in AT_SITES.get(name, ())}
            is_outside = person in ("committee", "superuser", "stranger", "revoked")
            is_open = person in may or person.removesuffix(" elsewhere") in crew
            expected = 404 if is_outside else 200 if is_open else 403
            assert status_of(client, house(trial, name)) == expected, (person, name)


@pytest.mark.parametrize("name", AT_SITES)
@pytest.mark.parametrize("form", ["csv", "xlsx"])
def test_people_of_a_site_take_their_own_rows_away(trial: Conduct, name: str, form: str) -> None:
    read = read_csv if form == "csv" else read_xlsx
    one = BY_NAME[name]
    whole = len(read(client_of(trial.manager), house(trial, name, form))) - 2
    numbers = {
        crew.site.code: {
            number
            for person in Participant.objects.filter(site=crew.site)
            for number in (person.screening_number, person.subject_number)
            if number
        }
        for crew in trial.crews
    }
    got = 0

    for crew, other in zip(trial.crews, reversed(trial.crews), strict=True):
        said, _, *rows = read(client_of(crew.investigator), house(trial, name, form))
        text = str(rows)
        own = one.rows_of([trial.study.pk]).filter(**{one.site.replace(".", "__"): crew.site.pk})
        assert said[3] == f"filter: site = {crew.site.code}"
        assert len(rows) == own.count()
        assert not [number for number in numbers[other.site.code] if f"{number}'" in text]
        assert not [number for number in numbers[other.site.code] if f" {number}." in text]
        got += len(rows)

    assert got == whole


def test_others_numbers_are_covered_in_sentences(trial: Conduct) -> None:
    rows = read_csv(client_of(trial.crews[1].investigator), house(trial, "deviations"))

    assert "Taken for a participant of another site." in [row[0] for row in rows]


def test_role_at_one_site_opens_no_list_at_another(trial: Conduct) -> None:
    """Pharmacist at site 1, investigator at site 2: reports of site 2 alone."""
    common: dict[str, Any] = {"study": trial.study, "password": PASSWORD, "now": trial.now}
    user = enlist("both", role=Role.PHARMACIST, site=trial.crews[0].site, **common)
    enlist("both", role=Role.INVESTIGATOR, site=trial.crews[1].site, **common)
    client = client_of(user)

    said, _, *rows = read_csv(client, house(trial, "dlt-reports"))

    assert (said[3], rows) == ("filter: site = S2", [])
    assert len(read_csv(client, house(trial, "participants"))) - 2 == 3


FILTERED = {
    "participants": [{"site": "S2"}, {"site": "S1", "stage": "treated"}, {"disease": "nobody's"}],
    "adverse-events": [{"grade": "4"}, {"grade": "1"}, {"site": "S2", "serious": "serious"}],
    "deviations": [{"site": "S1", "kind": "VISIT_MISSED"}, {"state": "CLOSED"}],
    "queries": [{"state": "overdue"}],
}


@pytest.mark.parametrize("name", FILTERED)
def test_file_of_a_filtered_page_holds_what_the_page_shows(trial: Conduct, name: str) -> None:
    page = reverse_page(next(one for one, of in PAGES.items() if of == name), trial)
    for user in (trial.manager, trial.crews[0].investigator):
        client = client_of(user)
        for asked in FILTERED[name]:
            shown: Any = client.get(page, asked)
            listed = shown.context.get("log") or shown.context.get("list")
            count = len(listed.rows if listed else shown.context["rows"])
            where = re.findall(r'formaction="([^"]+/csv/[^"]*)"', shown.content.decode())[0]

            said, _, *rows = read_csv(client, where.replace("&amp;", "&"))

            own = {} if user == trial.manager else {"site": "S1"}
            expected = {f"{key} = {value}" for key, value in {**own, **asked}.items()}
            assert set(said[3].removeprefix("filter: ").split(", ")) == expected
            assert len(rows) == count, (user, asked)
            assert ", as shown," in shown.content.decode()


def test_file_goes_by_no_filter_that_the_page_ignores(trial: Conduct) -> None:
    where = house(trial, "participants") + "?stage=nonsense&state=SCREENING&q=P-001"

    said, _, *rows = read_csv(client_of(trial.manager), where)

    assert said[3] == "filter: none"
    assert len(rows) == Participant.objects.filter(study=trial.study).count() == 3


def test_export_is_an_event_with_who_what_and_how_many(trial: Conduct) -> None:
    client = client_of(trial.crews[0].investigator)

    answer: Any = client.post(house(trial, "participants") + "?stage=treated")
    raw = body_of(answer)

    event = Event.objects.latest("id")
    assert (event.kind, event.by, event.study) == (
        "LIST_EXPORTED",
        trial.crews[0].investigator,
        trial.study,
    )
    assert event.sentence == (
        "2 rows of “Participants” exported as CSV; filter: site = S1, stage = treated."
    )
    assert event.data == {
        "list": "participants",
        "form": "csv",
        "filter": {"site": "S1", "stage": "treated"},
        "rows": 2,
        "sha256": hashlib.sha256(raw).hexdigest(),
        "username": trial.crews[0].investigator.username,
    }


def test_record_list_of_two_studies_is_an_event_of_each(trial: Conduct) -> None:
    other = create_study("other", title="Other", protocol_number="O-1", now=trial.now)
    common: dict[str, Any] = {"password": PASSWORD, "now": trial.now}
    user = enlist("two", study=trial.study, role=Role.AUDITOR, **common)
    enlist("two", study=other, role=Role.AUDITOR, **common)
    before = Event.objects.count()

    rows = read_csv(client_of(user), address("participants", "export", "csv"))

    assert {(one.study.key, one.data["rows"]) for one in Event.objects.order_by("id")[before:]} == {
        ("other", 0),
        (trial.study.key, len(rows) - 2),
    }


def test_file_is_not_sent_when_it_cannot_be_written_down(
    trial: Conduct, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise RuntimeError

    monkeypatch.setattr("safety.exports.record_list_export", fail)
    client = client_of(trial.manager)

    with pytest.raises(RuntimeError):
        client.post(house(trial, "participants"))


@pytest.mark.parametrize("page", PAGES)
def test_page_of_the_study_offers_its_files(trial: Conduct, page: str) -> None:
    name = PAGES[page]

    for user in (trial.manager, trial.crews[0].investigator, trial.crews[0].pharmacist):
        client = client_of(user)
        answer = client.get(reverse_page(page, trial))
        if answer.status_code != 200:
            continue
        is_open = status_of(client, house(trial, name)) == 200
        text = answer.content.decode()
        assert (f'formaction="{house(trial, name)}"' in text) is is_open, user
        assert (f'formaction="{house(trial, name, "xlsx")}"' in text) is is_open, user
        whole = BY_NAME[name].address_of(trial.study.key)
        assert (f'href="{whole}"' in text) is (user == trial.manager), user
        if user == trial.manager:
            assert client.get(whole).status_code == 200


def reverse_page(page: str, trial: Conduct) -> str:
    return reverse(page, args=[trial.study.key])
