"""On which calls an answer hinges: by hand, and against turning every call by brute force."""

from itertools import combinations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cohorts.engine.basis import make_basis, recommend_basis
from cohorts.engine.design import DesignError
from cohorts.engine.sensitivity import HINGES, ROBUST, DoubtError, find_sensitivity
from cohorts.engine.wire import answer_as_dict
from tests.engine.designs import make_design
from tests.engine.test_basis import basis, rows


def doubt(subject, reads_as, kind="reported", because="because"):
    return {"subject": subject, "kind": kind, "reads_as": reads_as, "because": because}


def found(text, doubts=(), current=1, **options):
    """Verdict, what it holds against, and the hinges: ((subjects, reads_as), ...) to the answer."""
    result = find_sensitivity(basis(text, current, **options), doubts)
    hinges = {
        tuple(
            (group["take"], " ".join(call["subject"] for call in group["calls"]), _turn(group))
            for group in hinge["groups"]
        ): (hinge["answer"]["verdict"], hinge["answer"]["level"])
        for hinge in result["hinges"]
    }
    return result["verdict"], result["holds_against"], hinges


def _turn(group):
    (turn,) = {(call["letter"], call["reads_as"]) for call in group["calls"]}
    return "".join(turn)


def test_answer_without_a_call_is_robust():
    assert found("A:1N B:1N C:1N") == (ROBUST, 2, {})


def test_reported_dlt_that_may_be_refuted():
    assert found("A:1N B:1N C:1T", [doubt("C", "N")]) == (
        HINGES,
        0,
        {((1, "C", "TN"),): ("ESCALATE", 2)},
    )


def test_doubtful_evaluability_of_one_in_three():
    assert found("A:1N B:1N C:1N", [doubt("B", "X", "exposure")]) == (
        HINGES,
        0,
        {((1, "B", "NX"),): ("ENROL", 1)},
    )


def test_last_one_pending_is_the_hinge():
    assert found("A:1N B:1N C:1P") == (
        HINGES,
        0,
        {((1, "C", "PN"),): ("ESCALATE", 2), ((1, "C", "PT"),): ("EXPAND_COHORT", 1)},
    )


def test_three_pending_hinge_on_two_together_only():
    assert found("A:1P B:1P C:1P") == (
        ROBUST,
        1,
        {((2, "A B C", "PT"),): ("STOP", None)},
    )


def test_pending_alone_is_not_doubted_as_not_evaluable():
    assert found("A:1P B:1P C:1P", [doubt("B", "X", "proposed")]) == (
        HINGES,
        0,
        {((1, "B", "PX"),): ("ENROL", 1)},
    )


def test_two_calls_of_two_kinds():
    """Six with one DLT: a refuted one and a narrow exposure, only together."""
    text = "A:1N B:1N C:1N D:1N E:1N F:1T G:1N"

    assert found(text, [doubt("A", "T", "refuted")])[2] == {((1, "A", "NT"),): ("STOP", None)}
    assert found(text, [doubt("A", "X", "exposure"), doubt("B", "X", "exposure")]) == (
        ROBUST,
        1,
        {((2, "A B", "NX"),): ("ENROL", 1)},
    )


def test_one_participant_is_not_read_in_two_ways_at_once():
    text = "A:1N B:1N C:1N D:1N E:1N F:1N G:1N"
    two = [doubt("A", "T", "refuted"), doubt("B", "T", "refuted")]

    assert found(text, [doubt("A", "T"), doubt("A", "X")]) == (ROBUST, 2, {})
    assert found(text, two) == (ROBUST, 1, {((2, "A B", "NT"),): ("STOP", None)})


def test_doubts_of_the_same_turn_are_one_call_with_all_its_reasons():
    doubts = [
        doubt("A", "X", "exposure", "79% of the assigned dose"),
        doubt("A", "X", "medication", "rituximab"),
        doubt("A", "X", "medication", "rituximab"),
    ]

    result = find_sensitivity(basis("A:1N B:1N C:1N"), doubts)

    ((call,),) = ([group["calls"] for group in hinge["groups"]] for hinge in result["hinges"])
    assert call == [
        {
            "subject": "A",
            "level": 1,
            "letter": "N",
            "reads_as": "X",
            "kinds": ["exposure", "medication"],
            "because": ["79% of the assigned dose", "rituximab"],
        }
    ]
    assert result["calls"] == 1


