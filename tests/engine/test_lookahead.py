"""The look-ahead tree."""

import pytest

from cohorts.engine.advice import recommend
from cohorts.engine.design import DesignError, Tally, Verdict
from cohorts.engine.lookahead import _Walk, lookahead
from cohorts.engine.notation import count, find_current, parse
from tests.engine.designs import make_design, words


def look(text, *, cohorts=2, rates=None, **options):
    history = parse(text)
    return lookahead(
        make_design(**options), count(history), find_current(history), cohorts=cohorts, rates=rates
    )


def outline(node):
    return [(dict(child.happened), words(child.advice.answer)) for child in node.children]


def walk(node, depth=0):
    yield depth, node
    for child in node.children:
        yield from walk(child, depth + 1)


def test_a_cohort_ahead_lists_each_number_of_dlts():
    tree = look("1NNN", cohorts=1)

    assert words(tree.advice.answer) == "ESCALATE 2"
    assert tree.happened == {}
    assert outline(tree) == [
        ({2: (3, 0)}, "ESCALATE 3"),
        ({2: (3, 1)}, "EXPAND_COHORT 2"),
        ({2: (3, 2)}, "DE_ESCALATE 1"),
        ({2: (3, 3)}, "DE_ESCALATE 1"),
    ]
    assert [child.children for child in tree.children] == [(), (), (), ()]
    assert [child.current for child in tree.children] == [2, 2, 2, 2]


def test_those_pending_are_resolved_first_and_cost_no_cohort():
    tree = look("1NPP", cohorts=1)

    assert outline(tree) == [
        ({1: (2, 0)}, "ESCALATE 2"),
        ({1: (2, 1)}, "EXPAND_COHORT 1"),
        ({1: (2, 2)}, "NO_TOLERATED_DOSE"),
    ]
    assert [len(child.children) for child in tree.children] == [4, 4, 0]
    assert tree.children[1].children[0].tallies == {1: Tally(6, 1, 0)}


def test_pending_at_several_levels_are_resolved_together():
    tree = look("1NNP 2NNP", cohorts=0)

    assert [happened for happened, _ in outline(tree)] == [
        {1: (1, 0), 2: (1, 0)},
        {1: (1, 0), 2: (1, 1)},
        {1: (1, 1), 2: (1, 0)},
        {1: (1, 1), 2: (1, 1)},
    ]


def test_pending_at_a_closed_level_stay_pending():
    tree = look("1NNN 2TTP 3P", cohorts=1)

    assert tree.tallies[2] == Tally(2, 2, 1)
    assert [dict(child.happened) for child in tree.children] == [
        {1: (3, 0)},
        {1: (3, 1)},
        {1: (3, 2)},
        {1: (3, 3)},
    ]
    assert tree.children[0].tallies == {1: Tally(6, 0), 2: Tally(2, 2, 1), 3: Tally(0, 0, 1)}


def test_completing_the_cohort_resolves_those_pending_at_the_toxic_level():
    tree = look("1NNN 2TTP 3P", cohorts=0, complete=True)

    assert words(tree.advice.answer) == "WAIT 2"
    assert [dict(child.happened) for child in tree.children] == [{2: (1, 0)}, {2: (1, 1)}]
    assert {words(child.advice.answer) for child in tree.children} == {"DE_ESCALATE 1"}


def test_a_cohort_that_has_begun_is_filled_first():
    tree = look("1NN", cohorts=1)

    assert [happened for happened, _ in outline(tree)] == [{1: (1, 0)}, {1: (1, 1)}]


def test_an_expanded_cohort_has_three_more():
    tree = look("1NNT", cohorts=1)

    assert [happened[1] for happened, _ in outline(tree)] == [(3, 0), (3, 1), (3, 2), (3, 3)]


def test_a_top_level_to_confirm_has_three_more():
    tree = look("1NNN 2NNN 3NNN", cohorts=1)

    assert [happened[3] for happened, _ in outline(tree)] == [(3, 0), (3, 1), (3, 2), (3, 3)]


