"""The outlook of Part 2 against brute force over every completion of the pending."""

from itertools import product

import pytest

from cohorts.engine.expansion import Crossing, could_cross, is_crossed, limit_at, look_ahead
from cohorts.engine.monitoring import pocock_boundary

BOUNDARY = pocock_boundary(0.2, 0.05, 30)


@pytest.mark.parametrize(
    ("n", "limit"), [(0, None), (2, None), (3, 3), (6, 4), (7, 5), (30, 12), (31, 12), (99, 12)]
)
def test_limit_is_the_smallest_that_stops_and_the_last_one_beyond_the_end(
    n: int, limit: int | None
) -> None:
    assert limit_at(BOUNDARY, n) == limit


def test_no_boundary_stops_nothing() -> None:
    assert look_ahead({}, n=5, x=5, pending=3).needed is None
    assert not could_cross({}, n=5, x=5, provisional=3)


def test_next_is_the_nearest_crossing_if_all_further_ones_have_a_dlt() -> None:
    assert look_ahead(BOUNDARY, n=0, x=0, pending=0).next == Crossing(3, 3)
    assert look_ahead(BOUNDARY, n=4, x=1, pending=0).next == Crossing(5, 8)
    assert look_ahead(BOUNDARY, n=3, x=3, pending=0).next is None


@pytest.mark.parametrize("n", range(9))
def test_needed_agrees_with_every_completion(n: int) -> None:
    for x, pending in product(range(n + 1), range(4)):
        outlook = look_ahead(BOUNDARY, n=n, x=x, pending=pending)
        crossing = [
            ends.count("T")
            for ends in product("NTX", repeat=pending)
            if is_crossed(BOUNDARY, n=n + ends.count("N") + ends.count("T"), x=x + ends.count("T"))
        ]

        if outlook.is_crossed:
            assert outlook.is_certain
        else:
            assert outlook.needed == min(crossing, default=None)
            assert outlook.is_certain == (not crossing)


def test_provisional_dlts_are_read_as_if_they_counted() -> None:
    assert could_cross(BOUNDARY, n=2, x=2, provisional=1)
    assert not could_cross(BOUNDARY, n=2, x=1, provisional=1)
