"""Part 2 boundaries: the known table, and the numbers against slower ways to get them."""

from itertools import product
from math import comb

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cohorts.engine.monitoring import (
    MonitoringError,
    beta_boundary,
    beta_upper_tail,
    crossing_probability,
    pocock_boundary,
)

KNOWN_RANGES = {
    3: (3, 3),
    4: (4, 6),
    5: (7, 8),
    6: (9, 11),
    7: (12, 14),
    8: (15, 18),
    9: (19, 21),
    10: (22, 24),
    11: (25, 28),
    12: (29, 30),
}
KNOWN = {n: stop for stop, (low, high) in KNOWN_RANGES.items() for n in range(low, high + 1)}


def test_pocock_boundary_is_the_known_one():
    boundary = pocock_boundary(0.2, 0.05, 30)

    assert boundary == KNOWN
    assert round(crossing_probability(boundary, 0.2, 30), 4) == 0.0495
    assert round(crossing_probability(boundary, 0.3, 30), 4) == 0.2930


def crossing_by_listing(boundary, p, nmax):
    """Every sequence of outcomes."""
    total = 0.0
    for outcomes in product((0, 1), repeat=nmax):
        if any(sum(outcomes[:n]) >= boundary.get(n, n + 1) for n in range(1, nmax + 1)):
            total += p ** sum(outcomes) * (1 - p) ** (nmax - sum(outcomes))
    return total


@pytest.mark.parametrize("p", [0.0, 0.1, 0.35, 1.0])
@pytest.mark.parametrize("boundary", [{}, {1: 1}, {3: 2, 5: 4, 9: 5}, {10: 0}])
def test_crossing_probability_equals_listing_every_sequence(boundary, p):
    found = crossing_probability(boundary, p, 10)

    assert found == pytest.approx(crossing_by_listing(boundary, p, 10), abs=1e-12)


@pytest.mark.parametrize(("p0", "alpha", "nmax"), [(0.1, 0.05, 12), (0.3, 0.1, 15), (0.5, 0.2, 9)])
def test_pocock_boundary_spends_at_most_alpha_and_no_larger_level_does(p0, alpha, nmax):
    tails = {
        (n, x): sum(comb(n, k) * p0**k * (1 - p0) ** (n - k) for k in range(x, n + 1))
        for n in range(1, nmax + 1)
        for x in range(n + 1)
    }

    def at(level):
        stops = {}
        for (n, x), tail in sorted(tails.items(), reverse=True):
            if tail <= level + 1e-12:
                stops[n] = x
        return stops

    allowed = [
        level for level in tails.values() if crossing_probability(at(level), p0, nmax) <= alpha
    ]

    assert pocock_boundary(p0, alpha, nmax) == at(max(allowed))


def test_no_count_rejects_before_the_first_that_can():
    assert 1 not in pocock_boundary(0.2, 0.05, 30)
    assert pocock_boundary(0.5, 0.01, 3) == {}
    assert pocock_boundary(0.05, 0.05, 1) == {1: 1}


def test_equal_p_values_stop_together_or_not_at_all():
    """With p0 = 1/2, 1 of 1 and 2 of 3 have the same p-value, 1/2."""
    assert pocock_boundary(0.5, 0.7, 3) == {1: 1, 2: 2, 3: 2}
    assert pocock_boundary(0.5, 0.6, 3) == {2: 2, 3: 3}


def beta_tail_exact(a, b, theta):
    """P(Beta(a, b) > theta) for whole a and b: the binomial sum."""
    n = a + b - 1
    return sum(comb(n, k) * theta**k * (1 - theta) ** (n - k) for k in range(a))


@given(st.integers(1, 60), st.integers(1, 60), st.floats(0.001, 0.999))
@settings(max_examples=200, deadline=None)
def test_beta_tail_equals_the_binomial_sum_for_whole_numbers(a, b, theta):
    assert beta_upper_tail(a, b, theta) == pytest.approx(beta_tail_exact(a, b, theta), abs=1e-11)


@pytest.mark.parametrize(
    ("a", "b", "theta", "known"),
    [
        (0.5, 0.5, 0.25, 2 / 3),
        (0.5, 0.5, 0.5, 0.5),
        (0.5, 1, 0.25, 0.5),
        (1, 0.5, 0.75, 0.5),
        (2.5, 1, 0.4, 1 - 0.4**2.5),
        (1, 3.7, 0.2, 0.8**3.7),
        (1e-3, 1e-3, 0.5, 0.5),
        (5000, 5000, 0.5, 0.5),
        (3, 4, 0.0, 1.0),
        (3, 4, 1.0, 0.0),
    ],
)
def test_beta_tail_of_any_positive_prior(a, b, theta, known):
    assert beta_upper_tail(a, b, theta) == pytest.approx(known, abs=1e-11)