def test_a_first_dlt_at_once_still_seats_three_at_a_time():
    tree = look("1T", cohorts=1, at_once=True)

    assert [happened[1] for happened, _ in outline(tree)] == [(3, 0), (3, 1), (3, 2), (3, 3)]


def test_nothing_follows_a_stop():
    assert look("1TT").children == ()
    assert look("1NNNNNN 2TT").children == ()


@pytest.mark.parametrize("history", ["", "1NPP", "1NNN 2NTP", "1NNN 2TT", "1NNT 2NNP", "1TT -1N"])
def test_every_node_is_what_the_rules_say_of_its_counts(history):
    design = make_design(3, minus_one=True)
    tree = look(history, minus_one=True)

    for _, node in walk(tree):
        assert node.advice == recommend(design, node.tallies, node.current)
        assert node.advice.verdict is not Verdict.WAIT or node.children


def test_probabilities_are_those_of_each_turn_and_sum_to_one():
    tree = look("1NNN 2NTP", rates=[0.05, 0.15, 0.30])

    assert tree.chance == 1
    assert [child.chance for child in tree.children] == pytest.approx([0.85, 0.15])
    for _, node in walk(tree):
        if node.children:
            assert sum(child.chance for child in node.children) == pytest.approx(1)


def test_probability_of_pending_at_two_levels_is_their_product():
    tree = look("1NNP 2NNP", cohorts=0, rates=[0.1, 0.2, 0.3])

    assert [child.chance for child in tree.children] == pytest.approx([0.72, 0.18, 0.08, 0.02])


def test_no_rates_no_probability():
    assert {node.chance for _, node in walk(look("1NP"))} == {None}


def test_depth_is_the_cohorts_asked_for():
    assert max(depth for depth, _ in walk(look("1NNN", cohorts=3))) == 3
    assert max(depth for depth, _ in walk(look("1NNP", cohorts=2))) == 3
    assert look("1NNN", cohorts=0).children == ()


@pytest.mark.parametrize(
    ("history", "cohorts"), [("1NNN", 7), ("1NNN", -1), ("1PPPPPP 2PPPPPP 3PPPPPP", 4)]
)
def test_a_tree_too_large_to_read_is_refused(history, cohorts):
    pending = history.count("P")
    with pytest.raises(DesignError) as refusal:
        look(history, cohorts=cohorts)

    assert str(refusal.value) == (
        f"Looking {cohorts} cohorts ahead with {pending} participants pending is not possible: "
        "ask for fewer cohorts, or resolve some participants first."
    )


@pytest.mark.parametrize(
    ("pending", "cohorts", "is_refused"),
    [(6, 4, False), (31, 4, False), (32, 4, True), (799, 2, False), (800, 2, True), (0, 6, False)],
)
def test_the_largest_tree_is_five_to_the_cohorts_for_each_way_to_resolve(
    pending, cohorts, is_refused, monkeypatch
):
    """20,000 nodes at most; the walk itself is left out here."""
    monkeypatch.setattr(_Walk, "node", lambda *_, **__: "a tree")
    history = "1" + "P" * pending if pending else "1N"

    if is_refused:
        with pytest.raises(DesignError, match="ask for fewer cohorts"):
            look(history, cohorts=cohorts)
    else:
        assert look(history, cohorts=cohorts) == "a tree"


def test_two_cohorts_unless_told():
    design = make_design()

    assert lookahead(design, {1: Tally(3, 0)}, 1) == lookahead(
        design, {1: Tally(3, 0)}, 1, cohorts=2
    )


def test_counts_and_rates_that_do_not_fit_are_refused():
    with pytest.raises(DesignError, match="not on this ladder"):
        look("4N")
    with pytest.raises(DesignError, match="3 true DLT rates are needed"):
        look("1N", rates=[0.1])
