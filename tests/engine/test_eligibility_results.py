"""Eligibility: what is missing, what expires, and what was typed."""

from dataclasses import replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from itertools import product

import pytest

from cohorts.engine.eligibility import (
    NEVER,
    NOT_APPLICABLE,
    AllOf,
    AnyOf,
    AtLeastBefore,
    CriterionMet,
    Duration,
    EntryError,
    Field,
    FieldKind,
    HalfLives,
    IsOneOf,
    Kind,
    Result,
    State,
    Within,
    read_upper_limit,
    read_value,
)
from tests.engine.eligibility_fields import (
    AST,
    DIALYSIS,
    ENOUGH,
    EVENT,
    HALF_LIFE,
    INFUSION,
    ON_DIALYSIS,
    OPINION,
    RECENT,
    TEST,
    TODAY,
    UPCR,
    criterion,
    on,
    read,
    upcr,
)


def test_result_is_read_to_its_last_day():
    last, expired = read(ENOUGH, upcr=upcr(2, 28)), read(ENOUGH, upcr=upcr(2, 29))

    assert (last.state, last.expires_on) == (State.MET, TODAY + timedelta(days=1))
    assert (expired.state, expired.passes) == (State.MISSING, None)
    assert (expired.missing, expired.expired) == (("upcr",), ("upcr",))
    assert expired.sentence == "UPCR is out of date since 01-Mar-2026"


def test_result_of_no_day_is_missing_where_it_expires():
    assert read(ENOUGH, upcr=Result(Decimal(2))).sentence == "UPCR has no date"
    assert read(ENOUGH, upcr=Result(Decimal(2))).expired == ()


def test_result_dated_after_today_is_missing():
    assert read(ENOUGH, upcr=upcr(2, -1)).sentence == "UPCR is dated after today"
    assert read(RECENT, event=on(TODAY + timedelta(days=1))).passes is None


@pytest.mark.parametrize("value", ["2", 2, Decimal("NaN"), Decimal(31), Decimal(-1), TODAY, None])
def test_value_that_is_none_of_the_field_is_missing(value):
    reading = read(ENOUGH, upcr=Result(value, TODAY))

    assert reading.passes is None
    assert reading.sentence == "UPCR: what was entered cannot be read"


@pytest.mark.parametrize("value", ["2026-01-12", datetime(2026, 1, 12), date(206, 1, 6)])  # noqa: DTZ001
def test_date_that_is_no_date_is_missing(value):
    assert read(RECENT, Kind.EXCLUSION, event=on(value)).passes is None


def test_any_holds_as_long_as_one_part_does():
    other = Field("other", "Other", FieldKind.YES_NO, valid_days=7)
    check = AnyOf((ENOUGH, IsOneOf(other, ("yes",))))
    results = {"upcr": upcr(2), "other": Result("yes", TODAY)}

    assert read(check, **results).expires_on == TODAY + timedelta(days=29)
    assert read(AllOf(check.checks), **results).expires_on == TODAY + timedelta(days=8)


def test_any_with_a_part_that_keeps_never_expires():
    check = AnyOf((ENOUGH, ON_DIALYSIS))

    assert read(check, upcr=upcr(2), dialysis=Result("yes")).expires_on is None
    assert read(check, upcr=upcr(2), dialysis=Result("no")).expires_on == TODAY + timedelta(29)


ASKED = replace(EVENT, valid_days=28)
DATED = [
    Within(ASKED, Duration(12, "weeks"), INFUSION),
    AtLeastBefore(ASKED, Duration(12, "weeks"), INFUSION),
    Within(ASKED, Duration(14, "days"), INFUSION, HalfLives(5, HALF_LIFE, per_day=24)),
]


@pytest.mark.parametrize("check", DATED, ids=["within", "at least before", "half-lives"])
@pytest.mark.parametrize("value", [NEVER, date(2001, 1, 1), date(2026, 2, 25)])
def test_date_is_asked_again_when_it_expires(check, value):
    results = {"half_life": Result(Decimal(12)), "event": Result(value, TODAY)}

    assert read(check, **results).expires_on == TODAY + timedelta(days=29)


def test_half_life_that_expires_first_ends_the_answer():
    half_life = replace(HALF_LIFE, valid_days=7)
    check = Within(ASKED, Duration(14, "days"), INFUSION, HalfLives(5, half_life, per_day=24))
    results = {
        "half_life": Result(Decimal(12), TODAY),
        "event": Result(date(2026, 2, 25), TODAY),
    }

    assert read(check, **results).expires_on == TODAY + timedelta(days=8)


def test_choice_names_the_answers_it_needs():
    check = IsOneOf(replace(TEST, valid_days=7), ("negative", "positive"))

    reading = read(check, test=Result("negative", TODAY))

    assert reading.sentence == "Test: negative; needs negative or positive"
    assert reading.expires_on == TODAY + timedelta(days=8)


def test_criterion_that_reads_another_expires_with_it():
    inner = criterion(ENOUGH, criterion_id="C2")

    reading = read(CriterionMet(inner), upcr=upcr(2))
    expired = read(CriterionMet(inner), upcr=upcr(2, 29))

    assert (reading.state, reading.expires_on) == (State.MET, TODAY + timedelta(days=29))
    assert (expired.missing, expired.expired) == (("upcr",), ("upcr",))


