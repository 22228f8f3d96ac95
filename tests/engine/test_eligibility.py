"""Eligibility: three-valued checks, numbers, dates, judgements, the whole answer."""

from datetime import date, timedelta
from decimal import Decimal
from itertools import product

import pytest

from cohorts.engine.eligibility import (
    NEVER,
    NOT_APPLICABLE,
    AllOf,
    AnyOf,
    AtLeastBefore,
    Comparison,
    CriterionMet,
    Duration,
    EligibilityError,
    Field,
    FieldKind,
    HalfLives,
    IsOneOf,
    Kind,
    Result,
    State,
    Within,
    failed,
    first_expiry,
    is_eligible,
    judge_criteria,
    missing_anchors,
    missing_fields,
)
from cohorts.engine.eligibility.checks import Bound
from tests.engine.eligibility_fields import (
    ANCHORS,
    AST,
    ENOUGH,
    EVENT,
    HALF_LIFE,
    INFUSION,
    ON_DIALYSIS,
    OPINION,
    RECENT,
    TODAY,
    UPCR,
    criterion,
    on,
    read,
    upcr,
)


def test_number_reads_with_value_and_bound():
    short = read(ENOUGH, upcr=upcr("1.2"))
    exact = read(ENOUGH, upcr=upcr("1.50"))

    assert (short.state, short.passes) == (State.NOT_MET, False)
    assert short.sentence == "UPCR 1.2 g/g; needs at least 1.5 g/g"
    assert (exact.state, exact.passes, exact.missing) == (State.MET, True, ())
    assert exact.sentence == "UPCR 1.5 g/g; needs at least 1.5 g/g"


@pytest.mark.parametrize(
    ("bound", "met_at"),
    [
        (Bound.AT_LEAST, [False, True, True]),
        (Bound.ABOVE, [False, False, True]),
        (Bound.AT_MOST, [True, True, False]),
        (Bound.BELOW, [True, False, False]),
    ],
)
def test_bounds_hold_at_their_number(bound, met_at):
    check = Comparison(UPCR, bound, Decimal(2))

    found = [read(check, Kind.EXCLUSION, upcr=upcr(value)) for value in ("1.99", "2", "2.01")]

    assert [each.state for each in found] == [State.MET if met else State.NOT_MET for met in met_at]
    words = bound.name.lower().replace("_", " ")
    assert found[1].sentence == f"UPCR 2 g/g; excludes {words} 2 g/g"


def test_exclusion_that_is_met_does_not_pass():
    reading = read(ON_DIALYSIS, Kind.EXCLUSION, dialysis=Result("yes"))

    assert (reading.state, reading.passes) == (State.MET, False)
    assert reading.sentence == "Dialysis: yes; excludes yes"
    assert read(ON_DIALYSIS, Kind.EXCLUSION, dialysis=Result("no")).passes is True


def test_upper_limit_is_the_laboratorys_own():
    check = Comparison(AST, Bound.AT_LEAST, Decimal(3), times_upper_limit=True)

    def state(value, limit):
        result = Result(Decimal(value), upper_limit=limit and Decimal(limit))
        return read(check, Kind.EXCLUSION, ast=result).state

    assert state("119", "40") is State.NOT_MET
    assert state("120", "40") is State.MET
    assert state("120", "40.1") is State.NOT_MET
    assert state("30", None) is State.MISSING
    assert state("120", "400") is State.MISSING
    assert state("120", "0") is State.MISSING


def test_upper_limit_is_shown_and_asked_for():
    check = Comparison(AST, Bound.AT_LEAST, Decimal(3), times_upper_limit=True)

    without = read(check, Kind.EXCLUSION, ast=Result(Decimal(130)))
    reading = read(check, Kind.EXCLUSION, ast=Result(Decimal(130), upper_limit=Decimal(40)))

    assert (without.missing, without.sentence) == (("ast",), "The upper limit of AST is missing")
    assert reading.sentence == ("AST 130 U/L; excludes at least 3 times the upper limit of 40 U/L")


TRUTHS = (True, False, None)


def leaf(truth, at):
    """A yes-or-no question with that answer, and its result."""
    field = Field(f"q{at}", f"Q{at}", FieldKind.YES_NO)
    result = {} if truth is None else {field.key: Result("yes" if truth else "no")}
    return IsOneOf(field, ("yes",)), result


@pytest.mark.parametrize("truths", list(product(TRUTHS, repeat=3)))
def test_any_and_all_are_kleenes(truths):
    leaves = [leaf(truth, at) for at, truth in enumerate(truths)]
    results = {key: value for _, each in leaves for key, value in each.items()}
    checks = tuple(check for check, _ in leaves)
    unknown = tuple(f"q{at}" for at, truth in enumerate(truths) if truth is None)

    some, every = read(AnyOf(checks), **results), read(AllOf(checks), **results)

    assert some.state is (
        State.MET if True in truths else State.MISSING if unknown else State.NOT_MET
    )
    assert every.state is (
        State.NOT_MET if False in truths else State.MISSING if unknown else State.MET
    )
    for reading in (some, every):
        assert reading.missing == (unknown if reading.state is State.MISSING else ())


