"""When a DLT window closes: 24:00 site time, from the infusions that were given."""

from datetime import UTC, datetime

import pytest

from cohorts.protocol import WindowData
from dosing.models import Infusion
from dosing.windows import window_close

FIRST = WindowData(days=28, anchor="first_infusion")
LAST = WindowData(days=28, anchor="last_infusion")


def at(day: int, hour: int, month: int = 3, minute: int = 0) -> datetime:
    return datetime(2026, month, day, hour, minute, tzinfo=UTC)


def given(moment: datetime) -> Infusion:
    return Infusion(state="GIVEN", given_at=moment)


PLANNED, HELD, MISSED = (Infusion(state=state) for state in ("PLANNED", "HELD", "MISSED"))


@pytest.mark.parametrize(
    ("zone", "moment", "closes"),
    [
        ("UTC", at(2, 10), at(31, 0)),
        ("UTC", at(2, 0), at(31, 0)),
        ("UTC", at(2, 23, minute=59), at(31, 0)),
        ("America/New_York", at(2, 15), at(31, 4)),  # given in winter time, closes in summer time
        ("America/New_York", at(2, 3), at(30, 4)),  # still the first of March there
        ("Asia/Tokyo", at(2, 16), at(31, 15)),  # already the third of March there
        ("Pacific/Kiritimati", at(2, 9), at(30, 10)),
    ],
)
def test_window_closes_at_the_end_of_a_site_day(
    zone: str, moment: datetime, closes: datetime
) -> None:
    assert window_close([given(moment)], FIRST, zone=zone) == closes


def test_window_of_nobody_infused_is_unknown() -> None:
    for rules in (FIRST, LAST):
        assert window_close([PLANNED, PLANNED], rules, zone="UTC") is None
        assert window_close([MISSED, MISSED], rules, zone="UTC") is None
        assert window_close([], rules, zone="UTC") is None


def test_first_anchor_counts_from_the_first_given() -> None:
    infusions = [given(at(2, 10)), given(at(9, 10)), PLANNED]

    assert window_close(infusions, FIRST, zone="UTC") == at(31, 0)


@pytest.mark.parametrize("undecided", [PLANNED, HELD])
def test_last_anchor_is_unknown_while_one_may_still_be_given(undecided: Infusion) -> None:
    assert window_close([given(at(2, 10)), undecided], LAST, zone="UTC") is None


def test_last_anchor_counts_from_the_last_given() -> None:
    infusions = [given(at(2, 10)), given(at(9, 10)), MISSED]

    assert window_close(infusions, LAST, zone="UTC") == at(7, 0, month=4)
