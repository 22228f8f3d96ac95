"""An alert that nobody answers goes to the next one, never before its time and to nobody twice."""

from datetime import timedelta

import pytest

from cohorts.actions import place_hold
from ntrust.actions import acknowledge, put_on_call
from ntrust.models import Delivery, Notification, User
from ntrust.notifications import deliver_due
from ntrust.notifications.places import page_of
from ntrust.states import AcknowledgedWhere
from safety.actions import pass_time_everywhere
from safety.management.conduct import Conduct
from tests.awaiting import (
    MINUTES,
    build_awaiting,
    hold_site,
    let_stand_in,
    person,
    said,
    send_away,
    told,
    told_to,
    wait,
)
from tests.factories import fingerprint, shared_trial

pytestmark = pytest.mark.django_db

_built, trial = shared_trial(build_awaiting)
FIRST = ["investigator-trial-1", "pharmacist-trial-1", "sub-1"]
MONITORS = ["monitor-2", "monitor-trial"]


def answer(row: Notification, trial: Conduct) -> None:
    acknowledge(row, by=row.recipient, where=AcknowledgedWhere.INBOX, now=trial.tick())


def answer_all_but_pharmacy(trial: Conduct, event: object) -> None:
    answer(told_to(event, trial.crews[0].investigator), trial)


def test_nobody_is_told_before_the_time_is_over(trial: Conduct) -> None:
    event = hold_site(trial)

    assert told(event, step=0) == FIRST
    wait(trial, MINUTES - 0.1)
    assert told(event, step=1) == []
    assert said("ALERT_ESCALATED") == []
    at = wait(trial, 0.1)

    assert told(event, step=1) == ["manager-trial", *MONITORS], "for each group somebody"
    rows = Notification.objects.filter(event=event, step=1)
    assert {(row.planned_at, row.acknowledge_by) for row in rows} == {
        (at, at + timedelta(minutes=MINUTES))
    }
    assert Delivery.objects.filter(notification__in=rows, state="PLANNED").count() == 3
    assert all(row.in_place_of.event_id == event.pk for row in rows)


def test_each_group_has_its_own_word_and_one_word_is_that_of_the_group(trial: Conduct) -> None:
    event = hold_site(trial)
    let_stand_in(trial, trial.crews[0].investigator, trial.manager)
    answer(told_to(event, person("sub-1")), trial)

    wait(trial, MINUTES)

    assert told(event, step=1) == MONITORS
    assert told_to(event, trial.monitor).in_place_of.recipient == trial.crews[0].pharmacist
    (sentence,) = said("ALERT_ESCALATED")
    assert sentence.startswith("No word on “Hold on S1” ")
    assert "from the pharmacist at S1 by " in sentence
    assert "fit" not in sentence
    assert "Told in their place: " in sentence


def test_deputies_first_then_the_roles_in_turn_then_nobody(trial: Conduct) -> None:
    event = hold_site(trial)
    answer_all_but_pharmacy(trial, event)
    let_stand_in(trial, trial.crews[0].pharmacist, trial.manager)
    shift = {"starts_at": trial.now - timedelta(days=1), "ends_at": trial.now + timedelta(days=1)}
    put_on_call(
        trial.study,
        user=person("monitor-2"),
        role="MEDICAL_MONITOR",
        reason="the rota",
        by=trial.manager,
        now=trial.tick(),
        **shift,
    )

    steps = []
    for step in range(1, 5):
        wait(trial, MINUTES)
        steps.append(told(event, step=step))
        assert told(event, step=step + 1) == []

    assert steps == [["manager-trial"], ["monitor-2"], ["monitor-trial"], []]
    assert len(said("ALERT_ESCALATED")) == 3
    (sentence,) = said("ALERT_UNANSWERED")
    assert sentence.endswith("Nobody is left to tell: call them.")
    wait(trial, 10 * MINUTES)
    assert len(said("ALERT_UNANSWERED")) == 1
    told_so = Notification.objects.filter(event__kind="ALERT_UNANSWERED")
    assert {page_of(row) for row in told_so} == {"/studies/trial/holds/"}, "what it is about"
    everyone = Notification.objects.filter(event=event).values_list("recipient_id", flat=True)
    assert len(set(everyone)) == len(everyone) == 6