def test_sentence_names_what_decides():
    check = AnyOf((ENOUGH, ON_DIALYSIS))

    assert read(check, upcr=upcr(2)).sentence == "UPCR 2 g/g; needs at least 1.5 g/g"
    assert read(check, upcr=upcr(1)).sentence == "Dialysis is missing"
    assert read(check, upcr=upcr(1), dialysis=Result("no")).sentence == (
        "UPCR 1 g/g; needs at least 1.5 g/g. Dialysis: no; needs yes"
    )


def test_date_within_names_both_days():
    inside = read(RECENT, Kind.EXCLUSION, event=on(date(2026, 1, 12)))
    outside = read(RECENT, Kind.EXCLUSION, event=on(date(2025, 1, 12)))

    assert inside.sentence == (
        "Myocardial infarction 12-Jan-2026, within 12 weeks before infusion 1 on 03-Mar-2026"
    )
    assert (inside.state, outside.state) == (State.MET, State.NOT_MET)
    assert outside.sentence == (
        "Myocardial infarction 12-Jan-2025, not within 12 weeks before infusion 1 on 03-Mar-2026"
    )


def test_date_that_never_was_is_not_within_and_not_before():
    before = AtLeastBefore(EVENT, Duration(14, "days"), INFUSION)

    assert read(RECENT, Kind.EXCLUSION, event=on(NEVER)).state is State.NOT_MET
    assert read(before, event=on(NEVER)).passes is False
    assert read(before, event=on(NEVER)).sentence == "Myocardial infarction: never"


@pytest.mark.parametrize(
    ("day", "is_met", "words"),
    [
        (date(2026, 2, 16), True, "at least"),
        (date(2026, 2, 17), True, "at least"),
        (date(2026, 2, 18), False, "not at least"),
    ],
)
def test_date_at_least_so_long_before_counts_its_last_day(day, is_met, words):
    reading = read(AtLeastBefore(EVENT, Duration(14, "days"), INFUSION), event=on(day))

    assert reading.passes is is_met
    assert reading.sentence == (
        f"Myocardial infarction {day.day}-Feb-2026, {words} 14 days before infusion 1 on "
        "03-Mar-2026"
    )


@pytest.mark.parametrize(("day", "is_met"), [(8, False), (9, True), (10, True)])
def test_date_within_counts_its_last_day(day, is_met):
    assert read(RECENT, event=on(date(2025, 12, day))).passes is is_met


def test_date_after_the_reference_date_is_within():
    anchors = {"first_infusion": TODAY - timedelta(days=5)}

    assert read(RECENT, anchors=anchors, event=on(TODAY)).state is State.MET


def test_reference_date_not_known_makes_it_missing():
    reading = read(RECENT, anchors={}, event=on(date(2026, 1, 12)))

    assert (reading.state, reading.passes) == (State.MISSING, None)
    assert (reading.missing, reading.missing_anchors) == ((), ("first_infusion",))
    assert reading.sentence == "The date of infusion 1 is not known"
    assert missing_anchors([reading, reading]) == ("first_infusion",)
    assert read(RECENT, anchors={}, event=on(NEVER)).state is State.NOT_MET


@pytest.mark.parametrize(
    ("count", "unit", "day", "expected"),
    [
        (14, "days", date(2026, 3, 3), date(2026, 2, 17)),
        (12, "weeks", date(2026, 3, 3), date(2025, 12, 9)),
        (6, "months", date(2026, 3, 3), date(2025, 9, 3)),
        (6, "months", date(2026, 8, 31), date(2026, 2, 28)),
        (6, "months", date(2024, 8, 31), date(2024, 2, 29)),
        (1, "months", date(2026, 1, 31), date(2025, 12, 31)),
        (1, "years", date(2024, 2, 29), date(2023, 2, 28)),
        (5, "years", date(2026, 3, 3), date(2021, 3, 3)),
    ],
)
def test_duration_counts_back(count, unit, day, expected):
    assert Duration(count, unit).before(day) == expected
    assert Duration(count, unit).words == f"{count} {unit if count > 1 else unit.removesuffix('s')}"


WASHOUT = Within(EVENT, Duration(14, "days"), INFUSION, HalfLives(5, HALF_LIFE, per_day=24))


@pytest.mark.parametrize(
    ("days_before", "half_life", "state"),
    [
        (15, None, State.NOT_MET),
        (15, "240", State.NOT_MET),
        (14, None, State.MISSING),
        (14, "240", State.MET),
        (14, "67.2", State.MET),  # 5 x 67.2 h = 14 days
        (14, "62.4", State.NOT_MET),  # 13 days
        (13, "62.4", State.MET),
        (13, "62.5", State.MET),
        (14, "62.5", State.MET),  # 13.02 days: a part of a day counts as one
        (3, "9.6", State.NOT_MET),  # 2 days
        (2, "9.6", State.MET),
    ],
)
def test_shorter_of_days_and_half_lives_counts(days_before, half_life, state):
    day = ANCHORS["first_infusion"] - timedelta(days=days_before)
    results = {"event": on(day)}
    if half_life:
        results["half_life"] = Result(Decimal(half_life))

    reading = read(WASHOUT, Kind.EXCLUSION, **results)

    assert reading.state is state
    assert reading.missing == (("half_life",) if state is State.MISSING else ())


