"""The dosing calendar: who is in lymphodepletion, dosed and in the window, day by day."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from cohorts.queries import viewer_of
from ntrust.actions import add_site
from ntrust.models import User
from safety.management.conduct import Conduct
from safety.queries.calendar import Calendar, CalendarRow, may_read_calendar, read_calendar
from tests.factories import (
    DISEASE,
    cast,
    client_of,
    end_windows,
    make_trial,
    open_level,
    seat,
    shared_trial,
    treat,
)

pytestmark = pytest.mark.django_db


def build() -> Conduct:
    """P-001 infused at S1, P-002 lymphodepleted there, P-003 lymphodepleted at S2."""
    trial = open_level(make_trial(sites=2, infusion_days=(0, 7)))
    treated, conditioned = seat(trial, 1, 2)
    elsewhere = trial.seat(1, disease=DISEASE, crew=1)
    treat(trial, [treated])
    day_0 = trial.now + timedelta(days=5)
    trial.condition([conditioned, elsewhere], day_0=day_0)
    return trial


_built, trial = shared_trial(build)


def calendar(trial: Conduct, user: User, **asked: object) -> Calendar:
    viewer = viewer_of(user, trial.study.key)
    assert viewer is not None
    return read_calendar(viewer, now=trial.now, **asked)  # type: ignore[arg-type]


def told(row: CalendarRow) -> list[tuple[str, int]]:
    """What happens, and how many days after today; days that are only in the window left out."""
    today = next(cell.day for cell in row.cells if cell.is_today)
    return [
        (entry.text, (cell.day - today).days)
        for cell in row.cells
        for entry in cell.entries
        if entry.kind != "WINDOW"
    ]


def test_calendar_says_what_happens_on_each_day_by_site(trial: Conduct) -> None:
    start = trial.now.date() - timedelta(days=4)

    page = calendar(trial, trial.manager, start=start)

    assert [site.code for site in page.sites] == ["S1", "S2"]
    own, other = page.sites
    assert [row.name for row in own.rows] == ["P-001", "P-002"]
    assert [row.name for row in other.rows] == ["P-003"]
    assert told(own.rows[0]) == [("Infusion 1 given 09:24", -2), ("Infusion 2 planned", 5)]
    assert told(own.rows[1]) == [("Lymphodepletion begun", -2), ("Infusion 1 planned", 3)]
    assert own.rows[0].now == "in the DLT window, day 2 of 28"
    assert own.rows[1].now == "lymphodepletion begun"
    assert (own.in_lymphodepletion, own.infusions_today, own.in_window) == (1, 0, 1)
    assert (other.in_lymphodepletion, other.infusions_today, other.in_window) == (1, 0, 0)


def test_calendar_counts_the_days_of_the_window_up_to_its_end(trial: Conduct) -> None:
    opened = trial.now.date() - timedelta(days=2)

    page = calendar(trial, trial.manager, start=opened + timedelta(days=21))

    cells = page.sites[0].rows[0].cells
    assert [[entry.short for entry in cell.entries] for cell in cells] == [
        ["21"], ["22"], ["23"], ["24"], ["25"], ["26"], ["27"], ["end"],
        [], [], [], [], [], [],
    ]  # fmt: skip
    assert cells[7].entries[0].text == "DLT window ends at 24:00"
    assert cells[7].entries[0].tone == "waiting"


def test_calendar_begins_on_monday_unless_asked(trial: Conduct) -> None:
    page = calendar(trial, trial.manager)

    assert page.start.weekday() == 0
    assert page.days[0] == page.start <= trial.now.date() <= page.start + timedelta(days=6)
    assert len(page.days) == 14
    assert (page.later - page.start, page.start - page.earlier) == (
        timedelta(days=14),
        timedelta(days=14),
    )


def test_statement_owed_is_said_when_the_window_is_over(trial: Conduct) -> None:
    end_windows(trial)

    page = calendar(trial, trial.manager, start=trial.now.date() - timedelta(days=6))

    assert page.sites[0].rows[0].now == "window over, statement owed"


def test_site_sees_its_own_people_only(trial: Conduct) -> None:
    page = calendar(trial, trial.crews[1].investigator)

    assert [site.code for site in page.sites] == ["S2"]
    assert [row.name for row in page.sites[0].rows] == ["P-003"]
    assert "P-001" not in str(page)
    assert "P-002" not in str(page)


def test_site_with_nobody_on_these_days_is_shown_with_nobody(trial: Conduct) -> None:
    add_site(trial.study, code="S9", name="Nine", by=trial.manager, now=trial.tick())

    page = calendar(trial, trial.manager, start=trial.now.date() + timedelta(days=200))
    html = client_of(trial.manager).get(
        reverse("safety:calendar", args=[trial.study.key]), {"from": f"{page.start}"}
    )
    own = calendar(trial, trial.crews[1].investigator, start=page.start)

    assert [(site.code, site.rows) for site in page.sites] == [("S1", ()), ("S2", ())]
    assert [site.in_lymphodepletion for site in page.sites] == [1, 1]
    assert html.content.decode().count("Nobody on these days.") == 2
    assert [site.code for site in own.sites] == ["S2"]


def test_another_study_is_not_in_it(trial: Conduct) -> None:
    other = open_level(make_trial(key="other"))
    treat(other, seat(other, 1, 1))
    other.now = trial.now

    page = calendar(trial, trial.manager)

    assert [site.code for site in page.sites] == ["S1", "S2"]
    assert sum(len(site.rows) for site in page.sites) == 3


@pytest.mark.parametrize(
    ("who", "may"),
    [
        ("manager", True),
        ("monitor", True),
        ("auditor", True),
        ("investigator", True),
        ("pharmacist", True),
        ("committee", False),
    ],
)
def test_committee_reads_packets_instead(trial: Conduct, who: str, may: bool) -> None:
    viewer = viewer_of(cast(trial)[who], trial.study.key)

    assert viewer is not None
    assert may_read_calendar(viewer) is may


def test_calendar_costs_the_same_for_more_people(trial: Conduct) -> None:
    with CaptureQueriesContext(connection) as three:
        calendar(trial, trial.manager)
    with CaptureQueriesContext(connection) as one:
        calendar(trial, trial.crews[1].investigator)

    assert [len(three), len(one)] == [9, 9]
