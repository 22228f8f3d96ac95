"""Stories of safety, told over the pages: what a site enters, and what the trial then does.

The trial stands as it was conducted before; from then on everything goes over a page, logged in, at
a time that the test sets.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection

from cohorts.models import Decision, Hold, HoldLift, Participant
from dosing.models import InFlight
from ntrust import clock
from ntrust.models import Event, User
from safety.actions import pass_time_everywhere
from safety.management.conduct import Conduct
from safety.models import AdverseEvent, DltReport, Review
from tests.factories import (
    PASSWORD,
    answer_of,
    letters_at,
    make_trial,
    open_level,
    run_cohort,
    seat,
    treat,
)
from tests.journeys.visitor import Visitor

DEATH = {
    "id": "PR1",
    "text": "Any death within 30 days of an infusion",
    "scope": "study",
    "reads": {"is_death": True, "from_grade": 5, "days_after_infusion": 30},
}


class Story:
    """A trial, and its people with their browsers."""

    def __init__(self, url: str, trial: Conduct) -> None:
        self.url, self.trial = url, trial
        self.home = f"/studies/{trial.study.key}/"
        self.manager = self.visitor(trial.manager)
        self.monitor = self.visitor(trial.monitor)
        self.investigator = self.visitor(trial.crews[0].investigator)

    def visitor(self, user: User) -> Visitor:
        return Visitor(self.url, user, password=PASSWORD)

    def page(self, person: Participant) -> str:
        return f"{self.home}participants/{person.screening_number}/"

    def at(self, **ago: float) -> str:
        return (self.trial.now - timedelta(**ago)).strftime("%Y-%m-%dT%H:%M")

    def wait(self, **span: float) -> None:
        self.trial.now += timedelta(**span)
        pass_time_everywhere(now=self.trial.now)

    def report(self, person: Participant, *, grade: int, criterion: str = "", **more: Any) -> str:
        return self.investigator.act(
            f"{self.page(person)}event/",
            term="Cytokine release",
            onset_at=self.at(),
            grading_system="CTCAE v5.0",
            grade=grade,
            causality="PROBABLE",
            criterion=criterion,
            **more,
        )

    def convene(self, **entered: Any) -> int:
        self.manager.act(f"{self.home}reviews/convene/", **entered)
        return Review.objects.latest("id").number

    def meet(self, number: int, **concluded: Any) -> None:
        three = range(1, 4)
        self.manager.act(
            f"{self.home}reviews/{number}/meeting/",
            minutes_reference=f"minutes of review {number}",
            votes_for=3,
            votes_against=0,
            votes_abstain=0,
            **{f"name_{n}": f"member {n}" for n in three},
            **{f"at_{n}": "FOR" for n in three},
            **concluded,
        )

    def lift(self, hold: Hold, **grounds: Any) -> None:
        """Proposed by the monitor and signed by both."""
        self.monitor.act(
            f"{self.home}holds/{hold.pk}/lift/",
            reason="it was read",
            looked_at="all reports",
            **grounds,
        )
        number = HoldLift.objects.latest("id").pk
        self.monitor.act(f"{self.home}holds/lifts/{number}/sign/")
        self.manager.act(f"{self.home}holds/lifts/{number}/sign/")
        hold.refresh_from_db()
        assert hold.state == "LIFTED"


@pytest.fixture
def tell(live_url: str, monkeypatch: pytest.MonkeyPatch) -> Callable[[Conduct], Story]:
    """Begin a story at the trial's own time."""

    def begin(trial: Conduct) -> Story:
        monkeypatch.setattr(clock, "now", lambda: trial.now)
        return Story(live_url, trial)

    return begin


def test_two_of_two_close_the_level_before_the_third_is_treated(
    tell: Callable[[Conduct], Story],
) -> None:
    trial = open_level(make_trial())
    run_cohort(trial, 1, "NNN")
    open_level(trial, 2)
    people = seat(trial, 2, 3)
    treat(trial, people[:2])
    story = tell(trial)
    story.wait(days=2)
    story.report(people[0], grade=4, criterion="NOW")
    trial.condition(people[2:], day_0=trial.now + timedelta(days=5))

    said = story.report(people[1], grade=4, criterion="NOW")

    assert letters_at(trial, 2) == "TTP"
    assert answer_of(trial) == ("DE_ESCALATE", 1)
    assert Hold.objects.get(rule="SECOND_DLT").level == trial.level(2)
    assert "level 2" in said
    asked = InFlight.objects.filter(hold__rule="SECOND_DLT").get()
    assert asked.infusion.course.participant == people[2]
    story.wait(days=3)
    give = f"{story.page(people[2])}infusions/1/give/"
    cells = str(trial.level(2).dose)
    story.investigator.refused(give, "no_infusion", given_at=story.at(), given_cells=cells)
    assert "DE-ESCALATE" in story.manager.read(story.home)
    connection.close()


