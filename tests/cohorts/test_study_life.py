"""How a study ends: what has to be over, what no longer may be done, and what stays open."""

from datetime import timedelta

import pytest

from cohorts.actions import (
    complete_study,
    request_slot,
    screen_participant,
    start_part_2,
    terminate_study,
)
from cohorts.models import Cohort
from ntrust.models import Signature
from ntrust.signing import content_hash
from safety.management.conduct import Conduct
from tests.expanding import make_part_2, make_rde, run_part_2, seat_in, state_of
from tests.factories import (
    DISEASE,
    PASSWORD,
    kinds_since,
    make_trial,
    refused,
    report_late_dlt,
    reserve,
    revision_of,
    shared_trial,
    shut,
)

pytestmark = pytest.mark.django_db

WHY = "the sponsor ends it with people in follow-up"


def _treated() -> Conduct:
    trial = make_part_2()
    run_part_2(trial, "NPU")
    return trial


_built, trial = shared_trial(_treated)


def end(trial: Conduct, **given: str) -> None:
    words = {"reason": "all was seen", "password": PASSWORD, **given}
    complete_study(trial.study, by=trial.manager, now=trial.tick(), **words)


def terminate(trial: Conduct, **given: str) -> None:
    words = {"reason": "no more product", "password": PASSWORD, **given}
    terminate_study(trial.study, by=trial.manager, now=trial.tick(), **words)


def test_study_is_not_complete_while_people_are_treated_or_pending(trial: Conduct) -> None:
    with refused("not_complete") as caught:
        end(trial, still_on_study=WHY)

    assert shut(caught) == ["nobody_treated", "nobody_pending", "nobody_on_study"]


def test_study_with_people_in_follow_up_completes_with_a_reason_of_substance() -> None:
    trial = make_rde(key="own", letters=["NNN"], level=1)

    with refused("not_complete"):
        end(trial)
    with refused("reason_of_substance"):
        end(trial, still_on_study="because")
    end(trial, still_on_study=WHY)

    assert state_of(trial) == "COMPLETE"
    with refused("illegal_move"):
        terminate(trial)


@pytest.mark.parametrize(
    ("given", "code"),
    [({"reason": " "}, "reason_needed"), ({"password": "no"}, "signature_refused")],
)
def test_ending_needs_a_reason_and_a_signature(
    trial: Conduct, given: dict[str, str], code: str
) -> None:
    with refused(code):
        terminate(trial, **given)

    assert state_of(trial) == "EXPANDING"


def test_terminated_study_enrols_and_doses_nobody(trial: Conduct) -> None:
    waiting = trial.study.outcomes.filter(part=2).latest("id").participant
    queuing = trial.screen(disease=DISEASE)

    terminate(trial)

    assert set(Cohort.objects.filter(part=2).values_list("state", flat=True)) == {"STOPPED"}
    with refused("no_lymphodepletion") as caught:
        trial.begin([waiting], day_0=trial.now + timedelta(days=5))
    assert "study_open" in shut(caught)
    with refused("no_seat"):
        reserve(trial, queuing, 2)
    by = trial.investigator_of(queuing)
    with refused("study_over"):
        request_slot(queuing, by=by, now=trial.tick())
    with refused("study_over"):
        screen_participant(
            trial.crews[0].site,
            screening_number="S-999",
            disease=DISEASE,
            consented_at=trial.now,
            by=by,
            now=trial.tick(),
        )
    with refused("not_ready"):
        start_part_2(trial.study, by=trial.manager, now=trial.tick())
    with refused("illegal_move"):
        terminate(trial)


def test_safety_is_reported_after_the_end(trial: Conduct) -> None:
    person = trial.study.outcomes.filter(part=2, letter="P").earliest("id").participant
    terminate(trial)
    revision = revision_of(trial)

    report = report_late_dlt(trial, person)
    trial.adjudicate(report)

    assert {"DLT_REPORTED", "DLT_CONFIRMED", "OUTCOME_CHANGED"} <= set(kinds_since(trial, revision))


def test_ending_is_signed_over_what_the_event_keeps(trial: Conduct) -> None:
    terminate(trial)

    event = trial.study.events.get(kind="STUDY_TERMINATED")
    signature = Signature.objects.get(pk=event.data["signature"])
    assert signature.content_hash == content_hash(event.data["signed"])
    assert event.data["signed"]["from"] == "EXPANDING"


def test_escalation_may_be_terminated() -> None:
    trial = make_trial(key="own", doses=1)

    terminate(trial)

    assert state_of(trial) == "TERMINATED"


def test_nobody_is_seated_in_part_2_before_it_is_started() -> None:
    trial = make_rde(key="own", letters=["NNN"], level=1)

    person = trial.screen(disease=DISEASE)
    with refused("no_seat") as caught:
        reserve(trial, person, 1)
    assert shut(caught) == ["study_expanding", "seat_free"]
    start_part_2(trial.study, by=trial.manager, now=trial.tick())
    assert seat_in(trial)[0].slots.get().state == "CONFIRMED"
