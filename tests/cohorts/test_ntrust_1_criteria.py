"""The shipped protocol holds the registry record's criteria, each right at its bound."""

import hashlib
import re
from collections import Counter
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from cohorts.engine.eligibility import (
    NOT_APPLICABLE,
    FieldKind,
    State,
    failed,
    first_expiry,
    is_eligible,
    judge_criteria,
    missing_anchors,
    missing_fields,
)
from cohorts.protocol import read_document
from tests.cohorts.criteria_cases import (
    ANCHORS,
    CASES,
    NO_UPCR,
    ON_STEROIDS,
    TODAY,
    UPPER_LIMITS,
    person,
)

SHIPPED = Path(__file__).parents[2] / "cohorts" / "protocols" / "ntrust-1.yaml"
DATA = read_document(SHIPPED.read_text(encoding="utf-8"), name=SHIPPED.name).eligibility
RULES = DATA.rules()
FORM = [field.key for field in DATA.fields]
GROUPS = ("LN", "pMN")
ENTRIES = [(group, key) for group in GROUPS for key in person(group)]

# The record's numbers, criterion by criterion; those in words are in the checks below.
NUMBERS = {
    "GI1": "18 65", "GI3": "14 5", "GI4": "2", "LI1": "10 2019", "LI2": "2018 2018 6",
    "LI3": "1.5 1.5 7", "LI4": "1 80", "LI5": "2", "MI1": "6", "MI2": "3.5 3.5", "MI3": "2",
    "MI4": "180 90", "GE1": "45 1.73 2", "GE5": "3", "GE6": "92 10",
    "GE7": "3000 3 9 2000 3 100000 3", "GE10": "12 19", "GE12": "40", "GE13": "480",
    "GE14": "2 12 19", "GE15": "160 90", "GE19": "30", "GE21": "5", "GE23": "90 19 1",
    "GE25": "14 5 90",
}  # fmt: skip
# Numbers that are no bound: names, units, grades asked for in words.
NO_BOUNDS = {
    "GI4": {"2"}, "LI1": {"2019"}, "LI2": {"2018"}, "LI4": {"1"}, "MI3": {"2"},
    "GE1": {"1.73", "2"}, "GE7": {"3"}, "GE10": {"19"}, "GE14": {"2", "19"}, "GE23": {"19"},
}  # fmt: skip
# Of the record's wording without its spaces: any change of a word shows.
WORDING = "d95a8163e92621979a969a1cad88a110691cefc5110f5abda63d621e6469eb51"


def judge(group, results, *, anchors=ANCHORS, today=TODAY):
    return judge_criteria(RULES, group=group, results=results, anchors=anchors, today=today)


def state(group, criterion, results, **more):
    readings = {each.criterion: each for each in judge(group, results, **more)}
    return readings[criterion].state


def numbers(text):
    """The numbers in a criterion's text, separators left out."""
    found = re.findall(r"\d[\d,]*(?:\.\d+)?", text)
    return [each.replace(",", "").removeprefix("0") for each in found]


def leaves(criterion):
    """Field and comparison of every comparison in a criterion."""
    checks = [check for _, check in criterion.check.walk() if check.field]
    return [(criterion.id, check.field, check.comparisons[0]) for check in checks]


def test_protocol_has_exactly_the_criteria_of_the_record():
    expected = (
        [f"GI{n}" for n in range(1, 5)]
        + [f"LI{n}" for n in range(1, 6)]
        + [f"MI{n}" for n in range(1, 5)]
        + [f"GE{n}" for n in range(1, 28)]
        + ["LE1"]
    )

    assert [criterion.id for criterion in DATA.criteria] == expected
    assert Counter((each.group, each.kind.value) for each in DATA.criteria) == {
        ("general", "inclusion"): 4,
        ("LN", "inclusion"): 5,
        ("pMN", "inclusion"): 4,
        ("general", "exclusion"): 27,
        ("LN", "exclusion"): 1,
    }
    assert DATA.groups == {"LN": "lupus nephritis", "pMN": "primary membranous nephropathy"}


def test_criteria_are_in_the_words_of_the_record():
    wording = "".join("".join(each.text.split()) for each in DATA.criteria)

    assert {each.id: " ".join(numbers(each.text)) for each in DATA.criteria} == {
        each.id: NUMBERS.get(each.id, "") for each in DATA.criteria
    }
    assert hashlib.sha256(wording.encode()).hexdigest() == WORDING


@pytest.mark.parametrize("criterion", DATA.criteria, ids=lambda each: each.id)
def test_every_number_of_the_text_is_in_the_check(criterion):
    checked = set()
    for _, check in criterion.check.walk():
        period = check.period
        checked |= {check.number[1]} if check.number else set()
        if period:
            checked |= {period.duration().count, period.half_lives}

    named = set(numbers(criterion.text)) - NO_BOUNDS.get(criterion.id, set())

    assert {Decimal(each) for each in named} <= checked


def test_every_comparison_has_a_case():
    in_protocol = Counter(leaf for criterion in DATA.criteria for leaf in leaves(criterion))

    assert in_protocol == Counter((case.criterion, case.field, case.comparison) for case in CASES)


