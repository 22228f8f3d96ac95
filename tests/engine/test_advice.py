"""What comes with an answer: bounds, reasons, counts, words; and what is refused."""

import pytest

from cohorts.engine.advice import name_answer, recommend
from cohorts.engine.design import Answer, DesignError, StopOutcome, Tally, Verdict
from tests.engine.designs import advise, could_be, make_design


def test_bounds_lists_every_answer_lowest_dose_first():
    assert could_be("1NNP") == ["ENROL 1", "EXPAND_COHORT 1", "ESCALATE 2"]
    assert could_be("1TTP") == ["NO_TOLERATED_DOSE"]
    assert could_be("1NNN 2NTP") == ["DE_ESCALATE 1", "ENROL 2", "EXPAND_COHORT 2"]
    assert could_be("1TP", minus_one=True) == ["DE_ESCALATE -1", "ENROL 1"]


def test_recommendation_names_rule_counts_and_working_level():
    advice = advise("1NNN 2NTP")

    assert advice.rule == "5 wait, seats taken"
    assert advice.working_level == 2
    assert advice.counts == Tally(2, 1, 1)
    assert advice.is_certain is False
    assert advice.is_stopped is False
    assert advice.verdict is Verdict.WAIT
    assert (advice.level, advice.outcome, advice.mtd) == (2, None, None)
    assert advice.reasons == (
        "All 3 seats at level 2 are taken: 2 evaluable, 1 with a DLT, 1 pending.",
        "It depends on the participant pending. Still possible: de-escalate to level 1; "
        "enrol at level 2; expand the cohort at level 2.",
    )


def test_recommendation_says_when_it_is_certain_whatever_happens():
    advice = advise("1NNNNNN 2TTPP")

    assert advice.is_certain is True
    assert advice.is_stopped is True
    assert (advice.outcome, advice.mtd) == (StopOutcome.MTD, 1)
    assert advice.reasons[1] == (
        "Whatever the 2 participants pending will show, the answer then is: "
        "stop, the MTD is level 1."
    )


@pytest.mark.parametrize(
    ("history", "options", "rule", "reason"),
    [
        (
            "1NNN 2TTP",
            {"complete": True},
            "8 complete the cohort",
            "Two or more DLTs at level 2: no further seat is filled there, and the protocol "
            "completes the seated participants before the level is closed.",
        ),
        (
            "1TT",
            {},
            "7 no dose left",
            "Two or more DLTs at level 1, and no planned level is left below it.",
        ),
        (
            "1TT",
            {"minus_one": True},
            "7 level -1",
            "Two or more DLTs at level 1: the planned level -1 opens.",
        ),
        (
            "1NNN 2TT",
            {},
            "5 go back down",
            "Two or more DLTs at level 2 close it and all above; level 1 still needs "
            "participants: 3 evaluable, no DLT, 0 pending, 6 needed.",
        ),
        (
            "1NNT",
            {},
            "5 expand the cohort",
            "Level 1 needs six: 3 evaluable, 1 with a DLT, 0 pending. Three more participants at "
            "this level.",
        ),
        (
            "1N",
            {},
            "5 enrol",
            "Level 1 has seats left: 1 evaluable, no DLT, 0 pending, 3 seats in all.",
        ),
        (
            "1NPP",
            {},
            "5 wait, seats taken",
            "All 3 seats at level 1 are taken: 1 evaluable, no DLT, 2 pending.",
        ),
        (
            "1NNNNNN 2TT",
            {},
            "6 MTD",
            "Level 1 is tolerated (6 evaluable, no DLT, 0 pending) and the level above is toxic: "
            "level 1 is the maximum tolerated dose.",
        ),
        (
            "1NNN 2NNN 3NNNNNN",
            {},
            "6 MTD not reached",
            "The highest planned level is tolerated (6 evaluable, no DLT, 0 pending): the maximum "
            "tolerated dose was not reached.",
        ),
        (
            "1NNN",
            {},
            "6 escalate",
            "Level 1 is tolerated (3 evaluable, no DLT, 0 pending) and the next level is untried.",
        ),
        (
            "1NNNP",
            {"with_pending": True},
            "6 escalate with pending",
            "Level 1 is tolerated on those evaluable (3 evaluable, no DLT, 1 pending); the "
            "protocol lets one participant be pending while the next level opens.",
        ),
        (
            "1NNNP",
            {},
            "6 wait, not yet certain",
            "Those evaluable at level 1 would allow more (3 evaluable, no DLT, 1 pending), but "
            "someone pending can still change the answer.",
        ),
    ],
)
def test_rule_that_fired_is_named_with_its_reason(history, options, rule, reason):
    advice = advise(history, **options)

    assert advice.rule == rule
    assert advice.reasons[0] == reason


