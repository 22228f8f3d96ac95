"""DLT criteria as predicates: each at, just inside and just outside its bounds."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import product

import pytest

from cohorts.engine.toxicity import (
    RELATIONS,
    Answer,
    EventFacts,
    Step,
    ToxicityError,
    clock_of,
    read_criteria,
)
from cohorts.protocol import read_file
from safety.management.demo import PROTOCOLS

DOCUMENT = read_file(PROTOCOLS / "ntrust-1.yaml")
CRITERIA = {one.id: one.criterion() for one in DOCUMENT.dlt_criteria}
START = datetime(2026, 3, 2, 8, tzinfo=UTC)
DAY_42 = datetime(2026, 4, 14, tzinfo=UTC)
LATE = START + timedelta(days=365)
MEETS, COULD, NOT = Answer.MEETS, Answer.COULD_MEET, Answer.DOES_NOT


def hours(number: float) -> datetime:
    return START + timedelta(hours=number)


def event(*grades: int | tuple[int, float], category: str | None = "other", **known) -> EventFacts:
    """Grades, the first from the onset on; (grade, hours) later."""
    steps = [(one, 0) if isinstance(one, int) else one for one in grades]
    facts = {
        "kind": "general",
        "category": category,
        "course": tuple(Step(grade, hours(after)) for grade, after in steps),
        "onset_at": START,
        "ended_at": None,
        "product": "POSSIBLE",
        "day_ends": {42: DAY_42},
        **known,
    }
    return EventFacts(**facts)


def read(criterion: str, facts: EventFacts, now: datetime = LATE):
    (reading,) = read_criteria([CRITERIA[criterion]], facts, now)
    return reading


def answer(criterion: str, facts: EventFacts, now: datetime = LATE) -> Answer:
    return read(criterion, facts, now).answer


def test_all_nine_criteria_are_read():
    assert list(CRITERIA) == [f"D{n}" for n in range(1, 10)]
    assert all(criterion.predicate is not None for criterion in CRITERIA.values())


# --- Grades that count at once ---------------------------------------------------------------


@pytest.mark.parametrize(
    ("criterion", "category", "least"),
    [
        ("D1", "other", 5),
        ("D2", "crs", 4),
        ("D3", "icans", 3),
        ("D4", "gvhd", 3),
        ("D5", "iec_hs", 3),
        ("D6", "infusion_reaction", 4),
        ("D7", "other", 5),
        ("D9", "infection", 4),
    ],
)
def test_grade_counts_at_once_from_its_bound(criterion, category, least):
    for grade in range(1, 6):
        facts = event(grade, category=category, ended_at=hours(1), treatments={"steroid": False})
        expected = MEETS if grade >= least else NOT
        assert answer(criterion, facts, hours(1)) is expected, grade


@pytest.mark.parametrize("relation", RELATIONS)
def test_death_needs_no_causality(relation):
    assert answer("D1", event(5, product=relation)) is MEETS
    assert answer("D1", event(5, product=None)) is MEETS


def test_death_is_unrelated_by_the_committee_alone():
    reading = read("D1", event(5, is_death_ruled_unrelated=True))

    assert reading.answer is NOT
    assert reading.sentence == (
        "grade 5, related: does not meet D1 (the committee has ruled the death unrelated)"
    )


def test_death_counts_however_it_is_said():
    assert answer("D1", event(3, is_fatal=True)) is MEETS
    assert answer("D2", event(3, category="crs", is_fatal=True, ended_at=hours(2))) is MEETS


# --- Relation --------------------------------------------------------------------------------

WORST = {
    "D2": event(4, category="crs"),
    "D3": event(3, category="icans"),
    "D4": event(3, category="gvhd"),
    "D5": event(3, category="iec_hs"),
    "D6": event(4, category="infusion_reaction"),
    "D7": event(3),
    "D8": event(4, category="neutropenia"),
    "D9": event(4, category="infection"),
}


@pytest.mark.parametrize("criterion", WORST)
@pytest.mark.parametrize("relation", [None, *RELATIONS])
def test_all_but_death_need_at_least_possible_relation(criterion, relation):
    expected = {None: COULD, "UNRELATED": NOT, "UNLIKELY": NOT}.get(relation, MEETS)

    assert answer(criterion, replace(WORST[criterion], product=relation)) is expected


@pytest.mark.parametrize("criterion", WORST)
def test_solely_to_something_else_does_not_meet(criterion):
    due_to = {"fludarabine": "DEFINITE", "disease": "PROBABLE"}
    facts = replace(WORST[criterion], product="UNLIKELY", causality=due_to)

    assert answer(criterion, facts) is NOT
    assert answer(criterion, replace(facts, product="POSSIBLE")) is MEETS


def test_unknown_relation_says_what_is_missing():
    reading = read("D3", replace(WORST["D3"], product=None))

    assert (reading.answer, reading.missing) == (COULD, ("causality",))
    assert reading.sentence == (
        "grade 3, relation not known: could meet D3 (the relation to the product is not known)"
    )


# --- Kinds of events -------------------------------------------------------------------------


@pytest.mark.parametrize("criterion", WORST)
def test_unknown_kind_of_event_could_meet_every_criterion(criterion):
    reading = read(criterion, replace(WORST[criterion], category=None, kind=None))

    assert (reading.answer, reading.missing) == (COULD, ("category",))


def test_each_kind_of_event_is_one_criterions_alone():
    of_kind = {
        "crs": "D2",
        "icans": "D3",
        "gvhd": "D4",
        "iec_hs": "D5",
        "infusion_reaction": "D6",
        "other": "D7",
        "neutropenia": "D8",
        "thrombocytopenia": "D8",
        "infection": "D9",
    }
    for category in (one.key for one in DOCUMENT.adverse_events.categories):
        met = [name for name in WORST if answer(name, event(4, category=category)) is MEETS]
        assert met == [of_kind[category]] if category in of_kind else met == [], category


@pytest.mark.parametrize("category", ["laboratory", "fever", "chills", "nausea", "haematological"])
@pytest.mark.parametrize("grade", [3, 4])
def test_exclusions_of_d7(category, grade):
    reading = read("D7", event(grade, category=category))

    assert reading.answer is NOT
    assert reading.sentence.endswith("does not meet D7 (this kind of event is not among them)")


# --- Clocks ----------------------------------------------------------------------------------

CLOCKS = [
    ("D2", "crs", 72, 2),
    ("D6", "infusion_reaction", 24, 0),
    ("D7", "other", 72, 2),
    ("D9", "infection", 168, 0),
]


@pytest.mark.parametrize(("criterion", "category", "limit", "down_to"), CLOCKS)
@pytest.mark.parametrize(("late", "expected"), [(-0.1, NOT), (0, NOT), (0.1, MEETS)])
def test_end_of_the_event_at_the_bound(criterion, category, limit, down_to, late, expected):
    facts = event(3, category=category, ended_at=hours(limit + late))

    assert answer(criterion, facts) is expected


@pytest.mark.parametrize(("criterion", "category", "limit", "down_to"), CLOCKS)
@pytest.mark.parametrize("late", [-0.1, 0, 0.1])
def test_lower_grade_at_the_bound(criterion, category, limit, down_to, late):
    for lower in (1, 2):
        facts = event(3, (lower, limit + late), category=category)
        in_time = lower <= down_to and late <= 0
        assert answer(criterion, facts) is (NOT if in_time else MEETS), lower


@pytest.mark.parametrize(("criterion", "category", "limit", "down_to"), CLOCKS)
@pytest.mark.parametrize(("late", "expected"), [(-0.1, COULD), (0, MEETS), (0.1, MEETS)])
def test_clock_that_ends_without_a_word_meets(criterion, category, limit, down_to, late, expected):
    reading = read(criterion, event(3, category=category), hours(limit + late))

    assert (reading.answer, reading.clock_ends_at) == (expected, hours(limit))
    assert reading.missing == ()


@pytest.mark.parametrize(("criterion", "category", "limit", "down_to"), CLOCKS)
def test_clock_runs_from_the_grade_not_from_the_onset(criterion, category, limit, down_to):
    facts = event(1, (3, 50), category=category)

    reading = read(criterion, facts, hours(50 + limit - 0.1))

    assert (reading.answer, reading.since) == (COULD, hours(50))
    assert reading.clock_ends_at == hours(50 + limit)
    assert answer(criterion, facts, hours(50 + limit)) is MEETS


@pytest.mark.parametrize(("criterion", "category", "limit", "down_to"), CLOCKS)
def test_grade_below_three_has_no_clock(criterion, category, limit, down_to):
    assert answer(criterion, event(2, category=category)) is NOT
    assert clock_of(CRITERIA[criterion], event(2, category=category)) is None


def test_second_time_at_the_grade_has_its_own_clock():
    facts = event(3, (2, 48), (3, 60), category="crs")

    assert answer("D2", facts, hours(131)) is COULD
    assert read("D2", facts, hours(131)).clock_ends_at == hours(132)
    assert answer("D2", facts, hours(132)) is MEETS
    assert answer("D2", replace(facts, ended_at=hours(100))) is NOT


def test_first_time_too_long_meets_whatever_came_later():
    assert answer("D2", event(3, (2, 73), (3, 80), (1, 90), category="crs")) is MEETS


def test_worse_grade_ends_the_waiting():
    facts = event(3, (4, 10), (2, 20), category="crs", ended_at=hours(30))

    assert answer("D2", facts, hours(30)) is MEETS
    assert clock_of(CRITERIA["D2"], facts) is None


def test_grade_4_keeps_the_clock_of_d7():
    assert answer("D7", event(3, (4, 10)), hours(71)) is COULD
    assert answer("D7", event(3, (4, 10)), hours(72)) is MEETS


def test_words_of_a_clock():
    running = read("D7", event(3), hours(10))
    met = read("D7", event(3), hours(80))

    assert running.sentence == (
        "grade 3, related, 10 h: could meet D7 (not yet down to grade 2, its clock ends "
        "05-Mar-2026 08:00 UTC)"
    )
    assert met.sentence == "grade 3, related, 80 h: meets D7"


# --- Day 42 ----------------------------------------------------------------------------------


@pytest.mark.parametrize("category", ["neutropenia", "thrombocytopenia"])
@pytest.mark.parametrize(("minutes", "expected"), [(-1, NOT), (0, NOT), (1, MEETS)])
def test_counts_come_down_by_day_42(category, minutes, expected):
    down = DAY_42 + timedelta(minutes=minutes)
    facts = event(4, category=category)
    course = (*facts.course, Step(3, down))

    assert answer("D8", replace(facts, course=course)) is expected


def test_counts_are_waited_for_until_the_end_of_day_42():
    facts = event(4, category="neutropenia")

    assert answer("D8", facts, DAY_42 - timedelta(minutes=1)) is COULD
    assert read("D8", facts, START).clock_ends_at == DAY_42
    assert answer("D8", facts, DAY_42) is MEETS
    assert answer("D8", event(3, category="neutropenia")) is NOT


def test_without_day_0_day_42_is_not_known():
    reading = read("D8", event(4, category="neutropenia", day_ends={}))

    assert (reading.answer, reading.missing) == (COULD, ("Day 42",))
    assert clock_of(CRITERIA["D8"], event(4, category="neutropenia", day_ends={})) is None


# --- Treatment -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("treatments", "expected"), [({}, COULD), ({"steroid": True}, MEETS), ({"steroid": False}, NOT)]
)
def test_gvhd_grade_2_counts_with_systemic_steroids(treatments, expected):
    reading = read("D4", event(2, category="gvhd", treatments=treatments))

    assert reading.answer is expected
    assert reading.missing == (("treatment steroid",) if expected is COULD else ())
    assert answer("D4", event(1, category="gvhd", treatments=treatments)) is NOT


# --- Facts -----------------------------------------------------------------------------------


def test_words_alone_are_read_by_people():
    (reading,) = read_criteria([replace(CRITERIA["D3"], predicate=None)], WORST["D3"], LATE)

    assert reading.answer is Answer.NOT_READ
    assert not reading.is_candidate


def test_what_is_unknown_never_reads_as_not_meeting():
    """Every criterion, every subset of facts taken away from one that meets."""
    for name, facts in WORST.items():
        for hide_kind, hide_relation in product((False, True), repeat=2):
            known = {
                **({"category": None, "kind": None} if hide_kind else {}),
                **({"product": None} if hide_relation else {}),
            }
            expected = COULD if known else MEETS
            assert answer(name, replace(facts, **known)) is expected, (name, known)


@pytest.mark.parametrize(
    "wrong",
    [{"course": ()}, {"course": (Step(6, START),)}, {"product": "MAYBE"}, {"causality": {"x": ""}}],
)
def test_facts_that_cannot_be_are_refused(wrong):
    with pytest.raises(ToxicityError):
        replace(event(3), **wrong)


def test_course_is_in_order():
    with pytest.raises(ToxicityError):
        event((3, 10), (2, 5))


def test_clock_of_another_kind_of_event_waits_for_nothing():
    """ICANS of grade 3, reported under the criterion for infections."""
    assert clock_of(CRITERIA["D9"], event(3, category="icans")) is None
    assert clock_of(CRITERIA["D9"], event(3, category="infection")) is not None
    assert clock_of(CRITERIA["D9"], event(3, category=None)) is not None
