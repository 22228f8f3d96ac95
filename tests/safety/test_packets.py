"""What a packet says, in which order, and what it never says."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest

from cohorts.actions import place_hold
from cohorts.engine.design import Verdict
from cohorts.models import Participant
from cohorts.queries.covers import cover_for_packets
from cohorts.states import HoldScope
from ntrust.signing import canonical, content_hash
from safety.actions import convene_review, raise_query, report_event, verify_rows
from safety.management.conduct import Conduct
from safety.models import Packet
from safety.policies import source_rows
from safety.states import Causality
from tests.factories import make_trial, open_level, report_late_dlt, run_cohort, shared_trial
from tests.re_reviewing import REASON

pytestmark = pytest.mark.django_db
ORDER = [
    "format",
    "study",
    "review",
    "revision",
    "cut_at",
    "protocol_version",
    "engine_version",
    "re_reviews",
    "levels",
    "people",
    "dlts",
    "disagreements",
    "events",
    "event_rows",
    "recommendation",
    "decisions",
    "holds",
    "deviations",
    "data_quality",
    "charts",
    "basis",
    "news",
    "changes",
]


def build() -> Conduct:
    """1NNN, then at level 2 one with a DLT, one pending, one seated; an override in between."""
    trial = open_level(make_trial())
    run_cohort(trial, 1, "NNN")
    said = f"Call {trial.manager.printed_name} or {trial.crews[0].investigator.printed_name}."
    trial.decide(Verdict.ESCALATE, 2, seats=2, reason=f"{REASON} {said}", committee_verdict=said)
    run_cohort(trial, 2, "TP")
    return trial


_built, trial = shared_trial(build)


def freeze(trial: Conduct) -> Packet:
    return convene_review(trial.study, by=trial.manager, now=trial.tick()).packet


def test_packet_says_how_many_and_who_at_each_level(trial: Conduct) -> None:
    content = freeze(trial).content

    keys = ("level", "enrolled", "treated", "evaluable", "pending", "dlt", "not_evaluable")
    counts = [tuple(row[key] for key in keys) for row in content["levels"]]
    assert counts == [(1, 3, 3, 3, 0, 0, 0), (2, 2, 2, 1, 1, 1, 0), (3, 0, 0, 0, 0, 0, 0)]
    second = content["levels"][1]
    assert (second["who_has_a_dlt"], second["who_is_pending"]) == (["P-004"], ["P-005"])
    assert [(row["subject"], row["letter"]) for row in content["people"]] == [
        ("P-001", "N"),
        ("P-002", "N"),
        ("P-003", "N"),
        ("P-004", "T"),
        ("P-005", "P"),
    ]
    assert [(r["subject"], r["level"], r["state"]) for r in content["dlts"]] == [
        ("P-004", 2, "REPORTED")
    ]
    assert content["events"]["serious"] == {"count": 1, "who": ["P-004"], "worst_grade": 4}
    assert content["events"]["fatal"] == {"count": 0, "who": []}
    assert content["data_quality"]["dlts_not_adjudicated"] == ["P-004"]
    assert content["recommendation"]["verdict"] == "ENROL"


def test_packet_is_frozen_with_its_hash_at_the_cut(trial: Conduct) -> None:
    packet = freeze(trial)
    packet = Packet.objects.get(pk=packet.pk)

    assert packet.content_hash == content_hash(packet.content)
    assert packet.content["cut_at"] == packet.cut_at.isoformat() == trial.now.isoformat()
    assert packet.content["revision"] == packet.revision


def test_sections_stand_in_a_fixed_order(trial: Conduct) -> None:
    review = convene_review(trial.study, by=trial.manager, now=trial.tick())

    assert list(review.packet.content) == ORDER


def test_packet_names_nobody(trial: Conduct) -> None:
    """On the bytes: no name, account or address of anybody, and no name of a site."""
    text = canonical(freeze(trial).content)

    people = [trial.manager, trial.monitor, *(c.investigator for c in trial.crews)]
    people += [crew.pharmacist for crew in trial.crews]
    hidden = [str(w) for p in people for w in (p.printed_name, p.username, p.email)]
    hidden += [crew.site.name for crew in trial.crews]
    hidden += [p.screening_number for p in trial.study.participants.all()]
    assert [word for word in hidden if word in text] == []
    assert "(staff)" in text
    for key in ("birth", "initials", "printed_name", "username"):
        assert key not in text


def test_term_of_a_dlt_names_nobody(trial: Conduct) -> None:
    """The list of DLTs says what the list of events says."""
    person = Participant.objects.get(subject_number="P-005")
    investigator, site = trial.crews[0].investigator, trial.crews[0].site
    report_event(
        person,
        term=f"fever, seen by {investigator.printed_name} at {site.name}",
        onset_at=trial.now,
        grade=4,
        grading_system="CTCAE v5.0",
        causality=Causality.POSSIBLE,
        criterion="NOW",
        by=investigator,
        now=trial.tick(),
    )

    content = freeze(trial).content

    assert content["dlts"][-1]["term"] == "fever, seen by (staff) at (site)"
    assert content["dlts"][-1]["term"] == content["event_rows"][-1]["term"]


def test_reason_of_a_hold_names_nobody_beside_the_recommendation(trial: Conduct) -> None:
    said = f"{trial.monitor.printed_name} asks to wait."
    place_hold(trial.study, scope=HoldScope.STUDY, reason=said, by=trial.monitor, now=trial.tick())

    content = freeze(trial).content

    (hold,) = content["recommendation"]["suspended_by"]
    assert hold["reason"] == content["holds"][-1]["reason"] == "(staff) asks to wait."


def test_cover_takes_screening_numbers_for_subject_numbers(trial: Conduct) -> None:
    person = trial.study.participants.earliest("id")
    cover = cover_for_packets(trial.study)

    assert cover.of(f"{person.screening_number} was late at Site 1") == "P-001 was late at (site)"


def test_packet_tells_what_changed_since_the_last_review(trial: Conduct) -> None:
    assert freeze(trial).content["changes"]["since_review"] == 2
    first = trial.study.participants.earliest("id")
    trial.now += timedelta(days=1)
    report_late_dlt(trial, first)

    changes = freeze(trial).content["changes"]

    people = {row["subject"]: (row["was"], row["is"]) for row in changes["people"]}
    assert people["P-001"] == ({"level": 1, "letter": "N"}, {"level": 1, "letter": "T"})
    assert people["P-004"] == (None, {"level": 2, "letter": "T"})
    assert len(changes["dlts"]["new"]) == 2
    assert changes["decisions"]["new"] == [2]
    assert len(changes["holds"]["new"]) == 1


def test_first_packet_has_nothing_to_compare_with(trial: Conduct) -> None:
    first = Packet.objects.filter(study=trial.study).earliest("id")

    assert first.content["changes"] is None


def test_override_stands_in_every_later_packet(trial: Conduct) -> None:
    overrides = [row for row in freeze(trial).content["decisions"] if row["is_override"]]

    assert overrides == []
    trial.decide(Verdict.ENROL, 2, seats=3, reason=REASON, committee_verdict="three more")
    (row,) = [row for row in freeze(trial).content["decisions"] if row["is_override"]]
    assert (row["is_less_safe"], row["reason"], row["committee_verdict"]) == (
        True,
        REASON,
        "three more",
    )
    assert [one["role"] for one in row["signatures"]] == ["STUDY_MANAGER", "MEDICAL_MONITOR"]
    json.dumps(row)


def test_packet_shows_what_is_verified_and_every_open_query(trial: Conduct) -> None:
    person = Participant.objects.get(subject_number="P-004")
    verify_rows(
        person,
        rows=[
            (one.table, one.row, one.facts_hash)
            for one in source_rows(trial.study, people=[person])
        ],
        source="chart",
        by=trial.monitor,
        now=trial.tick(),
    )
    asked = f"Ask {trial.manager.printed_name} about {person.screening_number}."
    raise_query(person, text=asked, by=trial.monitor, now=trial.tick())

    quality = freeze(trial).content["data_quality"]

    verified, rows = quality["verified"]["all"]
    assert 0 < verified < rows
    (query,) = quality["open_queries"]
    assert (query["participant"], query["text"]) == ("P-004", "Ask (staff) about P-004.")
    assert quality["cut"] is None
