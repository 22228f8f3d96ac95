"""Each sentence of the rule for every live state, with its examples."""

import pytest

from cohorts.engine.advice import name_answer, recommend
from cohorts.engine.design import Answer, DesignError, StopOutcome, Tally, Verdict
from tests.engine.designs import advise, could_be, make_design, say

# --- Rule 1 ---


@pytest.mark.parametrize(
    "history",
    ["1TT", "1NTT", "1NNNNNTT", "1NNNNNNNNNNTT", "1TTP", "1TTPPP", "1TTTTTT"],
)
def test_rule_1_two_dlts_close_a_level_whatever_n(history):
    assert say(history) == "NO_TOLERATED_DOSE"


def test_rule_1_the_lowest_toxic_level_counts():
    assert say("1NNN 2NTT 3TT") == "DE_ESCALATE 1"
    assert say("1NNNNNN 2NTT 3TT") == "MTD 1"


def test_rule_1_late_second_dlt_closes_a_level_left_long_ago():
    assert say("1NNNNTT 2NNN 3N") == "NO_TOLERATED_DOSE"
    assert say("1NNN 2NTNNNT 3NN") == "DE_ESCALATE 1"


# --- Rule 2 ---


def test_rule_2_a_late_dlt_below_brings_the_trial_back_down():
    assert say("1NNT 2NNP") == "EXPAND_COHORT 1"
    assert say("1NNNT 2NNN") == "ENROL 1"


def test_rule_2_someone_pending_below_holds_the_level_above():
    assert say("1NNP 2NNN") == "WAIT 1"
    assert say("1NNP 2N") == "WAIT 1"


def test_rule_2_the_lowest_of_several_undecided_levels():
    assert say("1NNT 2NNT 3NNT") == "EXPAND_COHORT 1"
    assert say("1NNN 2NNT 3NNT") == "EXPAND_COHORT 2"


def test_rule_2_a_level_settled_in_every_completion_does_not_hold():
    assert say("1NNNNNP 2N") == "ENROL 2"
    assert say("1NNNNNNP 2NNN") == "ESCALATE 3"
    assert say("1NNNNNT 2N") == "ENROL 2"


def test_rule_2_a_level_with_no_dlt_and_nobody_pending_does_not_hold():
    assert say("1NN 2NNN") == "ESCALATE 3"
    assert say("1X 2N") == "ENROL 2"


def test_rule_2_pending_people_at_a_closed_level_are_ignored():
    assert say("1NNN 2TTP 3PP") == "DE_ESCALATE 1"
    assert say("1NNNNNN 2TTPP") == "MTD 1"
    assert could_be("1NNNNNN 2TTPP") == ["MTD 1"]


# --- Rule 3 ---


def test_rule_3_three_seats_until_three_are_evaluable():
    assert say("1NT") == "ENROL 1"
    assert say("1NTP") == "WAIT 1"
    assert say("1PPP") == "WAIT 1"
    assert say("1NNN 2NNN 3NNP") == "WAIT 3"
    assert say("1NNN 2TT 1X") == "EXPAND_COHORT 1"
    assert say("1NNX 2TT 1P") == "WAIT 1"


def test_rule_3_six_seats_with_one_dlt():
    assert say("1NNTPP") == "ENROL 1"
    assert say("1NNTPPP") == "WAIT 1"
    assert say("1NNTNNP") == "WAIT 1"


def test_rule_3_six_seats_at_the_top_when_it_is_confirmed():
    assert say("1NNN 2NNN 3NNNP") == "ENROL 3"
    assert say("1NNN 2NNN 3NNNPP") == "ENROL 3"
    assert say("1NNN 2NNN 3NNNPPP") == "WAIT 3"
    assert say("1NNN 2NNN 3NNNP", confirm=False) == "WAIT 3"