@pytest.mark.parametrize(
    "idle", [doubt("A", "N"), doubt("Z", "T")], ids=["reads as now", "of nobody here"]
)
def test_doubt_that_turns_nothing(idle):
    assert find_sensitivity(basis("A:1N B:1N C:1N"), [idle]) == {
        "verdict": ROBUST,
        "holds_against": 2,
        "calls": 0,
        "hinges": [],
    }


def test_doubt_that_reads_as_no_letter_is_refused():
    with pytest.raises(DoubtError, match="N, T, P, X"):
        find_sensitivity(basis("A:1N"), [doubt("A", "Q")])


def test_basis_off_the_ladder_is_refused_as_by_the_rules():
    with pytest.raises(DesignError, match="Level 9"):
        find_sensitivity(basis("A:9N"), [])


def test_same_input_same_words_in_the_order_of_the_basis():
    text, doubts = "A:2P B:1N C:1P", [doubt("B", "T", "refuted"), doubt("C", "X", "proposed")]

    first = find_sensitivity(basis(text, 2), doubts)
    second = find_sensitivity(basis(text, 2), reversed(doubts))

    assert first == second
    subjects = [g["calls"][0]["subject"] for h in first["hinges"] for g in h["groups"]]
    assert subjects == sorted(subjects, key="BCA".index)


# --- Against brute force ---------------------------------------------------------------------


def brute_force(sealed, doubts):
    """Every turn as ((subject, reads_as), ...) to the answer it leads to, by rewriting the rows."""
    letters = {row["subject"]: row["letter"] for row in sealed["outcomes"]}
    turns = {(d["subject"], d["reads_as"]) for d in doubts if d["subject"] in letters}
    turns |= {(s, to) for s, letter in letters.items() if letter == "P" for to in "NT"}
    turns = {(subject, to) for subject, to in turns if letters[subject] != to}
    now = recommend_basis(sealed).answer

    def changed(*turned):
        read = dict(turned)
        outcomes = [
            {**row, "letter": read.get(row["subject"], row["letter"])} for row in sealed["outcomes"]
        ]
        answer = recommend_basis({**sealed, "outcomes": outcomes}).answer
        return None if answer == now else answer_as_dict(answer)

    singles = {frozenset([turn]): changed(turn) for turn in turns if changed(turn)}
    if singles:
        return singles
    pairs = [(a, b) for a, b in combinations(turns, 2) if a[0] != b[0]]
    return {frozenset(pair): changed(*pair) for pair in pairs if changed(*pair)}


def spelled_out(result):
    """The reported groups as every choice of calls they stand for."""
    choices = {}
    for hinge in result["hinges"]:
        groups = [
            combinations([(c["subject"], c["reads_as"]) for c in group["calls"]], group["take"])
            for group in hinge["groups"]
        ]
        picked = [()]
        for group in groups:
            options = list(group)
            picked = [(*before, *option) for before in picked for option in options]
        for choice in picked:
            if len({subject for subject, _ in choice}) == len(choice):
                choices[frozenset(choice)] = hinge["answer"]
    return choices


people = st.lists(st.tuples(st.sampled_from([1, 2, 3]), st.sampled_from("NTPX")), max_size=9)
doubted = st.lists(st.tuples(st.integers(0, 8), st.sampled_from("NTPX")), max_size=6)
designs = st.builds(
    make_design,
    st.just(3),
    min_n=st.sampled_from([6, 3]),
    confirm=st.booleans(),
    complete=st.booleans(),
    minus_one=st.booleans(),
    at_once=st.booleans(),
    with_pending=st.booleans(),
)


@given(designs, people, doubted)
@settings(max_examples=250, deadline=None)
def test_hinges_equal_brute_force(design, people, doubted):
    text = " ".join(f"S{n}:{level}{letter}" for n, (level, letter) in enumerate(people))
    current = max((level for level, _ in people), default=1)
    sealed = make_basis(design, current=current, outcomes=rows(text))
    doubts = [doubt(f"S{n}", reads_as) for n, reads_as in doubted]

    result = find_sensitivity(sealed, doubts)

    expected = brute_force(sealed, doubts)
    assert spelled_out(result) == expected
    sizes = {len(choice) for choice in expected}
    assert result["holds_against"] == (min(sizes) - 1 if sizes else 2)
    assert (result["verdict"] == HINGES) == (sizes == {1})
