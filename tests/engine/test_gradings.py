"""Grades computed from findings: CRS and ICANS as their papers have them."""

from datetime import UTC, datetime, timedelta
from itertools import product

import pytest

from cohorts.engine.toxicity import (
    Answer,
    Feature,
    ToxicityError,
    compute_grade,
)
from cohorts.protocol import read_file
from safety.management.demo import PROTOCOLS

DOCUMENT = read_file(PROTOCOLS / "ntrust-1.yaml")
CRITERIA = {one.id: one.criterion() for one in DOCUMENT.dlt_criteria}
START = datetime(2026, 3, 2, 8, tzinfo=UTC)
DAY_42 = datetime(2026, 4, 14, tzinfo=UTC)
LATE = START + timedelta(days=365)
MEETS, COULD, NOT = Answer.MEETS, Answer.COULD_MEET, Answer.DOES_NOT


SYSTEMS = {system.key: system for system in DOCUMENT.adverse_events.systems}


def features(system: str) -> tuple[Feature, ...]:
    return tuple(one.feature() for one in SYSTEMS[system].features)


CRS = features("ASTCT CRS")
ICANS = features("ASTCT ICANS")
HYPOTENSION = {"none": 0, "no_vasopressor": 2, "one_vasopressor": 3, "vasopressors": 4}
HYPOXIA = {"none": 0, "low_flow": 2, "high_flow": 3, "positive_pressure": 4}


@pytest.mark.parametrize("hypotension", HYPOTENSION)
@pytest.mark.parametrize("hypoxia", HYPOXIA)
def test_worse_of_the_two_wins_in_crs(hypotension, hypoxia):
    found = {"fever": "fever", "hypotension": hypotension, "hypoxia": hypoxia}

    computed = compute_grade(CRS, found, frozenset())

    assert computed.grade == max(1, HYPOTENSION[hypotension], HYPOXIA[hypoxia])
    assert (computed.is_whole, computed.lacks) == (True, "")


@pytest.mark.parametrize(
    ("fever", "given", "lacks"),
    [
        ("none", set(), "fever"),
        ("none", {"steroid"}, "fever"),
        ("none", {"antipyretic"}, ""),
        ("none", {"anticytokine"}, ""),
        ("treated", set(), ""),
        ("fever", set(), ""),
    ],
)
def test_fever_is_not_required_after_therapy_against_it(fever, given, lacks):
    found = {"fever": fever, "hypotension": "no_vasopressor", "hypoxia": "none"}

    computed = compute_grade(CRS, found, frozenset(given))

    assert (computed.grade, computed.lacks) == (2, lacks)


ICANS_GRADES = [
    ("ice", {"10": 0, "7-9": 1, "3-6": 2, "0-2": 3, "unarousable": 4}),
    (
        "consciousness",
        {"awake": 0, "spontaneously": 1, "voice": 2, "touch": 3, "unarousable": 4},
    ),
    ("seizure", {"none": 0, "resolved": 3, "prolonged": 4}),
    ("motor", {"none": 0, "weakness": 4}),
    ("oedema", {"none": 0, "focal": 3, "diffuse": 4}),
]


def test_worst_feature_wins_in_icans():
    keys = [key for key, _ in ICANS_GRADES]
    for found in product(*(answers for _, answers in ICANS_GRADES)):
        named = dict(zip(keys, found, strict=True))
        worst = max(dict(ICANS_GRADES)[key][word] for key, word in named.items())
        assert compute_grade(ICANS, named, frozenset()).grade == worst


def test_some_findings_make_at_least_a_grade():
    computed = compute_grade(ICANS, {"ice": "3-6"}, frozenset())

    assert (computed.grade, computed.is_whole) == (2, False)


@pytest.mark.parametrize("found", [{"smell": "bad"}, {"ice": "11"}])
def test_unknown_finding_is_refused(found):
    with pytest.raises(ToxicityError):
        compute_grade(ICANS, found, frozenset())