def test_every_case_steps_by_the_last_decimal_and_asks_every_answer():
    for case in CASES:
        field = DATA.field(case.field)
        values = set(case.met) | set(case.not_met)
        if field.kind is FieldKind.NUMBER:
            step = Decimal(1).scaleb(-field.decimals)
            assert max(values) - min(values) == 2 * step, case
        elif field.kind is not FieldKind.DATE:
            assert values == set(field.entry().answers) - {NOT_APPLICABLE}, case


@pytest.mark.parametrize("group", GROUPS)
def test_person_of_the_tests_is_eligible(group):
    readings = judge(group, person(group))

    assert [each for each in readings if each.passes is not True] == []
    assert is_eligible(readings)
    assert len(readings) == {"LN": 37, "pMN": 35}[group]


def case_id(case):
    return f"{case.criterion}-{case.field}-{case.comparison}"


@pytest.mark.parametrize("case", CASES, ids=case_id)
def test_criterion_at_inside_and_outside_its_bound(case):
    is_inclusion = case.criterion[1] == "I"
    groups = (case.group,) if case.criterion[0] != "G" else GROUPS
    for group in groups:
        for value in (*case.met, *case.not_met):
            readings = judge(group, person(group, **{**case.given, case.field: value}))
            found = next(each for each in readings if each.criterion == case.criterion)

            is_met = value in case.met
            assert (value, found.state) == (value, State.MET if is_met else State.NOT_MET)
            out = () if is_met == is_inclusion else {case.criterion, *case.also}
            assert set(failed(readings)) == set(out)
            assert is_eligible(readings) is not bool(out)
            assert missing_fields(readings, FORM) == ()


@pytest.mark.parametrize("case", CASES, ids=case_id)
def test_comparison_without_its_entry_is_missing(case):
    readings = judge(case.group, person(case.group, **{**case.given, case.field: None}))

    if (case.criterion, case.field, case.comparison) == ("LI3", "proteinuria", "at_most"):
        assert is_eligible(readings)
        return
    assert not is_eligible(readings)
    found = next(each for each in readings if each.criterion == case.criterion)
    assert (found.state, case.field in found.missing) == (State.MISSING, True)


@pytest.mark.parametrize(("group", "key"), ENTRIES)
def test_no_entry_can_be_left_out(group, key):
    results = person(group)
    del results[key]

    readings = judge(group, results)

    assert not is_eligible(readings)
    assert failed(readings) == ()
    assert key in missing_fields(readings, FORM)


@pytest.mark.parametrize(("group", "key"), ENTRIES)
def test_entry_is_read_to_its_last_day_and_no_longer(group, key):
    days = DATA.field(key).valid_days
    results = person(group)
    if days is None:
        results[key] = replace(results[key], measured_on=date(1990, 1, 1))
        assert is_eligible(judge(group, results))
        return

    results[key] = replace(results[key], measured_on=TODAY - timedelta(days=days))
    last = judge(group, results)
    results[key] = replace(results[key], measured_on=TODAY - timedelta(days=days + 1))
    late = judge(group, results)

    assert is_eligible(last)
    assert first_expiry(last) == TODAY + timedelta(days=1)
    assert (is_eligible(late), failed(late)) == (False, ())
    assert {name for reading in late for name in reading.expired} == {key}
    results[key] = replace(results[key], measured_on=None)
    assert key in missing_fields(judge(group, results), FORM)


@pytest.mark.parametrize(("group", "key"), ENTRIES)
def test_entry_dated_after_today_lets_nobody_in(group, key):
    results = person(group)
    results[key] = replace(results[key], measured_on=TODAY + timedelta(days=1))

    readings = judge(group, results)

    assert not is_eligible(readings)
    assert key in missing_fields(readings, FORM)


@pytest.mark.parametrize("anchor", ["screening", "lymphodepletion", "first_infusion"])
def test_reference_date_not_known_lets_nobody_in(anchor):
    anchors = {key: day for key, day in ANCHORS.items() if key != anchor}

    readings = judge("LN", person("LN"), anchors=anchors)

    assert not is_eligible(readings)
    assert missing_anchors(readings) == (anchor,)


@pytest.mark.parametrize(
    "key", [field.key for field in DATA.fields if field.kind is FieldKind.JUDGEMENT]
)
def test_judgement_has_a_comment_and_is_rarely_not_applicable(key):
    group = "LN" if key in person("LN") else "pMN"
    results = person(group)

    results[key] = replace(results[key], comment="")
    bare = judge(group, results)
    not_applicable = judge(group, person(group, **{key: NOT_APPLICABLE}))

    assert key in missing_fields(bare, FORM)
    may = key in ("pregnant_or_breast_feeding", "contraception_inadequate")
    assert is_eligible(not_applicable) is may


@pytest.mark.parametrize(
    "key", [field.key for field in DATA.fields if field.kind is FieldKind.DATE]
)
def test_never_lets_nobody_in_where_an_event_is_needed(key):
    is_needed = key in ("corticosteroid_change", "biopsy_date")

    for group in GROUPS:
        given = ON_STEROIDS if key == "corticosteroid_change" else {}
        results = person(group, **{**given, key: "never"})
        assert is_eligible(judge(group, results)) is not is_needed


