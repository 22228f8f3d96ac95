"""The one log of protocol deviations: entered, classified, closed, taken up again, and read."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from cohorts.actions import (
    classify_deviation,
    close_deviation,
    note_deviation,
    reopen_deviation,
    report_deviation,
)
from cohorts.models import Deviation, Participant
from cohorts.queries import find_deviation, read_deviations, read_participant_deviations, viewer_of
from ntrust import clock
from ntrust.change import study_change
from ntrust.models import Event, Study, User
from safety.management.conduct import Conduct
from tests.factories import DISEASE, cast, client_of, fingerprint, make_trial, refused, shared_trial

pytestmark = pytest.mark.django_db


def two_sites() -> Conduct:
    trial = make_trial(sites=2)
    trial.screen(disease=DISEASE, crew=0)
    trial.screen(disease=DISEASE, crew=1)
    return trial


_built, trial = shared_trial(two_sites)


@pytest.fixture(autouse=True)
def _now(trial: Conduct, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock, "now", lambda: trial.now)


def person(number: str = "S-001") -> Participant:
    return Participant.objects.get(screening_number=number)


def note(trial: Conduct, *, crew: int = 0, **different: Any) -> Deviation:
    facts: dict[str, Any] = {
        "kind": "VISIT",
        "sentence": "visit 2 was a day late",
        "occurred_at": trial.now,
        "by": trial.crews[crew].investigator,
        "now": trial.now,
        **different,
    }
    return report_deviation(trial.crews[crew].site, **facts)


def classify(trial: Conduct, deviation: Deviation, **different: Any) -> Deviation:
    facts: dict[str, Any] = {"severity": "IMPORTANT", "comment": "bears on safety", **different}
    return classify_deviation(deviation, by=trial.monitor, now=trial.tick(), **facts)


def close(trial: Conduct, deviation: Deviation) -> Deviation:
    return close_deviation(
        deviation, action_taken="staff retrained", by=trial.manager, now=trial.tick()
    )


def test_reported_deviation_is_open_and_says_who(trial: Conduct) -> None:
    deviation = note(trial, participant=person())

    assert (deviation.state, deviation.severity) == ("OPEN", "")
    assert (deviation.participant, deviation.site) == (person(), trial.crews[0].site)
    assert deviation.noted_by == trial.crews[0].investigator
    event = Event.objects.latest("id")
    assert (event.kind, event.subject) == ("DEVIATION_NOTED", "P-001")
    assert event.sentence == "P-001: protocol deviation: visit 2 was a day late"
    assert event.data["detail"] == "visit 2 was a day late"


def test_site_deviation_has_no_participant(trial: Conduct) -> None:
    deviation = note(trial, kind="PRIVACY")

    assert deviation.participant is None
    assert Event.objects.latest("id").sentence == (
        "site S1: protocol deviation: visit 2 was a day late"
    )


@pytest.mark.parametrize(
    ("code", "different"),
    [
        ("unknown_kind", {"kind": "INFUSION_OUTSIDE_WINDOW"}),
        ("unknown_kind", {"kind": ""}),
        ("reason_needed", {"sentence": " \n"}),
        ("future_date", {"occurred_at": timedelta(seconds=1)}),
    ],
)
def test_report_is_refused(trial: Conduct, code: str, different: dict[str, Any]) -> None:
    if "occurred_at" in different:
        different = {"occurred_at": trial.now + different["occurred_at"]}

    with refused(code):
        note(trial, **different)


def test_participant_of_another_site_is_refused(trial: Conduct) -> None:
    with refused("other_site"):
        note(trial, participant=person("S-002"))


def test_second_submit_is_refused(trial: Conduct) -> None:
    note(trial)

    with refused("already_noted"):
        note(trial)
    with refused("already_noted"):
        note(trial, sentence=" visit 2 was a day late ")
    assert note(trial, participant=person()).pk


def test_from_open_to_closed_and_back(trial: Conduct) -> None:
    deviation = classify(trial, note(trial))
    assert (deviation.state, deviation.severity) == ("CLASSIFIED", "IMPORTANT")
    assert (deviation.classified_by, deviation.classified_at) == (trial.monitor, trial.now)

    deviation = close(trial, deviation)
    assert (deviation.state, deviation.action_taken) == ("CLOSED", "staff retrained")
    assert (deviation.closed_by, deviation.closed_at) == (trial.manager, trial.now)

    deviation = reopen_deviation(
        deviation, reason="happened again", by=trial.manager, now=trial.tick()
    )
    assert (deviation.state, deviation.closed_at, deviation.closed_by) == (
        "CLASSIFIED",
        None,
        None,
    )
    assert deviation.action_taken == "staff retrained"
    assert close(trial, deviation).state == "CLOSED"


def test_classification_is_corrected_with_a_comment(trial: Conduct) -> None:
    deviation = classify(trial, note(trial))

    deviation = classify(trial, deviation, severity="MINOR", comment="one day only")

    assert (deviation.severity, deviation.comment) == ("MINOR", "one day only")
    kept = deviation.row_history
    assert [row.severity for row in kept.order_by("pgh_id")] == ["", "IMPORTANT", "MINOR"]


def test_words_are_needed(trial: Conduct) -> None:
    deviation = note(trial)

    with refused("unknown_severity"):
        classify(trial, deviation, severity="HUGE")
    with refused("reason_needed"):
        classify(trial, deviation, comment=" ")
    deviation = classify(trial, deviation)
    with refused("reason_needed"):
        close_deviation(deviation, action_taken="", by=trial.manager, now=trial.tick())
    close(trial, deviation)
    with refused("reason_needed"):
        reopen_deviation(deviation, reason=" ", by=trial.manager, now=trial.tick())


def test_steps_out_of_order_are_refused(trial: Conduct) -> None:
    deviation = note(trial)

    with refused("illegal_move"):
        close(trial, deviation)
    with refused("illegal_move"):
        reopen_deviation(deviation, reason="why", by=trial.manager, now=trial.tick())
    classify(trial, deviation)
    with refused("illegal_move"):
        reopen_deviation(deviation, reason="why", by=trial.manager, now=trial.tick())
    close(trial, deviation)
    with refused("illegal_move"):
        close(trial, deviation)
    with refused("illegal_move"):
        classify(trial, deviation)


def log_of(user: User, **filters: str) -> Any:
    viewer = viewer_of(user, "trial")
    assert viewer is not None
    return read_deviations(viewer, filters)


def fill(trial: Conduct) -> list[Deviation]:
    """One of each site, and one that a rule noted."""
    mine = note(trial, participant=person())
    theirs = close(trial, classify(trial, note(trial, crew=1, kind="CONSENT")))
    with study_change(trial.study, by=trial.manager, reason="by hand", now=trial.tick()) as change:
        ruled = note_deviation(
            change, person(), kind="INFUSION_OUTSIDE_WINDOW", sentence="two days late"
        )
    return [mine, theirs, ruled]


def test_log_filters_and_counts(trial: Conduct) -> None:
    mine, theirs, ruled = fill(trial)
    log = log_of(trial.manager)

    assert [row.number for row in log.rows] == [ruled.pk, theirs.pk, mine.pk]
    assert {name: [(c.label, c.count) for c in log.choices[name]] for name in log.choices} == {
        "state": [("open", 2), ("classified", 0), ("closed", 1)],
        "kind": [("consent", 1), ("infusion outside window", 1), ("visit or procedure", 1)],
        "site": [("S1", 2), ("S2", 1)],
        "severity": [("minor", 0), ("important", 1), ("not classified", 2)],
    }
    wanted = {"state": "CLOSED", "kind": "CONSENT", "site": "S2", "severity": "IMPORTANT"}
    for name, value in wanted.items():
        assert [row.number for row in log_of(trial.manager, **{name: value}).rows] == [theirs.pk]
    assert [row.number for row in log_of(trial.manager, severity="NONE").rows] == [
        ruled.pk,
        mine.pk,
    ]
    assert log_of(trial.manager, state="CLOSED", site="S1").rows == ()


def test_site_reads_its_own_only(trial: Conduct) -> None:
    mine, theirs, ruled = fill(trial)
    investigator = trial.crews[0].investigator
    viewer = viewer_of(investigator, "trial")
    assert viewer is not None

    log = log_of(investigator)

    assert [row.number for row in log.rows] == [ruled.pk, mine.pk]
    assert log.total == 2
    assert [choice.value for choice in log.choices["site"]] == ["S1"]
    assert (log.can_classify, log.can_report) == (False, True)
    assert find_deviation(viewer, mine.pk) == mine
    assert find_deviation(viewer, theirs.pk) is None
    assert read_participant_deviations(person("S-002"), viewer=viewer, now=trial.now).rows == ()


@pytest.mark.parametrize("many", [1, 3])
def test_log_costs_one_statement(trial: Conduct, many: int) -> None:
    for number in range(many):
        note(trial, participant=person(), sentence=f"visit {number}")
    viewer = viewer_of(trial.manager, "trial")
    assert viewer is not None

    with CaptureQueriesContext(connection) as queries:
        log = read_deviations(viewer, {})
        panel = read_participant_deviations(person(), viewer=viewer, now=trial.now)

    assert (len(log.rows), len(panel.rows)) == (many, many)
    assert len(queries) == 3


@pytest.mark.parametrize(
    ("who", "status"),
    [
        ("manager", 200),
        ("monitor", 200),
        ("investigator", 200),
        ("pharmacist elsewhere", 200),
        ("auditor", 200),
        ("committee", 404),
        ("superuser", 404),
        ("stranger", 404),
        ("revoked", 404),
    ],
)
def test_log_page_is_for_its_readers(trial: Conduct, who: str, status: int) -> None:
    fill(trial)

    answer = client_of(cast(trial)[who]).get(reverse("cohorts:deviations", args=["trial"]))

    assert answer.status_code == status
    text = answer.content.decode()
    assert ("visit 2 was a day late" in text) == (status == 200)
    assert ("P-001" in text) == (status == 200 and who != "pharmacist elsewhere")


@pytest.mark.parametrize(
    ("who", "status"),
    [
        ("manager", 200),
        ("monitor", 200),
        ("investigator", 403),
        ("auditor", 403),
        ("investigator elsewhere", 404),
        ("committee", 403),
        ("stranger", 404),
    ],
)
def test_classifying_is_for_signers(trial: Conduct, who: str, status: int) -> None:
    deviation = note(trial)
    client = client_of(cast(trial)[who])
    address = reverse("cohorts:classify_deviation", args=["trial", deviation.pk])
    before = fingerprint()

    assert client.get(address).status_code == status
    posted = client.post(address, {"revision": 999, "severity": "MINOR", "comment": "one day"})

    assert posted.status_code == (302 if status == 200 else status)
    assert (fingerprint() == before) == (status != 200)


def post(client: Client, name: str, *args: Any, **data: Any) -> Any:
    data.setdefault("revision", Study.objects.get(key="trial").revision)
    return client.post(reverse(f"cohorts:{name}", args=["trial", *args]), data)


def test_life_of_a_deviation_over_http(trial: Conduct) -> None:
    site, central = client_of(trial.crews[0].investigator), client_of(trial.manager)
    when = trial.now.strftime("%Y-%m-%dT%H:%M")
    data = {"kind": "VISIT", "occurred_at": when, "sentence": "visit 2 was missed"}

    assert post(site, "report_deviation", "S-001", **data).status_code == 302
    assert post(site, "report_site_deviation", site="S1", **data).status_code == 302
    assert post(site, "report_site_deviation", site="S2", **data).status_code == 422
    number = Deviation.objects.get(participant=person()).pk
    early = post(central, "close_deviation", number, action_taken="done")
    assert early.status_code == 409
    assert "illegal_move" in early.content.decode()
    classified = post(central, "classify_deviation", number, severity="MINOR", comment="one")
    assert classified.status_code == 302
    assert post(central, "close_deviation", number, action_taken="retrained").status_code == 302
    assert post(central, "reopen_deviation", number, reason="again").status_code == 302

    assert Deviation.objects.get(pk=number).state == "CLASSIFIED"
    page = site.get(reverse("safety:participant", args=["trial", "S-001"])).content.decode()
    assert "Protocol deviations: 1" in page
    assert "visit 2 was missed" in page
    assert "Note a deviation" in page


def test_stale_page_is_refused(trial: Conduct) -> None:
    deviation = note(trial, participant=person())
    seen = Study.objects.get(key="trial").revision
    classify(trial, deviation)
    before = fingerprint()

    answer = post(
        client_of(trial.manager),
        "classify_deviation",
        deviation.pk,
        revision=seen,
        severity="MINOR",
        comment="one day",
    )

    assert answer.status_code == 409
    assert "stale_page" in answer.content.decode()
    assert fingerprint() == before
