"""Two managers, a second click, two signers at once: one review, one decision, one signature."""

from __future__ import annotations

from collections import Counter
from typing import Any

from cohorts.actions import Conclusion, sign_decision, sign_re_review
from cohorts.engine.design import Verdict
from cohorts.models import Decision, ReReview
from ntrust.errors import Refused
from ntrust.models import Event, Signature
from ntrust.states import Role
from safety.actions import Minutes, conclude_review, convene_review
from safety.management.conduct import Conduct, enlist
from safety.models import Review
from tests.committed import CommittedDb
from tests.factories import PASSWORD, make_trial, open_level, report_late_dlt, run_cohort
from tests.faults.test_races import race, winners
from tests.re_reviewing import look_again, marked_trial

RUNNERS = 6


def codes(results: list[Any]) -> Counter[str]:
    return Counter(result.code for result in results if isinstance(result, Refused))


def escalating() -> Conduct:
    trial = open_level(make_trial())
    run_cohort(trial, 1, "NNN")
    return trial


def test_review_is_concluded_once(committed_db: CommittedDb) -> None:
    trial = escalating()
    other = enlist(
        "other-manager",
        study=trial.study,
        role=Role.STUDY_MANAGER,
        password=PASSWORD,
        now=trial.now,
    )
    review = convene_review(trial.study, by=trial.manager, now=trial.tick())
    before, now, level = Decision.objects.count(), trial.tick(), trial.level(2)

    results = race(
        [
            lambda by=by: conclude_review(
                review,
                conclusion=Conclusion(Verdict.ESCALATE, level, "agrees"),
                minutes=Minutes(3, "minutes"),
                by=by,
                now=now,
            )
            for by in (trial.manager, other) * (RUNNERS // 2)
        ]
    )

    assert len(winners(results)) == 1
    assert codes(results) == {"illegal_move": RUNNERS - 1}
    assert Decision.objects.count() == before + 1
    assert Event.objects.filter(kind="DECISION_PROPOSED").count() == before + 1


def test_reviews_convened_at_once_leave_one_open(committed_db: CommittedDb) -> None:
    trial, before = escalating(), Review.objects.count()
    now = trial.tick()

    results = race(
        [lambda: convene_review(trial.study, by=trial.manager, now=now) for _ in range(RUNNERS)]
    )

    assert len(winners(results)) == RUNNERS
    states = Counter(Review.objects.filter(number__gt=before).values_list("state", flat=True))
    assert states == {"CONVENED": 1, "SUPERSEDED": RUNNERS - 1}
    assert Review.objects.get(state="CONVENED").number == Review.objects.count()


def test_second_click_signs_nothing(committed_db: CommittedDb) -> None:
    trial = escalating()
    decision = trial.propose(Conclusion(Verdict.ESCALATE, trial.level(2), "agrees"))
    signed, now = Signature.objects.count(), trial.tick()

    results = race(
        [
            lambda: sign_decision(decision, by=trial.manager, password=PASSWORD, now=now)
            for _ in range(RUNNERS)
        ]
    )

    assert len(winners(results)) == 1
    assert codes(results) == {"already_signed": RUNNERS - 1}
    assert Signature.objects.count() == signed + 1


def test_manager_and_monitor_sign_a_re_review_at_once(committed_db: CommittedDb) -> None:
    trial = marked_trial()
    looked = look_again(trial, Decision.objects.latest("number"))
    now = trial.tick()

    results = race(
        [
            lambda by=by: sign_re_review(looked, by=by, password=PASSWORD, now=now)
            for by in (trial.manager, trial.monitor, trial.manager, trial.monitor)
        ]
    )

    assert len(winners(results)) == 2
    assert ReReview.objects.get().state == "SIGNED"
    assert Decision.objects.latest("number").state == "RE_REVIEWED"
    assert Event.objects.filter(kind="DECISION_RE_REVIEWED").count() == 1


def test_dlt_and_conclusion_at_once_leave_no_decision_on_the_old_data(
    committed_db: CommittedDb,
) -> None:
    trial = escalating()
    review = convene_review(trial.study, by=trial.manager, now=trial.tick())
    person, level = trial.study.participants.earliest("id"), trial.level(2)
    now = trial.tick()

    race(
        [
            lambda: conclude_review(
                review,
                conclusion=Conclusion(Verdict.ESCALATE, level, "agrees"),
                minutes=Minutes(3, "minutes"),
                by=trial.manager,
                now=now,
            ),
            lambda: report_late_dlt(trial, person),
        ]
    )

    waiting = Decision.objects.filter(state__in=["PROPOSED", "PARTLY_SIGNED", "SIGNED"])
    assert not waiting.exists()