def test_parts_name_each_thing_missing_once():
    inner = criterion(RECENT, criterion_id="C2")
    check = AllOf((RECENT, CriterionMet(inner), ENOUGH, ENOUGH))

    reading = read(check, anchors={}, event=on(date(2026, 1, 12)), upcr=upcr(2, 29))

    assert reading.missing_anchors == ("first_infusion",)
    assert (reading.missing, reading.expired) == (("upcr",), ("upcr",))
    assert reading.sentence == (
        "The date of infusion 1 is not known. C2 is missing. UPCR is out of date since 01-Mar-2026"
    )


EITHER = (True, False)


@pytest.mark.parametrize("ages", list(product((0, 10, 28), (0, 3, 7), EITHER, EITHER)))
def test_answer_holds_until_it_expires_and_not_after(ages):
    upcr_age, other_age, is_yes, is_any = ages
    other = Field("other", "Other", FieldKind.YES_NO, valid_days=7)
    parts = (ENOUGH, IsOneOf(other, ("yes",)))
    answer = Result("yes" if is_yes else "no", TODAY - timedelta(days=other_age))
    results = {"upcr": upcr(2, upcr_age), "other": answer}
    check = AnyOf(parts) if is_any else AllOf(parts)

    found = read(check, **results)
    assert found.expires_on is not None
    day = TODAY
    while day < found.expires_on:
        assert read(check, today=day, **results).state is found.state
        day += timedelta(days=1)
    assert read(check, today=day, **results).state is State.MISSING


@pytest.mark.parametrize(
    ("field", "text", "unit", "value"),
    [
        (UPCR, " 1.50 ", "g/g", Decimal("1.5")),
        (UPCR, "1500", "mg/g", Decimal("1.5")),
        (UPCR, "0", "g/g", Decimal(0)),
        (HALF_LIFE, "1.5", "days", Decimal(36)),
        (EVENT, "2026-01-12", "", date(2026, 1, 12)),
        (EVENT, "12-jan-2026", "", date(2026, 1, 12)),
        (EVENT, "1900-01-01", "", date(1900, 1, 1)),
        (EVENT, "Never", "", NEVER),
        (TEST, "Positive", "", "positive"),
        (DIALYSIS, "no", "", "no"),
        (OPINION, "not applicable", "", NOT_APPLICABLE),
    ],
)
def test_typed_value_is_read(field, text, unit, value):
    assert read_value(field, text, unit) == value


@pytest.mark.parametrize(
    ("field", "text", "unit", "code"),
    [
        (UPCR, "", "g/g", "empty"),
        (UPCR, "1.5", "", "wrong_unit"),
        (UPCR, "1.5", "mg/mmol", "wrong_unit"),
        (UPCR, "1,5", "g/g", "not_a_number"),
        (UPCR, "1.500,2", "g/g", "not_a_number"),
        (UPCR, "1e3", "g/g", "not_a_number"),
        (UPCR, "NaN", "g/g", "not_a_number"),
        (UPCR, "<1.5", "g/g", "not_a_number"),
        (UPCR, "١", "g/g", "not_a_number"),
        (UPCR, "1.496", "g/g", "too_many_decimals"),
        (UPCR, "1496", "mg/g", "too_many_decimals"),
        (UPCR, "1500", "g/g", "implausible"),
        (UPCR, "-1", "g/g", "implausible"),
        (EVENT, "03/04/2026", "", "bad_date"),
        (EVENT, "2026-02-30", "", "bad_date"),
        (EVENT, "0206-01-06", "", "implausible"),
        (EVENT, "1899-12-31", "", "implausible"),
        (EVENT, "12-Foo-2026", "", "bad_date"),
        (EVENT, "2026-01-12", "days", "wrong_unit"),
        (TEST, "unclear", "", "unknown_choice"),
        (DIALYSIS, "not applicable", "", "unknown_choice"),
    ],
)
def test_typed_value_is_refused(field, text, unit, code):
    with pytest.raises(EntryError) as caught:
        read_value(field, text, unit)

    assert caught.value.code == code
    assert caught.value.sentence.startswith(field.label)


def test_refusal_says_which_units_are_converted():
    with pytest.raises(EntryError) as caught:
        read_value(UPCR, "1.5", "mg/mmol")

    assert caught.value.sentence == (
        "UPCR is entered in g/g; converted from: mg/g; not in mg/mmol."
    )


def test_never_is_refused_where_an_event_must_have_been():
    biopsy = Field("biopsy", "Biopsy", FieldKind.DATE)

    with pytest.raises(EntryError) as caught:
        read_value(biopsy, "never")

    assert caught.value.code == "bad_date"
    assert not biopsy.takes(NEVER)


def test_upper_limit_is_read_like_its_value():
    assert read_upper_limit(AST, "40", "U/L") == Decimal(40)
    for field, text, unit, code in [
        (AST, "400", "U/L", "implausible"),
        (AST, "0", "U/L", "implausible"),
        (AST, "40", "", "wrong_unit"),
        (AST, "", "U/L", "not_a_number"),
        (UPCR, "1", "g/g", "no_upper_limit"),
    ]:
        with pytest.raises(EntryError) as caught:
            read_upper_limit(field, text, unit)
        assert caught.value.code == code