def test_dose_on_or_after_the_day_excludes_whatever_the_half_life():
    anchors = {"first_infusion": TODAY}

    assert read(WASHOUT, Kind.EXCLUSION, anchors=anchors, event=on(TODAY)).passes is False


def test_half_lives_are_named():
    results = {"event": on(date(2026, 2, 27)), "half_life": Result(Decimal(12))}

    assert read(WASHOUT, Kind.EXCLUSION, **results).sentence == (
        "Myocardial infarction 27-Feb-2026, not within 14 days or 5 half-lives of 12 hours, "
        "whichever is shorter, before infusion 1 on 03-Mar-2026"
    )


def test_what_was_never_measured_may_be_let_go():
    check = Comparison(UPCR, Bound.AT_MOST, Decimal(7), if_missing=True)

    assert read(check).state is State.MET
    assert read(check, upcr=upcr(8)).state is State.NOT_MET
    assert read(check, upcr=upcr(5, 29)).state is State.MISSING


def test_judgement_needs_its_comment():
    check = IsOneOf(OPINION, ("yes",))

    bare = read(check, Kind.EXCLUSION, opinion=Result("no", comment=" "))

    assert (bare.passes, bare.sentence) == (None, "Opinion has no comment")
    assert read(check, Kind.EXCLUSION, opinion=Result("no", comment="None known")).passes is True
    assert read(check, Kind.EXCLUSION, opinion=Result("yes", comment="Asthma")).passes is False
    assert read(check, opinion=Result("yes", comment="Seen")).passes is True


@pytest.mark.parametrize("kind", Kind)
def test_not_applicable_stands_in_nobodys_way_only_where_it_may(kind):
    check = IsOneOf(OPINION, ("yes",))
    answer = Result(NOT_APPLICABLE, comment="Hysterectomy")

    refused, allowed = (read(check, kind, allows=allows, opinion=answer) for allows in (0, 1))

    assert (refused.state, refused.missing) == (State.MISSING, ("opinion",))
    assert refused.sentence == "Opinion: not applicable is no answer to it"
    assert allowed.passes is True
    assert read(check, kind, allows=True, opinion=Result(NOT_APPLICABLE)).passes is None


def test_criterion_reads_another():
    inner = criterion(RECENT, Kind.EXCLUSION, "C2")
    check = AnyOf((ON_DIALYSIS, CriterionMet(inner)))

    hit = read(check, Kind.EXCLUSION, event=on(date(2026, 1, 12)))
    open_ = read(check, Kind.EXCLUSION, dialysis=Result("no"))
    clear = read(check, Kind.EXCLUSION, dialysis=Result("no"), event=on(NEVER))

    assert (hit.state, hit.sentence) == (State.MET, "C2 is met")
    assert (open_.state, open_.missing, open_.sentence) == (
        State.MISSING,
        ("event",),
        "C2 is missing",
    )
    assert (clear.passes, clear.sentence) == (True, "Dialysis: no; excludes yes. C2 is not met")


def test_group_decides_which_criteria_apply():
    criteria = [
        criterion(ENOUGH, criterion_id="G1"),
        criterion(ON_DIALYSIS, criterion_id="L1", group="LN"),
        criterion(ON_DIALYSIS, criterion_id="M1", group="pMN"),
    ]

    def judged(group):
        readings = judge_criteria(criteria, group=group, results={}, anchors={}, today=TODAY)
        return [reading.criterion for reading in readings]

    assert judged("LN") == ["G1", "L1"]
    assert judged("pMN") == ["G1", "M1"]
    for unknown in ("", "general", "ln"):
        with pytest.raises(EligibilityError):
            judged(unknown)


def test_whole_answer_follows_from_the_readings():
    criteria = [
        criterion(ON_DIALYSIS, Kind.EXCLUSION, "E1"),
        criterion(ENOUGH, Kind.INCLUSION, "I1"),
        criterion(RECENT, Kind.EXCLUSION, "E2"),
    ]
    form = ["upcr", "event", "dialysis"]

    def judged(**results):
        return judge_criteria(criteria, group="LN", results=results, anchors=ANCHORS, today=TODAY)

    nothing = judged()
    partly = judged(dialysis=Result("yes"), upcr=upcr(1))
    whole = judged(dialysis=Result("no"), upcr=upcr(2), event=on(NEVER))

    assert missing_fields(nothing, form) == ("upcr", "event", "dialysis")
    assert (is_eligible(nothing), failed(nothing), first_expiry(nothing)) == (False, (), None)
    assert (is_eligible(partly), failed(partly)) == (False, ("E1", "I1"))
    assert missing_fields(partly, form) == ("event",)
    assert (is_eligible(whole), failed(whole)) == (True, ())
    assert first_expiry(whole) == TODAY + timedelta(days=29)
    assert is_eligible(()) is False
