"""A decision whose basis changed: looked at again, signed again, and marked again by more news."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import ProgrammingError, connection

from cohorts.actions import (
    Conclusion,
    SecondLook,
    acknowledge_decision,
    sign_decision,
    sign_re_review,
)
from cohorts.engine.design import Verdict
from cohorts.models import Cohort, Decision, Hold, ReReview
from cohorts.policies import gates_for_seat, re_review_gate
from cohorts.states import ReReviewVerdict
from ntrust.actions import activate_site, add_site
from ntrust.change import study_change
from ntrust.signing import content_hash
from ntrust.states import Role
from safety.actions import Minutes, conclude_re_review, conclude_review, convene_review
from safety.management.conduct import Conduct, enlist
from safety.models import Review
from safety.queries.verification import verify_decisions
from tests.factories import (
    PASSWORD,
    kinds_since,
    make_trial,
    open_level,
    refused,
    report_late_dlt,
    reserve,
    revision_of,
    run_cohort,
    shared_trial,
)
from tests.lifting import lift_hold
from tests.re_reviewing import REASON, look_again, marked_trial, re_review, sign_again

pytestmark = pytest.mark.django_db
UPHELD, CHANGED, WITHDRAWN = ReReviewVerdict


def build() -> Conduct:
    """1N, a decision on it for level 1, then its late DLT: decision 2 is marked, level 1 held."""
    return marked_trial("marked", sites=1)


_built, trial = shared_trial(build)


def decision_2(trial: Conduct) -> Decision:
    return Decision.objects.get(study=trial.study, number=2)


def hold_of(trial: Conduct) -> Hold:
    return Hold.objects.get(study=trial.study, rule="BASIS_CHANGED_2", state="PLACED")


def lift(trial: Conduct) -> Hold:
    return lift_hold(
        hold_of(trial), by=trial.monitor, password=PASSWORD, reason="reviewed", now=trial.tick()
    )


def again(trial: Conduct) -> Review:
    return convene_review(
        trial.study, re_reviews=decision_2(trial), by=trial.manager, now=trial.tick()
    )


def conclude(trial: Conduct, review: Review, look: SecondLook, **named: Any) -> ReReview:
    return conclude_re_review(
        review,
        look=look,
        minutes=Minutes(3, "minutes"),
        by=trial.manager,
        now=trial.tick(),
        **named,
    )


def test_hold_is_lifted_only_after_the_re_review(trial: Conduct) -> None:
    assert decision_2(trial).state == "BASIS_CHANGED"
    gate = re_review_gate(hold_of(trial))
    assert gate is not None
    assert not gate.is_clear
    with refused("re_review_first"):
        lift(trial)
    looked = look_again(trial, decision_2(trial))
    with refused("re_review_first"):
        lift(trial)

    sign_again(trial, looked)

    assert lift(trial).state == "LIFTED"


def test_upheld_decision_is_in_force_again_on_the_basis_of_now(trial: Conduct) -> None:
    before = decision_2(trial)
    looked = re_review(trial, before)
    lift(trial)

    decision = decision_2(trial)

    assert (decision.state, decision.re_review_verdict) == ("RE_REVIEWED", "UPHELD")
    assert decision.is_in_force
    assert decision.content_hash == before.content_hash
    assert (looked.number, looked.state, looked.verdict) == (1, "SIGNED", "UPHELD")
    assert content_hash(looked.content) == looked.content_hash
    assert looked.content["decision_hash"] == decision.content_hash
    assert [row["letter"] for row in looked.basis["outcomes"]] == ["T"]
    signatures = [looked.manager_signature, looked.monitor_signature]
    assert {s.content_hash for s in signatures if s} == {looked.content_hash}
    gates = {g.rule: g for g in gates_for_seat(trial.study, trial.level(1), now=trial.now)}
    assert gates["decision_signed"].is_clear
    assert gates["not_held"].is_clear
    assert reserve(trial, trial.screen(disease="lupus nephritis"), 1).seat == 1


def test_news_after_the_re_review_marks_the_decision_again(trial: Conduct) -> None:
    re_review(trial, decision_2(trial))
    lift(trial)
    report = trial.study.participants.earliest("id").adverse_events.get().dlt_reports.get()
    revision = revision_of(trial)

    trial.adjudicate(report, is_confirmed=False, reason="not related at all")

    decision = decision_2(trial)
    assert decision.state == "BASIS_CHANGED"
    assert "from DLT to" in decision.basis_change
    assert "upheld by re-review 1" in hold_of(trial).reason
    assert kinds_since(trial, revision).count("BASIS_CHANGED") == 1
    with refused("re_review_first"):
        lift(trial)
    assert re_review(trial, decision).number == 2


@pytest.mark.parametrize("verdict", [WITHDRAWN, CHANGED])
def test_decision_that_is_not_upheld_opens_nothing_more(
    trial: Conduct, verdict: ReReviewVerdict
) -> None:
    instead = None
    if verdict == CHANGED:
        instead = Conclusion(Verdict.STOP, None, "agrees", reason=REASON)
    sign_again(trial, look_again(trial, decision_2(trial), verdict, instead=instead))
    lift(trial)

    decision = decision_2(trial)

    assert (decision.state, decision.re_review_verdict) == ("RE_REVIEWED", verdict)
    assert not decision.is_in_force
    assert Cohort.objects.get(decision=decision).state == "CLOSED"
    revision = revision_of(trial)
    trial.screen(disease="lupus nephritis")
    assert "BASIS_CHANGED" not in kinds_since(trial, revision)


def test_what_takes_its_place_waits_for_the_re_review(trial: Conduct) -> None:
    stop = Conclusion(Verdict.STOP, None, "agrees", reason=REASON)
    looked = look_again(trial, decision_2(trial), CHANGED, instead=stop)
    instead = looked.instead
    assert instead is not None
    with refused("re_review_first"):
        sign_decision(instead, by=trial.manager, password=PASSWORD, now=trial.tick())

    sign_again(trial, looked)

    assert trial.circulate(trial.sign(instead)).state == "CIRCULATED"


@pytest.mark.parametrize(
    ("code", "verdict", "has_instead"),
    [
        ("instead_needed", CHANGED, False),
        ("instead_unasked", UPHELD, True),
        ("instead_unasked", WITHDRAWN, True),
    ],
)
def test_only_what_is_changed_has_another_in_its_place(
    trial: Conduct, code: str, verdict: ReReviewVerdict, has_instead: bool
) -> None:
    review = again(trial)
    instead = Conclusion(Verdict.STOP, None, "agrees", reason=REASON) if has_instead else None

    with refused(code):
        conclude(trial, review, SecondLook(verdict, "agrees", "seen again"), instead=instead)


@pytest.mark.parametrize(("words", "reason"), [("", "seen"), ("agrees", " "), (" ", "")])
def test_re_review_gives_words_and_reason(trial: Conduct, words: str, reason: str) -> None:
    review = again(trial)

    with refused("re_review_needs_reason"):
        conclude(trial, review, SecondLook(UPHELD, words, reason))


def test_re_review_is_for_a_marked_decision_of_this_study(trial: Conduct) -> None:
    other = make_trial(key="elsewhere")
    first = Decision.objects.get(study=trial.study, number=1)

    with refused("basis_holds"):
        convene_review(trial.study, re_reviews=first, by=trial.manager, now=trial.tick())
    with refused("not_found"):
        convene_review(other.study, re_reviews=first, by=other.manager, now=other.tick())


def test_review_concludes_what_it_was_convened_for(trial: Conduct) -> None:
    minutes = Minutes(3, "minutes")
    who: dict[str, Any] = {"by": trial.manager, "now": trial.tick()}
    review = again(trial)
    with refused("re_review_wanted"):
        conclude_review(
            review,
            conclusion=Conclusion(Verdict.STOP, None, "agrees", reason=REASON),
            minutes=minutes,
            **who,
        )
    plain = convene_review(trial.study, **who)
    with refused("no_re_review"):
        conclude(trial, plain, SecondLook(UPHELD, "agrees", "seen again"))


def test_one_person_signs_a_re_review_once(trial: Conduct) -> None:
    looked = look_again(trial, decision_2(trial))
    sign_re_review(looked, by=trial.manager, password=PASSWORD, now=trial.tick())

    with refused("already_signed"):
        sign_re_review(looked, by=trial.manager, password=PASSWORD, now=trial.tick())
    sign_re_review(looked, by=trial.monitor, password=PASSWORD, now=trial.tick())
    with refused("illegal_move"):
        sign_re_review(looked, by=trial.monitor, password=PASSWORD, now=trial.tick())


def test_news_withdraws_a_re_review_that_waits_for_signatures(trial: Conduct) -> None:
    looked = look_again(trial, decision_2(trial))
    sign_re_review(looked, by=trial.manager, password=PASSWORD, now=trial.tick())
    report = trial.study.participants.earliest("id").adverse_events.get().dlt_reports.get()

    trial.adjudicate(report, is_confirmed=False, reason="not related at all")

    looked.refresh_from_db()
    assert looked.state == "WITHDRAWN"
    with refused("stale_decision"):
        sign_re_review(looked, by=trial.monitor, password=PASSWORD, now=trial.tick())


def test_upholding_does_not_reopen_a_toxic_level() -> None:
    trial = open_level(make_trial(key="toxic"))
    people = run_cohort(trial, 1, "NNN")
    run_cohort(open_level(trial, 2), 2, "P")
    for person in people[:2]:
        report_late_dlt(trial, person)
    review = again(trial)

    with refused("level_closed"):
        conclude(trial, review, SecondLook(UPHELD, "agrees", "seen again"))
    assert conclude(trial, review, SecondLook(WITHDRAWN, "withdraw", "two DLTs")).number == 1


def test_decision_that_was_never_in_force_is_not_upheld() -> None:
    trial = open_level(make_trial(key="unread"))
    people = run_cohort(trial, 1, "N")
    more = Conclusion(Verdict.ENROL, trial.level(1), "agrees", reason=REASON, seats=1)
    trial.sign(trial.propose(more))
    report_late_dlt(trial, people[0])
    review = again(trial)

    with refused("never_in_force"):
        conclude(trial, review, SecondLook(UPHELD, "agrees", "seen again"))


def test_site_activated_after_the_re_review_reads_the_decision_first(trial: Conduct) -> None:
    """It is asked for every decision whose seats are open, those upheld included."""
    re_review(trial, decision_2(trial))
    site = add_site(trial.study, code="S7", name="Seven", by=trial.manager, now=trial.tick())

    site = activate_site(site, by=trial.manager, now=trial.tick())

    asked = decision_2(trial).circulation.filter(site=site)
    assert sorted(asked.values_list("is_pharmacy", flat=True)) == [False, True]
    reader = enlist(
        "late-reader",
        study=trial.study,
        role=Role.INVESTIGATOR,
        site=site,
        password=PASSWORD,
        now=trial.now,
    )
    acknowledge_decision(decision_2(trial), site=site, by=reader, now=trial.tick())
    assert decision_2(trial).state == "RE_REVIEWED"


@pytest.mark.parametrize("change", [{"basis": {}}, {"content": {}}, {"verdict": "WITHDRAWN"}])
def test_database_seals_a_re_review(trial: Conduct, change: dict[str, Any]) -> None:
    looked = look_again(trial, decision_2(trial))

    with (
        pytest.raises(ProgrammingError, match="Cannot update"),
        study_change(trial.study, by=trial.manager, reason="by hand", now=trial.tick()),
    ):
        ReReview.objects.filter(pk=looked.pk).update(**change)


def test_re_review_that_was_altered_is_named_with_its_decision(trial: Conduct) -> None:
    sign_again(trial, look_again(trial, decision_2(trial)))
    assert {one.problems for one in verify_decisions(trial.study)} == {()}

    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("ALTER TABLE cohorts_rereview DISABLE TRIGGER USER")
        cursor.execute("UPDATE cohorts_rereview SET committee_verdict = 'go on'")
        cursor.execute("ALTER TABLE cohorts_rereview ENABLE TRIGGER USER")

    found = {one.number: one.problems for one in verify_decisions(trial.study)}
    assert found[2] == ("re-review 1: its committee verdict is not that of its content",)
