"""From consent to a subject number, and out of the study."""

from datetime import timedelta
from typing import Any

import pytest

from cohorts.actions import leave_study, screen_participant
from cohorts.models import Outcome, Participant, Slot
from cohorts.states import ParticipantState
from ntrust.actions import add_site
from safety.management.conduct import Conduct
from tests.factories import (
    DISEASE,
    answer_of,
    letters_at,
    make_trial,
    open_level,
    refused,
    reserve,
    run_cohort,
    shared_trial,
)

pytestmark = pytest.mark.django_db


def build() -> Conduct:
    trial = open_level(make_trial())
    run_cohort(trial, 1, "PU")
    return trial


_built, trial = shared_trial(build)


def screen(trial: Conduct, **named: Any) -> Participant:
    named = {
        "site": trial.crews[0].site,
        "screening_number": "S-900",
        "disease": DISEASE,
        "consented_at": trial.now,
        **named,
    }
    site = named.pop("site")
    return screen_participant(site, by=trial.crews[0].investigator, now=trial.tick(), **named)


def leave(trial: Conduct, person: Participant, **named: Any) -> Participant:
    named = {"to": ParticipantState.WITHDRAWN, "reason": "moved away", **named}
    return leave_study(person, by=trial.investigator_of(person), now=trial.tick(), **named)


def test_candidate_is_pinned_to_the_version_in_force(trial: Conduct) -> None:
    person = screen(trial)

    assert (person.state, person.subject_number, str(person)) == ("SCREENING", "", "S-900")
    assert person.protocol_version == trial.study.protocol_versions.get(state="ACTIVE")


def test_screening_refuses_what_cannot_be(trial: Conduct) -> None:
    screen(trial)
    with refused("number_taken"):
        screen(trial)
    with refused("unknown_disease"):
        screen(trial, screening_number="S-901", disease="gout")
    with refused("future_date"):
        screen(trial, screening_number="S-901", consented_at=trial.now + timedelta(days=1))


def test_planned_site_screens_nobody(trial: Conduct) -> None:
    site = add_site(trial.study, code="S9", name="Nine", by=trial.manager, now=trial.tick())
    investigator = trial.crews[0].investigator
    investigator.memberships.create(
        study=trial.study, role="INVESTIGATOR", site=site, granted_at=trial.now
    )

    with refused("site_not_active"):
        screen(trial, site=site)


def test_candidate_has_no_seat_before_eligibility(trial: Conduct) -> None:
    person = screen(trial)

    with refused("no_seat"):
        reserve(trial, person, 1)


@pytest.mark.parametrize("to", ["WITHDRAWN", "LOST", "DIED"])
def test_leaving_before_treatment_gives_the_seat_up(trial: Conduct, to: str) -> None:
    person = trial.study.participants.get(state="SLOTTED")

    left = leave(trial, person, to=to)

    assert (left.state, letters_at(trial, 1)) == (to, "P")
    assert Slot.objects.get(participant=person).state == "RELEASED"
    assert not Outcome.objects.get(participant=person).is_counted
    assert answer_of(trial) == ("ENROL", 1)


@pytest.mark.parametrize("to", ["WITHDRAWN", "LOST", "DIED"])
def test_leaving_after_treatment_keeps_the_seat_and_stays_pending(trial: Conduct, to: str) -> None:
    """Leaving is no outcome: someone has to state or rule."""
    person = trial.study.participants.get(state="TREATED")

    leave(trial, person, to=to)

    assert Slot.objects.get(participant=person).state == "CONFIRMED"
    assert letters_at(trial, 1) == "PP"


def test_leaving_with_a_reservation_gives_it_up(trial: Conduct) -> None:
    person = trial.screen(disease=DISEASE)
    slot = reserve(trial, person, 1)

    leave(trial, person)

    slot.refresh_from_db()
    assert slot.state == "RELEASED"


def test_leaving_needs_a_reason_and_a_departure(trial: Conduct) -> None:
    person = trial.study.participants.get(state="TREATED")

    with refused("reason_needed"):
        leave(trial, person, reason=" ")
    for to in (ParticipantState.OFF_STUDY, ParticipantState.ELIGIBLE):
        with refused("illegal_move"):
            leave(trial, person, to=to)


def test_one_who_left_returns_to_nothing_but_may_die(trial: Conduct) -> None:
    person = leave(trial, trial.study.participants.get(state="TREATED"))

    with refused("illegal_move"):
        leave(trial, person, to=ParticipantState.LOST)
    assert leave(trial, person, to=ParticipantState.DIED).state == "DIED"
