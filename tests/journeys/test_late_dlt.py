"""A story: a DLT at level 1 is reported after "no DLT" was signed and level 2 was opened.

Over HTTP, logged in, on a database of its own, with the real password hashing. What people enter
goes through the actions; what they then read is the pages.
"""

from django.db import connection

from cohorts.models import Decision, Hold
from cohorts.states import ReReviewVerdict
from ntrust.models import Notification
from safety.management.conduct import Conduct
from tests.factories import (
    PASSWORD,
    answer_of,
    make_trial,
    open_level,
    refused,
    report_late_dlt,
    reserve,
    run_cohort,
    seat,
)
from tests.journeys.visitor import Visitor
from tests.lifting import lift_hold
from tests.re_reviewing import re_review


def climb(trial: Conduct) -> None:
    """To the middle of the second level, ending today."""
    open_level(trial)
    run_cohort(trial, 1, "NNN")
    open_level(trial, 2)
    seat(trial, 2, 2)


def test_late_dlt_stops_the_level_it_opened_everywhere_at_once(live_url: str) -> None:
    trial = make_trial(sites=1)
    climb(trial)
    manager = Visitor(live_url, trial.manager, password=PASSWORD)
    ladder = f"/studies/{trial.study.key}/"
    assert "ENROL at DL2" in manager.read(ladder)
    waiting = trial.screen(disease="lupus nephritis")
    person = trial.study.participants.earliest("id")

    report_late_dlt(trial, person)

    page = manager.read(ladder)
    assert answer_of(trial) == ("EXPAND_COHORT", 1)
    assert "Held" in page
    assert "EXPAND THE COHORT at DL1" in page
    assert "basis changed" in page
    with refused("no_seat"):
        reserve(trial, waiting, 2)
    told = Notification.objects.filter(event__kind="BASIS_CHANGED")
    assert {row.recipient for row in told} == {
        trial.manager,
        trial.monitor,
        trial.crews[0].investigator,
        trial.crews[0].pharmacist,
    }

    re_review(trial, Decision.objects.get(number=2), ReReviewVerdict.WITHDRAWN)
    lift_hold(
        Hold.objects.get(),
        by=trial.monitor,
        password=PASSWORD,
        reason="level 1 is filled to six first",
        now=trial.tick(),
    )
    open_level(trial, 1)
    run_cohort(trial, 1, "NNN")

    assert answer_of(trial)[1] == 2
    assert [d.state for d in Decision.objects.order_by("number")] == [
        "CIRCULATED",
        "RE_REVIEWED",
        "CIRCULATED",
    ]
    connection.close()
