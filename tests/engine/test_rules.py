"""Each sentence of the rule for every live state, with its examples."""

import pytest

from tests.engine.designs import advise, could_be, say

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


def test_rule_2_below_a_toxic_level_settled_means_six():
    assert say("1NNNNNP 2NNN 3TT") == "WAIT 1"
    assert say("1NNNNNNP 2NNN 3TT") == "DE_ESCALATE 2"


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