def test_proteinuria_above_its_range_excludes_whatever_the_ratio():
    assert state("LN", "LI3", person("LN", upcr="20", proteinuria="7.001")) is State.NOT_MET
    assert state("LN", "LI3", person("LN", upcr="20", proteinuria="0.5")) is State.MET
    assert state("LN", "LI3", person("LN", **NO_UPCR)) is State.MET
    assert state("pMN", "MI2", person("pMN", proteinuria="12")) is State.MET


def test_proteinuria_out_of_date_is_measured_again():
    results = person("LN", proteinuria="5")
    results["proteinuria"] = replace(results["proteinuria"], measured_on=date(2026, 1, 1))

    readings = judge("LN", results)

    assert [each.criterion for each in readings if each.passes is None] == ["LI3"]
    assert missing_fields(readings, FORM) == ("proteinuria",)


@pytest.mark.parametrize("key", UPPER_LIMITS)
@pytest.mark.parametrize("limit", [None, "0", "-1", "4000", "NaN"])
def test_liver_value_without_a_likely_upper_limit_is_missing(key, limit):
    results = person("LN")
    results[key] = replace(results[key], upper_limit=limit and Decimal(limit))

    assert missing_fields(judge("LN", results), FORM) == (key,)


@pytest.mark.parametrize(
    ("day", "half_life", "expected"),
    [
        (date(2026, 3, 11), None, State.NOT_MET),
        (date(2026, 3, 12), None, State.MISSING),
        (date(2026, 3, 12), "67.2", State.MET),  # 5 half-lives: 14 days
        (date(2026, 3, 12), "62.4", State.NOT_MET),  # 13 days
        (date(2026, 3, 13), "62.4", State.MET),
        (date(2026, 3, 13), "62.41", State.MET),
        (date(2026, 3, 12), "62.41", State.MET),  # a part of a day counts as one
        (date(2026, 3, 24), "9.6", State.MET),  # 2 days
        (date(2026, 3, 23), "9.6", State.NOT_MET),
        (date(2026, 3, 25), "0.05", State.MET),
    ],
)
def test_washout_is_the_shorter_of_days_and_half_lives(day, half_life, expected):
    results = person("LN", immunosuppressant=day, immunosuppressant_half_life=half_life)

    assert state("LN", "GE25", results) is expected


def test_malignancy_of_unknown_kind_lets_nobody_in():
    results = person("LN", malignancy=date(2024, 1, 1))

    assert missing_fields(judge("LN", results), FORM) == ("malignancy_kind",)


def test_moved_infusion_is_judged_by_its_new_date():
    results = person("LN", myocardial_infarction=date(2026, 1, 6))

    assert state("LN", "GE10", results) is State.MET
    later = {**ANCHORS, "first_infusion": date(2026, 4, 1)}
    assert state("LN", "GE10", results, anchors=later) is State.NOT_MET
    earlier = {**ANCHORS, "first_infusion": date(2026, 1, 5)}
    assert state("LN", "GE10", results, anchors=earlier) is State.MET


@pytest.mark.parametrize(
    ("group", "criterion", "changes", "sentence"),
    [
        ("LN", "GI1", {"age": "66"}, "Age 66 years; needs at most 65 years"),
        ("LN", "LI3", {"upcr": "1.2"}, "Proteinuria is missing"),
        ("pMN", "MI3", {"anti_pla2r": "negative"}, "Anti-PLA2R: negative; needs positive"),
        (
            "LN",
            "GE5",
            {"ast": "130"},
            "Aspartate aminotransferase 130 U/L; excludes at least 3 times the upper limit of "
            "40 U/L",
        ),
        (
            "LN",
            "GE7",
            {"white_cells": "2900"},
            "White blood cell count 2,900 /mm3; excludes below 3,000 /mm3",
        ),
        ("LN", "GE8", {"qtcf": "481"}, "GE13 is met"),
        (
            "LN",
            "GE10",
            {"myocardial_infarction": date(2026, 2, 12)},
            "Myocardial infarction 12-Feb-2026, within 12 weeks before infusion 1 on 31-Mar-2026",
        ),
    ],
)
def test_sentence_has_the_value_and_the_bound(group, criterion, changes, sentence):
    readings = judge(group, person(group, **changes))

    assert next(each for each in readings if each.criterion == criterion).sentence == sentence


def test_marks_say_what_is_not_public():
    for field in DATA.fields:
        is_ours = field.valid_days is not None or field.lowest is not None
        assert (field.key, field.illustrative) == (field.key, is_ours)
    assert [each.id for each in DATA.criteria if each.illustrative] == []


def test_form_asks_what_a_criterion_reads_and_nothing_else():
    read = {check.field for each in DATA.criteria for _, check in each.check.walk()}
    read |= {"immunosuppressant_half_life"}

    assert read - {None} == set(FORM)
    assert not {"ana_titre", "nih_activity"} & {each.key for each in DATA.asked_of("pMN")}
    assert "anti_pla2r" not in {each.key for each in DATA.asked_of("LN")}