def test_a_later_word_from_anybody_of_the_chain_ends_it(trial: Conduct) -> None:
    event = hold_site(trial)
    answer_all_but_pharmacy(trial, event)
    wait(trial, MINUTES)
    assert told(event, step=1) == MONITORS

    answer(told_to(event, trial.crews[0].pharmacist), trial)
    wait(trial, 5 * MINUTES)

    assert told(event, step=2) == []
    assert said("ALERT_UNANSWERED") == []


def test_word_of_the_next_one_is_that_of_the_first(trial: Conduct) -> None:
    event = hold_site(trial)
    answer_all_but_pharmacy(trial, event)
    wait(trial, MINUTES)

    answer(told_to(event, trial.monitor), trial)
    wait(trial, 5 * MINUTES)

    assert told(event, step=2) == []
    assert len(said("ALERT_ESCALATED")) == 1


def test_hours_in_which_nothing_ran_shorten_nobodys_time(trial: Conduct) -> None:
    event = hold_site(trial)
    answer_all_but_pharmacy(trial, event)

    at = wait(trial, 4 * MINUTES)

    assert told(event, step=1) == MONITORS
    assert told(event, step=2) == []
    assert told_to(event, trial.monitor).planned_at == at
    assert told_to(event, trial.monitor).acknowledge_by == at + timedelta(minutes=MINUTES)


def test_passing_the_same_moment_again_does_nothing(trial: Conduct) -> None:
    hold_site(trial)
    wait(trial, MINUTES)
    before = fingerprint()

    assert pass_time_everywhere(now=trial.now) == 0
    assert fingerprint() == before


def test_any_change_of_the_study_passes_it_on(trial: Conduct) -> None:
    """Without the periodic task: nothing trusts it to have run."""
    event = hold_site(trial)
    answer_all_but_pharmacy(trial, event)
    trial.now += timedelta(minutes=MINUTES)

    place_hold(trial.study, scope="STUDY", reason="a signal", by=trial.monitor, now=trial.now)

    assert told(event, step=1) == MONITORS


def lose(trial: Conduct, *people: User) -> None:
    User.objects.filter(pk__in=[one.pk for one in people]).update(email="")
    deliver_due(now=trial.now)


def test_what_reaches_nobody_of_a_group_goes_on_at_once(trial: Conduct) -> None:
    event = hold_site(trial)
    lose(trial, trial.crews[0].pharmacist)

    wait(trial, 1)

    assert told(event, step=1) == MONITORS
    (sentence,) = said("ALERT_ESCALATED")
    assert "could not be delivered to the pharmacist at S1." in sentence


def test_a_group_of_which_one_was_reached_keeps_its_time(trial: Conduct) -> None:
    event = hold_site(trial)
    lose(trial, person("sub-1"))

    wait(trial, MINUTES - 1)

    assert told(event, step=1) == []


def test_who_is_away_is_stood_in_for_at_once_and_one_word_is_enough(trial: Conduct) -> None:
    send_away(trial, trial.crews[0].pharmacist, person("sub-1"))
    send_away(trial, trial.crews[1].pharmacist, trial.manager)

    event = hold_site(trial, 1)

    assert told(event, step=0) == ["investigator-trial-2", "manager-trial", "pharmacist-trial-2"]
    row = told_to(event, trial.manager)
    assert (row.role, row.site_id) == ("PHARMACIST", trial.crews[1].site.pk)
    answer(row, trial)
    answer(told_to(event, trial.crews[1].investigator), trial)
    wait(trial, MINUTES)
    assert told(event, step=1) == []


def test_nobody_is_told_by_a_deputy_who_is_away(trial: Conduct) -> None:
    event = hold_site(trial)
    answer_all_but_pharmacy(trial, event)
    let_stand_in(trial, trial.crews[0].pharmacist, person("monitor-2"))
    send_away(trial, person("monitor-2"), trial.manager)

    wait(trial, MINUTES)

    assert told(event, step=1) == ["manager-trial"]


def test_a_role_whose_people_are_away_is_stood_in_for(trial: Conduct) -> None:
    event = hold_site(trial)
    answer_all_but_pharmacy(trial, event)
    send_away(trial, trial.monitor, trial.manager)

    wait(trial, MINUTES)

    assert told(event, step=1) == ["manager-trial", "monitor-2"]