@given(st.floats(0.05, 40), st.floats(0.05, 40), st.floats(0.01, 0.99))
@settings(max_examples=200, deadline=None)
def test_beta_tail_mirrors_and_steps_up(a, b, theta):
    tail = beta_upper_tail(a, b, theta)

    assert 0 <= tail <= 1 + 1e-12
    assert tail + beta_upper_tail(b, a, 1 - theta) == pytest.approx(1, abs=1e-10)
    assert beta_upper_tail(a + 1, b, theta) >= tail - 1e-12


def test_beta_boundary_is_the_smallest_count_above_tau():
    boundary = beta_boundary((1, 1), 0.3, 0.9, 30)

    for n in range(1, 31):
        tails = [beta_tail_exact(1 + x, 1 + n - x, 0.3) for x in range(n + 1)]
        rejecting = [x for x, tail in enumerate(tails) if tail > 0.9]
        assert boundary.get(n) == min(rejecting, default=None)
    assert boundary[1] == 1
    assert boundary[6] == 4
    assert boundary[30] == 13


def test_beta_boundary_leaves_out_n_at_which_nothing_stops():
    boundary = beta_boundary((0.5, 4.5), 0.3, 0.95, 10)

    assert min(boundary) > 1
    assert all(stop <= n for n, stop in boundary.items())


def test_beta_boundary_needs_more_than_tau():
    assert beta_boundary((1, 1), 0.5, 0.75, 1) == {}
    assert beta_boundary((1, 1), 0.5, 0.7499, 1) == {1: 1}


def test_boundary_beyond_the_participants_is_not_reached():
    assert crossing_probability({3: 1}, 1.0, 2) == 0
    assert crossing_probability({3: 1}, 1.0, 3) == 1


def test_one_more_than_all_is_never_reached():
    assert crossing_probability({1: 2, 2: 3}, 1.0, 2) == 0


@pytest.mark.parametrize(
    ("ask", "sentence"),
    [
        (lambda: pocock_boundary(0, 0.05, 30), "p0 lies between 0 and 1, not 0."),
        (lambda: pocock_boundary(1, 0.05, 30), "p0 lies between 0 and 1, not 1."),
        (lambda: pocock_boundary(0.2, 0, 30), "alpha lies between 0 and 1, not 0."),
        (lambda: pocock_boundary(0.2, 1, 30), "alpha lies between 0 and 1, not 1."),
        (lambda: pocock_boundary(0.2, 0.05, 0), "At least one participant is needed, not 0."),
        (
            lambda: beta_boundary((0, 1), 0.3, 0.9, 30),
            "A beta distribution needs two positive numbers, not 0 and 1.",
        ),
        (
            lambda: beta_boundary((1, -1), 0.3, 0.9, 30),
            "A beta distribution needs two positive numbers, not 1 and -1.",
        ),
        (
            lambda: beta_upper_tail(1, 0, 0.5),
            "A beta distribution needs two positive numbers, not 1 and 0.",
        ),
        (
            lambda: beta_boundary((1, -0.5), 0.3, 0.9, 30),
            "A beta distribution needs two positive numbers, not 1 and -0.5.",
        ),
        (
            lambda: beta_upper_tail(0, 1, 0.5),
            "A beta distribution needs two positive numbers, not 0 and 1.",
        ),
        (
            lambda: beta_boundary((1, float("inf")), 0.3, 0.9, 30),
            "A beta distribution needs two positive numbers, not 1 and inf.",
        ),
        (
            lambda: beta_boundary((float("nan"), 1), 0.3, 0.9, 30),
            "A beta distribution needs two positive numbers, not nan and 1.",
        ),
        (lambda: beta_boundary((1, 1), 0, 0.9, 30), "theta0 lies between 0 and 1, not 0."),
        (lambda: beta_boundary((1, 1), 0.3, 1, 30), "tau lies between 0 and 1, not 1."),
        (lambda: beta_boundary((1, 1), 0.3, 0.9, 0), "At least one participant is needed, not 0."),
        (lambda: crossing_probability({}, 1.1, 3), "A true rate lies between 0 and 1, not 1.1."),
        (lambda: crossing_probability({}, -0.1, 3), "A true rate lies between 0 and 1, not -0.1."),
        (lambda: crossing_probability({}, 0.1, 0), "At least one participant is needed, not 0."),
        (lambda: beta_upper_tail(1, 1, 1.5), "A rate lies between 0 and 1, not 1.5."),
    ],
)
def test_numbers_out_of_range_are_refused(ask, sentence):
    with pytest.raises(MonitoringError) as refusal:
        ask()

    assert str(refusal.value) == sentence
