"""Notation: read, written, refused at the character."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cohorts.engine.design import Tally
from cohorts.engine.notation import (
    Cohort,
    NotationError,
    count,
    find_current,
    format_history,
    parse,
)


def test_parse_reads_levels_and_letters():
    assert parse("1NNN 2NTP -1X 12P") == (
        Cohort(1, "NNN"),
        Cohort(2, "NTP"),
        Cohort(-1, "X"),
        Cohort(12, "P"),
    )


@pytest.mark.parametrize("text", ["", " ", "\t  "])
def test_parse_reads_nothing_as_a_trial_that_has_not_started(text):
    assert parse(text) == ()
    assert count(()) == {}
    assert find_current(()) == 1


def test_parse_ignores_blanks_around_and_between():
    assert parse("  1N \t 2T ") == (Cohort(1, "N"), Cohort(2, "T"))


@pytest.mark.parametrize(
    ("text", "position", "found"),
    [
        ("NNN", 1, "'N'"),
        ("0N", 1, "'0'"),
        ("01N", 1, "'0'"),
        ("-2N", 1, "'-'"),
        ("-N", 1, "'-'"),
        ("+1N", 1, "'+'"),
        ("100N", 3, "'0'"),
        ("1NNn", 4, "'n'"),
        ("1NNN 2NQP", 8, "'Q'"),
        ("1NNN  2", 8, "the text ends there"),
        ("1 NNN", 2, "' '"),
        ("-1", 3, "the text ends there"),
        ("1N,2N", 3, "','"),
        ("1N\n2N", 3, "'\\n'"),
        ("１N", 1, "'１'"),
        ("1N١", 3, "'١'"),
        ("1N2N", 3, "'2'"),
    ],
)
def test_parse_points_at_the_wrong_character(text, position, found):
    with pytest.raises(NotationError) as refusal:
        parse(text)

    assert refusal.value.position == position
    what = found if found.startswith("the") else f"found {found}"
    assert str(refusal.value).endswith(f" at character {position} of {text!r}: {what}.")
    assert "\n" not in str(refusal.value)


def test_parse_says_what_it_expected():
    with pytest.raises(NotationError, match=r"^Expected a dose level \(1 to 99, or -1\)"):
        parse("x")
    for text in ("1x", "1"):
        with pytest.raises(NotationError, match=r"^Expected a participant \(N, T, P, X\) at "):
            parse(text)


def test_count_adds_up_each_level():
    history = parse("1NNT 2P 1NXP 2TT 3X")

    assert count(history) == {1: Tally(4, 1, 1), 2: Tally(2, 2, 1), 3: Tally(0, 0, 0)}
    assert find_current(history) == 3


def test_seats_are_everyone_who_counts_or_still_may():
    assert Tally(3, 1, 2).seats == 5
    assert Tally(3, 1).is_toxic is False
    assert Tally(3, 2).is_toxic is True


histories = st.lists(
    st.builds(
        Cohort, st.sampled_from([-1, *range(1, 100)]), st.text("NTPX", min_size=1, max_size=8)
    ),
    max_size=9,
).map(tuple)


@given(histories)
def test_format_is_read_back_unchanged(history):
    assert parse(format_history(history)) == history


@given(st.text(max_size=20))
def test_any_text_is_read_or_refused_at_a_character_it_has(text):
    position = None
    try:
        history = parse(text)
    except NotationError as refusal:
        position = refusal.position

    if position is None:
        assert parse(format_history(history)) == history
    else:
        assert 1 <= position <= len(text) + 1