@pytest.mark.parametrize(
    ("history", "options", "reason"),
    [
        ("1NNN 2NNN 3NNNPPP", {}, "All 6 seats at level 3 are taken: "),
        ("1NNN 2TT 1PPP", {}, "All 6 seats at level 1 are taken: "),
        ("1NNTPPP", {}, "All 6 seats at level 1 are taken: "),
        ("1NNP", {}, "All 3 seats at level 1 are taken: "),
        ("1NNNTP", {}, "Level 1 has seats left: 4 evaluable, 1 with a DLT, 1 pending, 6 seats"),
        ("1NNT 2TT", {"min_n": 3}, "3 evaluable, 1 with a DLT, 0 pending, 6 needed."),
        ("1NN 2TT", {"min_n": 3}, "2 evaluable, no DLT, 0 pending, 3 needed."),
    ],
)
def test_reasons_count_the_seats_that_count(history, options, reason):
    assert reason in advise(history, **options).reasons[0]


@pytest.mark.parametrize("history", ["", "2TT", "1TT -1X"])
def test_a_level_with_nobody_counts_nobody(history):
    advice = advise(history, minus_one=True)

    assert advice.counts == Tally(0, 0, 0)
    assert "0 evaluable, no DLT, 0 pending" in advice.reasons[0]


def test_answers_in_words():
    assert name_answer(Answer(Verdict.ESCALATE, 3)) == "escalate to level 3"
    assert name_answer(Answer(Verdict.ENROL, 1)) == "enrol at level 1"
    assert name_answer(Answer(Verdict.WAIT, 2)) == "wait at level 2"
    assert name_answer(Answer(Verdict.STOP, None, StopOutcome.MTD_NOT_REACHED, 3)) == (
        "stop, level 3 is tolerated and the MTD was not reached"
    )
    assert name_answer(Answer(Verdict.STOP, None, StopOutcome.NO_TOLERATED_DOSE)) == (
        "stop, no tolerated dose"
    )


@pytest.mark.parametrize(
    ("tallies", "current", "sentence"),
    [
        ({}, 4, "Level 4 is not on this ladder (levels 1 to 3)."),
        ({0: Tally(1, 0)}, 1, "Level 0 is not on this ladder (levels 1 to 3)."),
        ({-1: Tally(1, 0)}, 1, "Level -1 is not on this ladder (levels 1 to 3)."),
        (
            {1: Tally(1, 2)},
            1,
            "Level 1 cannot have 2 with a DLT among 1 evaluable, 0 pending.",
        ),
        (
            {1: Tally(1, -1)},
            1,
            "Level 1 cannot have -1 with a DLT among 1 evaluable, 0 pending.",
        ),
        (
            {1: Tally(1, 0, -1)},
            1,
            "Level 1 cannot have 0 with a DLT among 1 evaluable, -1 pending.",
        ),
    ],
)
def test_counts_that_cannot_be_are_refused(tallies, current, sentence):
    with pytest.raises(DesignError) as refusal:
        recommend(make_design(), tallies, current)

    assert str(refusal.value) == sentence


def test_ladder_is_named_in_the_refusal():
    with pytest.raises(DesignError, match=r"\(level 1\)\.$"):
        recommend(make_design(1), {}, 2)
    with pytest.raises(DesignError, match=r"\(levels 1 to 2, and -1\)\.$"):
        recommend(make_design(2, minus_one=True), {}, 3)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"doses": 0}, "A ladder has at least one dose level."),
        ({"min_n": 4}, "min_n_at_mtd is 3 or 6."),
        (
            {"min_n": 6, "deescalate": False},
            "Six at the MTD needs de-escalation: a level left with three can only be filled to "
            "six by going back down. Choose min_n_at_mtd 3 or allow de-escalation.",
        ),
    ],
)
def test_design_that_contradicts_itself_is_refused(options, sentence):
    with pytest.raises(DesignError) as refusal:
        make_design(**options)

    assert str(refusal.value) == sentence


def test_rank_orders_answers_by_dose():
    def rank(verdict, level, outcome=None, mtd=None):
        return Answer(verdict, level, outcome, mtd).rank

    assert rank(Verdict.ENROL, 2) == rank(Verdict.EXPAND_COHORT, 2) == 4
    assert rank(Verdict.WAIT, 2) == rank(Verdict.DE_ESCALATE, 2) == 4
    assert rank(Verdict.ESCALATE, 3) == 6
    assert rank(Verdict.STOP, None, StopOutcome.MTD, 2) == 5
    assert rank(Verdict.STOP, None, StopOutcome.MTD_NOT_REACHED, 3) == 7
    assert rank(Verdict.STOP, None, StopOutcome.NO_TOLERATED_DOSE) == -2
    assert rank(Verdict.ENROL, -1) == 0
    assert rank(Verdict.STOP, None, StopOutcome.MTD, -1) == 1