def test_rule_3_six_seats_below_a_toxic_level():
    assert say("1NNN 2TT 1P") == "ENROL 1"
    assert say("1NNN 2TT 1PPP") == "WAIT 1"
    assert say("1NNN 2TT 1P", min_n=3) == "WAIT 1"


def test_rule_3_expanding_at_once_raises_the_cap_with_the_first_dlt():
    assert say("1T", at_once=True) == "EXPAND_COHORT 1"
    assert say("1TPP", at_once=True) == "EXPAND_COHORT 1"
    assert say("1TPPP", at_once=True) == "ENROL 1"
    assert say("1TPPPPP", at_once=True) == "WAIT 1"
    assert say("1T") == "ENROL 1"
    assert say("1TPP") == "WAIT 1"
    assert say("1NN", at_once=True) == "ENROL 1"
    assert say("1NNP", at_once=True) == "WAIT 1"


# --- Rule 4 and 6 ---


@pytest.mark.parametrize(
    ("history", "expected"),
    [
        ("1NNNNNP", "ESCALATE 2"),
        ("1NNNNNNP", "ESCALATE 2"),
        ("1NNNP", "WAIT 1"),
        ("1NNNNP", "WAIT 1"),
        ("1NNNNNTP", "WAIT 1"),
        ("1NNNNNNPP", "WAIT 1"),
        ("1NNNNNNNT", "ESCALATE 2"),
        ("1NNNN", "ESCALATE 2"),
        ("1NNNNN", "ESCALATE 2"),
    ],
)
def test_rule_6_escalates_only_when_nobody_pending_can_change_it(history, expected):
    assert say(history) == expected


def test_rule_6_a_stop_that_names_a_dose_needs_certainty():
    assert say("1NNNNNTP 2TT") == "WAIT 1"
    assert say("1NNNNNP 2TT") == "WAIT 1"
    assert say("1NNNNNNP 2TT") == "MTD 1"
    assert say("1NNN 2NNN 3NNNNNTP") == "WAIT 3"
    assert say("1NNN 2NNN 3NNNNNNP") == "MTD_NOT_REACHED 3"
    assert say("1NNNP 2TT", min_n=3) == "WAIT 1"


def test_rule_6_no_tolerated_dose_needs_no_certainty():
    assert say("1TTPPPP") == "NO_TOLERATED_DOSE"


@pytest.mark.parametrize(
    ("history", "expected"),
    [
        ("1NNNP", "ESCALATE 2"),
        ("1NNNNP", "ESCALATE 2"),
        ("1NNNPP", "WAIT 1"),
        ("1NNP", "WAIT 1"),
        ("1NNTNNP", "WAIT 1"),
        ("1NNTNNNP", "WAIT 1"),
        ("1NNNNNNPP", "WAIT 1"),
        ("1NNNP 2", "error"),
    ],
)
def test_rule_6_escalate_with_pending_needs_n_and_x_alone_and_one_at_most(history, expected):
    if expected == "error":
        with pytest.raises(ValueError):
            say(history, with_pending=True)
        return
    assert say(history, with_pending=True) == expected


def test_escalate_with_pending_passes_one_level_and_then_waits():
    assert say("1NNNP 2N", with_pending=True) == "ENROL 2"
    assert say("1NNNP 2NNP", with_pending=True) == "WAIT 2"
    assert say("1NNNP 2NNT", with_pending=True) == "EXPAND_COHORT 2"
    assert say("1NNNP 2NNN", with_pending=True) == "WAIT 2"
    assert say("1NNNP 2NNNP", with_pending=True) == "WAIT 2"


def test_escalate_with_pending_never_reaches_two_levels_up():
    assert say("1NNNP 2NNN 3N", with_pending=True) == "WAIT 1"
    assert say("1NNNP 2NNNP 3N", with_pending=True) == "WAIT 1"
    assert say("1NNNP 3N", with_pending=True) == "WAIT 1"


