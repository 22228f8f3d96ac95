"""Evaluability: from exposure, window, statement and DLT to N, T, P or X."""

from dataclasses import replace
from fractions import Fraction
from itertools import product

import pytest

from cohorts.engine.evaluability import (
    Cause,
    DltState,
    EvaluabilityError,
    ExposureRules,
    Facts,
    Infusion,
    InfusionState,
    judge,
)

RULES = ExposureRules(
    minimum_infusions=2,
    required=frozenset({1}),
    minimum_fraction=Fraction(80, 100),
    upper_fraction=Fraction(120, 100),
)
ASSIGNED = 1_000_000_000
AWAITED = Infusion(InfusionState.AWAITED, ASSIGNED)
MISSED = Infusion(InfusionState.MISSED, ASSIGNED)
TOXICITY = Infusion(InfusionState.MISSED_FOR_TOXICITY, ASSIGNED)


def given(percent=100):
    return Infusion(InfusionState.GIVEN, ASSIGNED, ASSIGNED * percent // 100)


def infusions(*planned):
    return dict(enumerate(planned, start=1))


COMPLETE = Facts(
    is_lymphodepletion_given=True,
    infusions=infusions(given(), given(), given()),
    is_window_over=True,
    is_statement_signed=True,
    dlt=DltState.NONE,
)


def judged(**different):
    found = judge(replace(COMPLETE, **different), RULES)
    return found.letter, found.cause, found.is_proposed_not_evaluable


def test_exposure_window_and_statement_make_no_dlt():
    assert judge(COMPLETE, RULES).sentence == (
        "No DLT: exposure enough, window completed, statement signed."
    )
    assert judged() == ("N", Cause.COMPLETE, False)


@pytest.mark.parametrize(
    "planned",
    [
        (given(), given(), MISSED),
        (given(), MISSED, given()),
        (given(80), given(80), given(0)),
        (given(), given(), given(121)),
    ],
)
def test_infusion_one_and_one_more_are_enough(planned):
    assert judged(infusions=infusions(*planned)) == ("N", Cause.COMPLETE, False)


@pytest.mark.parametrize(
    "planned",
    [
        (given(), MISSED, MISSED),
        (MISSED, given(), given()),
        (given(79), given(), given()),
        (given(), given(79), given(79)),
        (given(), given(79), MISSED),
        (given(79), AWAITED, AWAITED),
        (MISSED, MISSED, MISSED),
    ],
)
def test_too_little_exposure_is_proposed_and_stays_pending(planned):
    found = judge(replace(COMPLETE, infusions=infusions(*planned)), RULES)

    assert (found.letter, found.cause) == ("P", Cause.EXPOSURE_TOO_LOW)
    assert found.is_proposed_not_evaluable is True
    assert found.sentence == (
        "Proposed as not evaluable: minimum exposure (2 infusions of 80% or more, number 1 among "
        "them) was not reached. Pending until a person confirms."
    )


def test_a_person_confirms_not_evaluable():
    found = judge(
        replace(
            COMPLETE,
            infusions=infusions(given(), MISSED, MISSED),
            ruled_reason="withdrew before infusion 2",
        ),
        RULES,
    )

    assert (found.letter, found.cause) == ("X", Cause.RULED_NOT_EVALUABLE)
    assert found.is_proposed_not_evaluable is False
    assert "withdrew before infusion 2" in found.sentence


def test_one_with_a_dlt_is_never_replaced():
    for infusion, window, signed, depletion, ruled in product(
        [given(), MISSED, TOXICITY, AWAITED, given(10)],
        [True, False],
        [True, False],
        [True, False],
        [None, "withdrew"],
    ):
        facts = Facts(
            is_lymphodepletion_given=depletion,
            infusions=infusions(given(), infusion, infusion),
            is_window_over=window,
            is_statement_signed=signed,
            dlt=DltState.COUNTED,
            ruled_reason=ruled,
        )
        assert judge(facts, RULES).letter == "T"
        assert judge(facts, RULES).cause is Cause.DLT


def test_a_provisional_dlt_is_pending_whatever_else_is_signed_or_ruled():
    assert judged(dlt=DltState.PROVISIONAL) == ("P", Cause.DLT_PROVISIONAL, False)
    assert judged(dlt=DltState.PROVISIONAL, ruled_reason="lost") == (
        "P",
        Cause.DLT_PROVISIONAL,
        False,
    )


def test_silence_is_not_no_dlt():
    assert judged(is_statement_signed=False) == ("P", Cause.STATEMENT_MISSING, False)


def test_an_open_window_is_pending_even_when_something_was_signed():
    assert judged(is_window_over=False) == ("P", Cause.WINDOW_OPEN, False)
    assert judged(is_window_over=False, is_statement_signed=False)[0] == "P"


def test_the_window_is_not_over_while_an_infusion_is_awaited():
    found = judge(replace(COMPLETE, infusions=infusions(given(), given(), AWAITED)), RULES)

    assert (found.letter, found.cause) == ("P", Cause.WINDOW_OPEN)
    assert found.sentence == "Pending: infusion 3 is awaited."


def test_nothing_planned_yet_is_pending():
    assert judged(infusions={}) == ("P", Cause.WINDOW_OPEN, False)


@pytest.mark.parametrize(
    "planned",
    [(given(), TOXICITY, TOXICITY), (given(), given(), TOXICITY), (given(), TOXICITY, MISSED)],
)
def test_a_missed_infusion_for_toxicity_waits_for_a_person(planned):
    found = judge(replace(COMPLETE, infusions=infusions(*planned)), RULES)

    assert (found.letter, found.cause) == ("P", Cause.TOXICITY_TO_ADJUDICATE)
    assert found.is_proposed_not_evaluable is False


def test_a_missed_infusion_for_toxicity_ruled_to_count():
    planned = infusions(given(), TOXICITY, TOXICITY)

    assert judged(infusions=planned, is_toxicity_adjudicated=True) == ("N", Cause.COMPLETE, False)
    assert judged(infusions=planned, is_toxicity_adjudicated=True, is_window_over=False)[0] == "P"
    assert judged(infusions=planned, ruled_reason="lost")[0] == "X"
    assert judged(
        infusions=infusions(given(79), TOXICITY, TOXICITY), is_toxicity_adjudicated=True
    ) == ("P", Cause.EXPOSURE_TOO_LOW, True)


def test_no_lymphodepletion_is_proposed_once_an_infusion_was_given():
    assert judged(is_lymphodepletion_given=False) == ("P", Cause.NO_LYMPHODEPLETION, True)
    assert judged(
        is_lymphodepletion_given=False,
        infusions=infusions(AWAITED, AWAITED, AWAITED),
        is_window_over=False,
    ) == ("P", Cause.WINDOW_OPEN, False)


def test_above_the_upper_fraction_is_a_deviation_that_counts():
    at = judge(replace(COMPLETE, infusions=infusions(given(120), given(), given())), RULES)
    above = judge(replace(COMPLETE, infusions=infusions(given(), given(121), given(130))), RULES)

    assert "Deviation" not in at.sentence
    assert above.letter == "N"
    assert above.sentence.endswith("Deviation: infusion 2, 3 above 120% of the assigned dose.")


def test_the_numbers_are_the_protocols():
    three = replace(RULES, minimum_infusions=3, required=frozenset())
    facts = replace(COMPLETE, infusions=infusions(given(), given(), given(79)))

    found = judge(facts, three)

    assert found.cause is Cause.EXPOSURE_TOO_LOW
    assert "(3 infusions of 80% or more)" in found.sentence
    low = replace(three, minimum_fraction=Fraction(785, 1000))
    assert judge(facts, low).letter == "N"
    assert "78.5%" in judge(replace(facts, infusions=infusions(given(1))), low).sentence


def test_prohibited_medication_is_proposed_and_stays_pending():
    found = judge(replace(COMPLETE, prohibited_medication="rituximab, belimumab"), RULES)

    assert (found.letter, found.cause) == ("P", Cause.PROHIBITED_MEDICATION)
    assert found.is_proposed_not_evaluable is True
    assert found.sentence == (
        "Proposed as not evaluable: prohibited medication in the DLT window (rituximab, "
        "belimumab). Pending until a person confirms."
    )


@pytest.mark.parametrize(
    ("different", "letter", "cause"),
    [
        ({"dlt": DltState.COUNTED}, "T", Cause.DLT),
        ({"dlt": DltState.PROVISIONAL}, "P", Cause.DLT_PROVISIONAL),
        ({"ruled_reason": "rituximab"}, "X", Cause.RULED_NOT_EVALUABLE),
        ({"infusions": infusions(given(), TOXICITY)}, "P", Cause.TOXICITY_TO_ADJUDICATE),
        ({"infusions": infusions(given(), MISSED, MISSED)}, "P", Cause.EXPOSURE_TOO_LOW),
        ({"is_window_over": False}, "P", Cause.PROHIBITED_MEDICATION),
        ({"is_statement_signed": False}, "P", Cause.PROHIBITED_MEDICATION),
    ],
)
def test_what_goes_before_prohibited_medication(different, letter, cause):
    assert judged(prohibited_medication="rituximab", **different)[:2] == (letter, cause)


def test_fractions_are_exact():
    almost = Infusion(InfusionState.GIVEN, 10**18, 8 * 10**17 - 1)
    enough = Infusion(InfusionState.GIVEN, 10**18, 8 * 10**17)

    assert judged(infusions=infusions(almost, given(), given()))[1] is Cause.EXPOSURE_TOO_LOW
    assert judged(infusions=infusions(enough, given(), given()))[0] == "N"


def test_every_combination_of_facts_has_an_answer_and_only_a_person_rules_x():
    kinds = [given(), given(50), AWAITED, MISSED, TOXICITY]
    for planned in product(kinds, repeat=3):
        for depletion, over, signed, adjudicated, dlt, ruled, taken in product(
            *[[True, False]] * 4, DltState, [None, "lost"], [None, "rituximab"]
        ):
            facts = Facts(
                is_lymphodepletion_given=depletion,
                infusions=infusions(*planned),
                is_window_over=over,
                is_statement_signed=signed,
                dlt=dlt,
                is_toxicity_adjudicated=adjudicated,
                ruled_reason=ruled,
                prohibited_medication=taken,
            )
            letter = judge(facts, RULES).letter
            assert (letter == "T") == (dlt is DltState.COUNTED)
            assert (letter == "X") == (ruled is not None and dlt is DltState.NONE)
            if letter == "N":
                assert depletion
                assert over
                assert signed
                assert AWAITED not in planned
                assert planned[0] == given()
                assert adjudicated or TOXICITY not in planned
                assert taken is None


def every_combination():
    kinds = [given(), AWAITED, MISSED, TOXICITY]
    for planned in product(kinds, repeat=2):
        for depletion, over, signed, dlt, ruled, taken in product(
            *[[True, False]] * 3, DltState, [None, "lost"], [None, "rituximab"]
        ):
            yield Facts(
                depletion,
                infusions(*planned),
                over,
                signed,
                dlt,
                ruled_reason=ruled,
                prohibited_medication=taken,
            )


def test_every_cause_has_its_sentence():
    sentences = {}
    for facts in every_combination():
        found = judge(facts, RULES)
        sentences.setdefault(found.cause, set()).add(found.sentence)

    assert {cause: sorted(said) for cause, said in sentences.items()} == {
        Cause.DLT: ["A DLT in the window: counts, whatever the exposure."],
        Cause.DLT_PROVISIONAL: ["An event in the window may still become a DLT."],
        Cause.RULED_NOT_EVALUABLE: ["Not evaluable, confirmed: lost. The seat is replaced."],
        Cause.TOXICITY_TO_ADJUDICATE: [
            f"Infusion {which} was missed for a toxicity that is no DLT: pending until a person "
            "rules; never replaced automatically."
            for which in ("1", "1, 2", "2")
        ],
        Cause.NO_LYMPHODEPLETION: [
            "Proposed as not evaluable: no lymphodepletion before the first infusion. Pending "
            "until a person confirms."
        ],
        Cause.EXPOSURE_TOO_LOW: [
            "Proposed as not evaluable: minimum exposure (2 infusions of 80% or more, number 1 "
            "among them) was not reached. Pending until a person confirms."
        ],
        Cause.PROHIBITED_MEDICATION: [
            "Proposed as not evaluable: prohibited medication in the DLT window (rituximab). "
            "Pending until a person confirms."
        ],
        Cause.WINDOW_OPEN: [
            "Pending: infusion 1 is awaited.",
            "Pending: infusion 1, 2 is awaited.",
            "Pending: infusion 2 is awaited.",
            "Pending: the DLT window is open.",
        ],
        Cause.STATEMENT_MISSING: [
            'The window is over; the statement "no DLT in the window" is not signed.'
        ],
        Cause.COMPLETE: ["No DLT: exposure enough, window completed, statement signed."],
    }


def test_deviation_is_said_after_the_rest():
    found = judge(replace(COMPLETE, infusions=infusions(given(), given(150))), RULES)

    assert found.sentence == (
        "No DLT: exposure enough, window completed, statement signed. "
        "Deviation: infusion 2 above 120% of the assigned dose."
    )


def test_words_that_are_stored_stay_as_they_are():
    for words in (InfusionState, DltState, Cause):
        assert [word.value for word in words] == [word.name for word in words]


DOSE_MISSING = "An infusion has an assigned dose, and a given one once given."


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda: Infusion(InfusionState.GIVEN, ASSIGNED), DOSE_MISSING),
        (lambda: Infusion(InfusionState.MISSED, ASSIGNED, 5), DOSE_MISSING),
        (lambda: Infusion(InfusionState.GIVEN, 0, 5), DOSE_MISSING),
        (lambda: Infusion(InfusionState.GIVEN, ASSIGNED, -1), "A given dose is not negative."),
        (lambda: replace(COMPLETE, ruled_reason=" "), "A ruling of not evaluable has a reason."),
        (
            lambda: replace(COMPLETE, prohibited_medication=" "),
            "A prohibited medication has a name.",
        ),
    ],
)
def test_facts_that_cannot_be_are_refused(make, sentence):
    with pytest.raises(EvaluabilityError) as refusal:
        make()

    assert str(refusal.value) == sentence


def test_smallest_doses_that_can_be():
    assert Infusion(InfusionState.GIVEN, 1, 0).fraction == 0
    assert Infusion(InfusionState.GIVEN, 1, 1).fraction == 1
    assert AWAITED.fraction is None
