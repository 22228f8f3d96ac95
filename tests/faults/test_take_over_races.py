"""Many sign a take-over at once: it is applied once, and nobody is there twice."""

from __future__ import annotations

from collections import Counter

from cohorts.models import Cohort, Decision, Outcome, Participant
from dosing.models import Course
from ntrust.errors import Refused
from ntrust.models import Event, Signature
from safety.models import TakeOver
from tests.committed import CommittedDb
from tests.factories import make_trial, open_level, run_cohort
from tests.faults.test_races import race, winners
from tests.safety.paper import Rows, beside, live, sign, stage, write_down

RUNNERS = 8


def test_second_signature_is_given_and_applied_once(committed_db: CommittedDb) -> None:
    trial = open_level(make_trial())
    run_cohort(trial, 1, "NT")
    trial = beside(trial)
    rows: Rows = write_down(live(trial).study)
    staged = stage(trial, rows)
    sign(trial, staged, by=trial.manager)
    signed, now = Signature.objects.count(), trial.tick()

    results = race([lambda: sign(trial, staged, now=now)] * RUNNERS)

    assert len(winners(results)) == 1
    codes = Counter(result.code for result in results if isinstance(result, Refused))
    assert codes == {"illegal_move": RUNNERS - 1}
    assert TakeOver.objects.get().state == "APPLIED"
    assert Signature.objects.count() == signed + 1
    assert Event.objects.filter(kind="TAKE_OVER_APPLIED").count() == 1
    own = {"study": trial.study}
    assert Participant.objects.filter(**own).count() == Outcome.objects.filter(**own).count() == 2
    assert Course.objects.filter(participant__study=trial.study).count() == 2
    assert Decision.objects.filter(**own).count() == Cohort.objects.filter(**own).count() == 1


def test_manager_and_monitor_at_once_apply_it_once(committed_db: CommittedDb) -> None:
    trial = open_level(make_trial())
    run_cohort(trial, 1, "N")
    trial = beside(trial)
    staged = stage(trial, write_down(live(trial).study))
    now = trial.tick()

    results = race(
        [
            lambda: sign(trial, staged, now=now),
            lambda: sign(trial, staged, by=trial.manager, now=now),
        ]
    )

    assert len(winners(results)) == 2
    assert TakeOver.objects.get().state == "APPLIED"
    assert Participant.objects.filter(study=trial.study).count() == 1
    assert Event.objects.filter(kind="TAKE_OVER_APPLIED").count() == 1