def test_escalate_with_pending_does_not_declare_an_mtd():
    assert say("1NNNP 2TT", min_n=3, with_pending=True) == "WAIT 1"
    assert say("1NNN 2NNN 3NNNP", confirm=False, with_pending=True) == "WAIT 3"


def test_escalate_with_pending_passes_nothing_that_must_be_filled_to_six():
    assert say("1NNNP 2NNN 3TT", with_pending=True) == "DE_ESCALATE 1"
    assert say("1NNNP 2NNN 3TT", min_n=3, with_pending=True) == "WAIT 2"


def test_escalate_with_pending_off_waits_below():
    assert say("1NNNP 2N") == "WAIT 1"


# --- Rule 5 ---


def test_rule_5_de_escalates_only_from_a_closed_level():
    assert say("1NNN 2TT") == "DE_ESCALATE 1"
    assert say("1NNN 2TT 1P") == "ENROL 1"
    assert say("1NNN 2TT 1N") == "ENROL 1"


def test_rule_5_the_moment_the_cap_rises_is_a_cohort_of_three():
    assert say("1NNT") == "EXPAND_COHORT 1"
    assert say("1NNTN") == "ENROL 1"
    assert say("1NNTX") == "EXPAND_COHORT 1"


def test_rule_5_not_started():
    assert say("") == "ENROL 1"
    assert could_be("") == ["ENROL 1"]


# --- Rule 7 ---


def test_rule_7_untried_levels_below_a_toxic_one_come_before_level_minus_one():
    assert say("2TT") == "DE_ESCALATE 1"
    assert say("3TT", minus_one=True) == "DE_ESCALATE 1"
    assert say("1TT", minus_one=True) == "DE_ESCALATE -1"
    assert say("1TT") == "NO_TOLERATED_DOSE"
    assert say("1TT -1TT", minus_one=True) == "NO_TOLERATED_DOSE"


def test_rule_7_level_minus_one_is_filled_like_any_other():
    assert say("1TT -1X", minus_one=True) == "ENROL -1"
    assert say("1TT -1PP", minus_one=True) == "ENROL -1"
    assert say("1TT -1NNP", minus_one=True) == "WAIT -1"
    assert say("1TT -1NNNNNTP", minus_one=True) == "WAIT -1"
    assert say("-1NNN", minus_one=True) == "ESCALATE 1"


# --- Rule 8 ---


def test_rule_8_completing_the_cohort_waits_for_those_seated():
    assert say("1NNN 2TTP", complete=True) == "WAIT 2"
    assert say("1NNN 2TT", complete=True) == "DE_ESCALATE 1"
    assert say("1NNN 2TTN", complete=True) == "DE_ESCALATE 1"
    assert say("1NNN 2TTX", complete=True) == "DE_ESCALATE 1"
    assert say("1TTP", complete=True) == "WAIT 1"
    assert say("1NNN 2TTP") == "DE_ESCALATE 1"


def test_rule_8_names_the_level_and_stays_certain():
    advice = advise("1NNN 2TTP", complete=True)

    assert advice.rule == "8 complete the cohort"
    assert could_be("1NNN 2TTP", complete=True) == ["DE_ESCALATE 1"]
    assert "level 2" in advice.reasons[0]


def test_rule_8_only_the_lowest_toxic_level_is_waited_for():
    assert say("1NNN 2TT 3TTP", complete=True) == "DE_ESCALATE 1"


# --- Rule 9 ---


def test_rule_9_after_a_skip_the_last_level_is_filled_and_the_ladder_goes_on():
    assert say("1NNN 2NNNN 3NNNN 4NNNN 7TT", doses=7) == "DE_ESCALATE 4"
    assert say("1NNN 2NNNN 3NNNN 4NNNN 7TT 4NN", doses=7) == "ESCALATE 5"
    assert say("1NNN 2NNN 3NNN 4NNNNNN 7TT 5NNN", doses=7) == "EXPAND_COHORT 5"


# --- Bounds, reasons, refusals ---


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