def test_provisional_dlt_counts_at_its_end_and_another_clears(
    tell: Callable[[Conduct], Story],
) -> None:
    trial = open_level(make_trial())
    one, other, _ = run_cohort(trial, 1, "PPP")
    story = tell(trial)
    story.report(one, grade=3, criterion="IN72H")
    story.report(other, grade=3, criterion="IN72H")
    assert letters_at(trial, 1) == "PPP"
    assert Hold.objects.get().rule == "POSSIBLE_SECOND_DLT"
    report = DltReport.objects.get(event__participant=one)
    story.wait(hours=40)

    story.investigator.act(
        f"{story.home}reports/{report.pk}/resolution/", resolved_at=story.at(hours=1), grade="0"
    )
    story.wait(hours=33)

    states = {it.event.participant: it.state for it in DltReport.objects.all()}
    assert states == {one: "CLEARED", other: "REPORTED"}
    assert letters_at(trial, 1) == "PTP"
    late = DltReport.objects.get(event__participant=other).pk
    story.investigator.refused(
        f"{story.home}reports/{late}/resolution/",
        "illegal_move",
        resolved_at=story.at(hours=30),
        grade="0",
    )
    answer_of(trial)
    connection.close()


def test_death_pauses_the_study_until_the_committee_has_spoken(
    tell: Callable[[Conduct], Story],
) -> None:
    trial = open_level(make_trial(conduct={"pause_rules": [DEATH]}))
    person, *_ = run_cohort(trial, 1, "PPP")
    waiting = trial.screen(disease="lupus nephritis")
    story = tell(trial)

    story.investigator.act(f"{story.page(person)}leave/", to="DIED", reason="found at home")

    hold = Hold.objects.get()
    assert (hold.scope, hold.rule) == ("STUDY", "PAUSE_PR1")
    story.investigator.act(f"{story.page(waiting)}seat/request/")
    story.manager.refused(f"{story.page(waiting)}seat/reserve/", "no_seat", level=trial.level(1).pk)
    assert "Held" in story.manager.read(story.home)
    story.monitor.refused(
        f"{story.home}holds/{hold.pk}/lift/",
        "committee_needed",
        reason="it was read",
        looked_at="the record",
    )
    story.lift(hold, committee_verdict="may go on", minutes_reference="minutes 2")
    assert "Hold lifted" in Event.objects.filter(kind="HOLD_LIFTED").latest("id").sentence
    connection.close()


def test_regrade_after_a_signed_escalation_flags_holds_and_is_re_reviewed(
    tell: Callable[[Conduct], Story],
) -> None:
    trial = open_level(make_trial())
    story = tell(trial)
    people = seat(trial, 1, 3)
    treat(trial, people)
    story.wait(days=2)
    story.report(people[0], grade=2)
    event = AdverseEvent.objects.get()
    story.wait(days=28)
    for person in people:
        story.investigator.act(f"{story.page(person)}statement/", has_dlt="no")
    open_level(trial, 2)
    assert answer_of(trial) == ("ESCALATE", 2)

    story.investigator.act(
        f"{story.home}events/{event.pk}/grade/", grade="4", since=story.at(days=27)
    )
    story.investigator.act(f"{story.home}events/{event.pk}/dlt/", criterion="NOW")

    opened = Decision.objects.get(number=2)
    assert (opened.state, answer_of(trial)) == ("BASIS_CHANGED", ("EXPAND_COHORT", 1))
    assert "basis changed" in story.manager.read(f"{story.home}decisions/2/")
    hold = Hold.objects.get(rule="BASIS_CHANGED_2")
    story.monitor.refused(
        f"{story.home}holds/{hold.pk}/lift/", "re_review_first", reason="read", looked_at="all"
    )
    number = story.convene(re_reviews="2")
    story.meet(
        number,
        verdict="WITHDRAWN",
        committee_verdict="level 2 waits",
        reason="a DLT at level 1 was found after the decision",
    )
    story.manager.act(f"{story.home}decisions/2/re-review/sign/")
    story.monitor.act(f"{story.home}decisions/2/re-review/sign/")
    opened.refresh_from_db()
    assert opened.state == "RE_REVIEWED"
    story.lift(hold)
    assert answer_of(trial) == ("EXPAND_COHORT", 1)
    connection.close()
