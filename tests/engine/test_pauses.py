"""Pause rules: at, inside and outside each bound; what is not known counts; brute force agrees."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import product
from pathlib import Path
from typing import Any

import pytest

from cohorts.engine.pauses import PauseRule, Person, find_met
from cohorts.engine.toxicity import EventFacts, Predicate, Step
from cohorts.protocol.reading import read_file

DAY_0 = datetime(2026, 3, 1, 10, tzinfo=UTC)
SHIPPED = Path(__file__).resolve().parents[2] / "cohorts" / "protocols" / "ntrust-1.yaml"
NOW = DAY_0 + timedelta(days=200)


def shipped() -> dict[str, PauseRule]:
    rules = [one.rule() for one in read_file(SHIPPED).pause_rules]
    return {rule.id: rule for rule in rules if rule is not None}


RULES = shipped()


def event(grade: int, category: str | None = "crs", **named: Any) -> EventFacts:
    onset = named.pop("onset_at", DAY_0 + timedelta(days=3))
    facts: dict[str, Any] = {
        "kind": "general",
        "category": category,
        "course": (Step(grade, onset),),
        "onset_at": onset,
        "ended_at": None,
        "product": "POSSIBLE",
        **named,
    }
    return EventFacts(**facts)


def person(number: int, *events: EventFacts, level: int | None = 1, **named: Any) -> Person:
    named = {"infused_at": (DAY_0,), **named}
    return Person(f"P-00{number}", level, events=events, **named)


def met(rule: str, *people: Person, now: datetime = NOW) -> list[tuple[int | None, list[str]]]:
    return [
        (one.level, [sign.subject for sign in one.signs])
        for one in find_met([RULES[rule]], people, now=now)
    ]


def signs(rule: str, *people: Person) -> list[tuple[int, bool]]:
    (one,) = find_met([RULES[rule]], people, now=NOW)
    return [(sign.severity, sign.is_certain) for sign in one.signs]


def test_five_rules_are_shipped() -> None:
    assert list(RULES) == ["PR1", "PR2", "PR3", "PR4", "PR5"]
    assert [rule.is_by_level for rule in RULES.values()] == [False, False, True, False, True]


# --- PR1: a death ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("after", "is_met"),
    [
        (timedelta(minutes=1), True),
        (timedelta(days=30), True),
        (timedelta(days=30, hours=23, minutes=59), True),
        (timedelta(days=31), False),
        (timedelta(days=90), False),
    ],
)
def test_death_so_long_after_an_infusion(after: timedelta, is_met: bool) -> None:
    dead = person(1, event(5, "other", onset_at=DAY_0 + after))

    assert bool(met("PR1", dead)) is is_met


def test_days_run_from_the_last_infusion_before_the_death() -> None:
    infused_at = (DAY_0, DAY_0 + timedelta(days=7), DAY_0 + timedelta(days=14))
    dead = event(5, "other", onset_at=DAY_0 + timedelta(days=44))

    assert met("PR1", person(1, dead)) == []
    assert met("PR1", person(1, dead, infused_at=infused_at)) == [(None, ["P-001"])]


def test_death_without_a_day_counts_and_says_so() -> None:
    (one,) = find_met([RULES["PR1"]], [person(1, is_dead=True)], now=NOW)

    assert [(sign.subject, sign.is_certain) for sign in one.signs] == [("P-001", False)]
    assert "cannot be excluded" in one.signs[0].why


def test_event_gives_the_day_of_a_recorded_death() -> None:
    late = event(5, "other", onset_at=DAY_0 + timedelta(days=60))

    assert met("PR1", person(1, late, is_dead=True)) == []


def test_death_of_who_was_never_infused_is_none_of_this_rule() -> None:
    assert met("PR1", person(1, event(5), is_dead=True, infused_at=())) == []


def test_cause_is_nobodys_to_say_but_the_committees() -> None:
    disease = event(5, "other", product="UNRELATED", causality={"disease": "DEFINITE"})
    ruled = event(5, "other", is_death_ruled_unrelated=True)

    assert met("PR1", person(1, disease)) == [(None, ["P-001"])]
    assert met("PR1", person(1, ruled)) == []
    assert met("PR1", person(1, ruled, event(5, "infection"))) == [(None, ["P-001"])]


def test_fatal_event_without_the_moment_of_death_cannot_be_excluded() -> None:
    """Seriousness says death; the course ends at grade 4 on Day 3."""
    fatal = event(4, "infection", is_fatal=True)

    assert signs("PR1", person(1, fatal)) == [(501, False)]


def test_death_before_a_later_infusion_is_no_known_moment() -> None:
    """An event of grade 5 that began before the infusion: the death came later."""
    began = event(5, "infection", onset_at=DAY_0 - timedelta(days=2))

    assert signs("PR1", person(1, began)) == [(501, False)]


def test_alive_and_well_meets_nothing() -> None:
    for rule in RULES:
        assert met(rule, person(1)) == []


# --- PR2 to PR5 ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rule", "category", "grade", "is_met"),
    [
        ("PR2", "crs", 3, False),
        ("PR2", "crs", 4, True),
        ("PR2", "icans", 5, True),
        ("PR2", "gvhd", 4, False),
        ("PR2", "infection", 5, False),
        ("PR2", None, 4, True),
        ("PR2", None, 3, False),
        ("PR4", "gvhd", 2, False),
        ("PR4", "gvhd", 3, True),
        ("PR4", "gvhd", 4, True),
        ("PR4", "crs", 4, False),
        ("PR4", None, 3, False),
        ("PR4", None, 4, True),
    ],
)
def test_one_event_is_enough(rule: str, category: str | None, grade: int, is_met: bool) -> None:
    assert bool(met(rule, person(1, event(grade, category)))) is is_met


def test_unknown_kind_is_not_certain_and_says_so() -> None:
    (one,) = find_met([RULES["PR2"]], [person(1, event(4, None))], now=NOW)

    assert one.signs[0].is_certain is False
    assert one.signs[0].why.startswith("cannot be excluded: ")


def test_relation_is_not_asked_of_crs() -> None:
    assert met("PR2", person(1, event(4, product="UNRELATED"))) != []


@pytest.mark.parametrize(("grades", "is_met"), [((3, 3), True), ((3, 2), False), ((4, 3), True)])
def test_two_participants_with_grade_3_at_one_level(grades: tuple[int, int], is_met: bool) -> None:
    people = [person(number, event(grade)) for number, grade in enumerate(grades)]

    assert bool(met("PR3", *people)) is is_met


def test_two_events_of_one_participant_are_not_two_participants() -> None:
    assert met("PR3", person(1, event(3), event(3, "icans"))) == []


def test_two_levels_are_not_one() -> None:
    people = [person(1, event(3), level=1), person(2, event(3), level=2)]
    more = person(3, event(3, "icans"), level=2)

    assert met("PR3", *people) == []
    assert met("PR3", *people, more) == [(2, ["P-002", "P-003"])]
    assert met("PR3", *people, person(4, event(3), level=None)) == []


@pytest.mark.parametrize(
    ("one", "is_met"),
    [
        ({}, True),
        ({"product": "UNLIKELY"}, False),
        ({"product": None}, True),
        ({"category": "neutropenia"}, False),
        ({"category": "haematological"}, False),
        ({"category": None}, True),
        ({"grade": 3}, False),
        ({"grade": 5}, True),
    ],
)
def test_two_related_events_of_grade_4(one: dict[str, Any], is_met: bool) -> None:
    second = event(**{"grade": 4, "category": "infection", **one})

    assert met("PR5", person(1, event(4, "infection"))) == []
    assert bool(met("PR5", person(1, event(4, "infection"), second))) is is_met
    assert bool(met("PR5", person(1, event(4, "infection")), person(2, second))) is is_met


def test_worst_grade_of_the_course_counts_though_it_came_down() -> None:
    course = tuple(Step(grade, DAY_0 + timedelta(hours=n)) for n, grade in enumerate((2, 4, 1)))

    assert met("PR2", person(1, event(1, course=course, onset_at=DAY_0))) != []


def test_worse_or_more_is_a_higher_severity() -> None:
    assert signs("PR4", person(1, event(3, "gvhd"))) == [(301, True)]
    assert signs("PR4", person(1, event(3, "gvhd"), event(3, "gvhd"))) == [(302, True)]
    assert signs("PR4", person(1, event(4, "gvhd"))) == [(401, True)]


# --- Brute force ------------------------------------------------------------------------------


def test_every_small_study_agrees_with_counting() -> None:
    """Two participants, each with up to two events, over grades, kinds and levels."""
    kinds = (None, "crs", "gvhd", "infection", "neutropenia")
    one = [()] + [((g, k),) for g in (2, 3, 4) for k in kinds]
    some = one + [((4, "infection"), (g, k)) for g in (3, 4) for k in kinds]

    for first, second, level in product(some, some, (1, 2)):
        people = [
            person(1, *(event(g, k) for g, k in first)),
            person(2, *(event(g, k) for g, k in second), level=level),
        ]
        found = {(one.rule, one.level) for one in find_met(RULES.values(), people, now=NOW)}

        assert found == count(first, second, level), (first, second, level)


Events = tuple[tuple[int, str | None], ...]


def count(first: Events, second: Events, level: int) -> set[tuple[str, int | None]]:
    """The same in so many words: an unknown kind could be any."""
    expected: set[tuple[str, int | None]] = set()
    if any(g >= 4 and k in (None, "crs", "icans") for g, k in first + second):
        expected.add(("PR2", None))
    if any(g >= (3 if k else 4) and k in (None, "gvhd") for g, k in first + second):
        expected.add(("PR4", None))
    groups = {1: [first, second]} if level == 1 else {1: [first], 2: [second]}
    for ordinal, people in groups.items():
        if sum(any(g >= 3 and k in (None, "crs") for g, k in one) for one in people) >= 2:
            expected.add(("PR3", ordinal))
        if sum(g >= 4 and k != "neutropenia" for one in people for g, k in one) >= 2:
            expected.add(("PR5", ordinal))
    return expected


def test_rule_without_a_distance_counts_every_death() -> None:
    rule = PauseRule("ANY", Predicate(is_death=True, from_grade=5))

    (one,) = find_met([rule], [person(1, is_dead=True, infused_at=())], now=NOW)

    assert (one.rule, one.level) == ("ANY", None)
