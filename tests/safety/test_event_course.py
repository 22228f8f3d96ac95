"""Events: the alert with four answers, the course, what follows later; nothing unknown is clean."""

from datetime import timedelta
from typing import Any

import pytest

from cohorts.actions import leave_study
from cohorts.models import Participant
from cohorts.states import ParticipantState
from dosing.actions import Prescription, record_medication
from safety.actions import (
    EventDetails,
    add_grade,
    complete_event,
    end_event,
    report_dlt,
)
from safety.management.conduct import Conduct
from safety.models import AdverseEvent, DltReport, EventGrade
from safety.policies import clock_end, course_of, facts_of, missing_of, read_event
from safety.queries import read_todos
from tests.factories import DISEASE, refused, shared_trial
from tests.safety.toxic import OTHERS, build, enter, first_of, known, wait, who

pytestmark = pytest.mark.django_db

_built, trial = shared_trial(lambda: build("P"))
CRS, ICANS = "ASTCT CRS", "ASTCT ICANS"
FEVER = {"fever": "fever", "hypotension": "none", "hypoxia": "none"}
EVERYTHING = (
    "causality",
    "seriousness",
    "components",
    "category",
    "awareness",
    "narrative",
)


@pytest.fixture
def person(trial: Conduct) -> Participant:
    return first_of(trial)


def complete(trial: Conduct, event: AdverseEvent, **details: Any) -> AdverseEvent:
    said = EventDetails(**details)
    return complete_event(event, details=said, reason="chart", **who(trial, event.participant))


def grade(trial: Conduct, event: AdverseEvent, number: int | None, **named: Any) -> EventGrade:
    named = {"since": trial.now, **named}
    return add_grade(event, grade=number, **named, **who(trial, event.participant))


def give(trial: Conduct, person: Participant, medicine: str) -> None:
    prescription = Prescription(
        medicine, route="INTRAVENOUS", indication="the event", started_on=trial.now.date()
    )
    record_medication(person, prescription=prescription, **who(trial, person))


# --- The alert -------------------------------------------------------------------------------


def test_four_answers_are_enough(trial: Conduct, person: Participant) -> None:
    event = enter(trial, person, causality="")

    assert (event.is_serious, event.aware_at, event.category) == (None, None, "")
    assert missing_of(event) == EVERYTHING
    facts = facts_of(event)
    assert (facts.is_serious, facts.product, facts.category) == (None, None, None)


@pytest.mark.parametrize("state", ["SCREENING", "WITHDRAWN", "DIED"])
def test_alert_is_taken_in_any_state(trial: Conduct, person: Participant, state: str) -> None:
    someone = trial.consent(disease=DISEASE) if state == "SCREENING" else person
    if state != "SCREENING":
        to = ParticipantState(state)
        leave_study(someone, to=to, reason="left", **who(trial, someone))

    assert enter(trial, someone).pk is not None


def test_day_of_an_event_counts_from_infusion_1(trial: Conduct, person: Participant) -> None:
    facts = facts_of(enter(trial, person))

    assert (facts.study_day, facts.is_in_window) == (3, True)


def test_version_of_the_grading_is_kept(trial: Conduct, person: Participant) -> None:
    assert enter(trial, person, grading_system="CTCAE v6.0").grading_version == "6.0"
    assert enter(trial, person, grading_system=CRS).grading_version == "2019"


def test_unknown_grading_is_refused(trial: Conduct, person: Participant) -> None:
    with refused("unknown_grading"):
        enter(trial, person, grading_system="CTCAE v3.0")


@pytest.mark.parametrize("number", [0, 6, None])
def test_grade_outside_the_system_is_refused(
    trial: Conduct, person: Participant, number: int | None
) -> None:
    with refused("bad_grade"):
        enter(trial, person, grade=number)


@pytest.mark.parametrize("ends", [-1, 1])
def test_end_lies_between_the_beginning_and_now(
    trial: Conduct, person: Participant, ends: int
) -> None:
    code = "future_date" if ends > 0 else "impossible_order"
    with refused(code):
        enter(trial, person, ended_at=trial.now + timedelta(hours=ends))


def test_event_sent_twice_adds_what_is_new(trial: Conduct, person: Participant) -> None:
    began = trial.now
    event = enter(trial, person, onset_at=began)
    with refused("already_entered"):
        enter(trial, person, onset_at=began)

    again = enter(trial, person, onset_at=began, details=known(narrative="cramps"))

    assert again.pk == event.pk
    assert (again.narrative, again.causalities) == ("cramps", OTHERS)


@pytest.mark.parametrize(
    "differing",
    [
        {"ended_at": "now"},
        {"aware_at": "now"},
        {"grading_system": CRS, "findings": {**FEVER, "hypoxia": "high_flow"}},
        {"graded_since": "now"},
        {"criterion": "D9"},
    ],
)
def test_report_that_differs_in_anything_goes_through(
    trial: Conduct, person: Participant, differing: dict[str, Any]
) -> None:
    began, learned = trial.now, {"criterion": "D7"}
    system = {name: differing[name] for name in ("grading_system",) if name in differing}
    first = enter(trial, person, onset_at=began, **learned, **system)
    trial.tick()
    said = {name: trial.now if value == "now" else value for name, value in differing.items()}

    second = enter(trial, person, onset_at=began, **{**learned, **said})

    assert second.pk != first.pk
    assert DltReport.objects.filter(event=second).count() == 1
    with refused("already_entered") as caught:
        enter(trial, person, onset_at=began, **{**learned, **said})
    assert caught.value.event == second


def test_alert_sent_again_is_known_by_what_it_said_then(
    trial: Conduct, person: Participant
) -> None:
    began = trial.now
    event = enter(trial, person, grade=1, onset_at=began, grading_system=CRS)
    wait(trial, hours=5)
    grade(trial, event, 3)
    end_event(event, ended_at=trial.now, outcome="RECOVERED", **who(trial, person))

    with refused("already_entered") as caught:
        enter(trial, person, grade=1, onset_at=began, grading_system=CRS)

    assert caught.value.event == event


# --- The course ------------------------------------------------------------------------------


def test_worst_grade_of_the_course_counts(trial: Conduct, person: Participant) -> None:
    event = enter(trial, person, grade=1, grading_system=CRS)
    wait(trial, hours=5)
    worst = grade(trial, event, 3)
    wait(trial, hours=5)
    grade(trial, event, 2)

    event.refresh_from_db()
    assert event.grade == 3
    assert [step.grade for step in course_of(event)] == [1, 3, 2]
    assert clock_end(event, "D2") is None
    grade(trial, event, 3)
    assert clock_end(event, "D2") == course_of(event)[-1].since + timedelta(hours=72)
    assert worst.since < course_of(event)[-1].since


def test_clock_of_a_report_runs_from_the_grade(trial: Conduct, person: Participant) -> None:
    event = enter(trial, person, grade=1, grading_system=CRS)
    wait(trial, hours=50)
    step = grade(trial, event, 3)

    report = report_dlt(event, criterion="D2", **who(trial, person))

    assert (report.state, report.counts_at) == ("PROVISIONAL", step.since + timedelta(hours=72))


def test_wrong_grade_is_superseded_with_a_reason(trial: Conduct, person: Participant) -> None:
    event = enter(trial, person, grade=4, grading_system=CRS)
    first = event.course.get()
    with refused("reason_needed"):
        grade(trial, event, 2, since=event.onset_at, corrects=first)

    grade(trial, event, 2, since=event.onset_at, corrects=first, reason="a slip")

    event.refresh_from_db()
    assert (event.grade, event.course.count()) == (2, 2)
    with refused("not_in_force"):
        grade(trial, event, 3, since=event.onset_at, corrects=first, reason="again")


def test_findings_come_after_their_grade(trial: Conduct, person: Participant) -> None:
    event = enter(trial, person, grade=1, grading_system=CRS)

    step = grade(trial, event, None, since=event.onset_at, findings=FEVER)

    assert (step.reason, [one.pk for one in course_of(event)]) == (
        "the findings came later",
        [step.pk],
    )


def test_grade_lies_in_its_event(trial: Conduct, person: Participant) -> None:
    event = enter(trial, person)
    with refused("already_entered"):
        grade(trial, event, 3, since=event.onset_at)
    with refused("impossible_order"):
        grade(trial, event, 4, since=event.onset_at - timedelta(minutes=1))
    with refused("future_date"):
        grade(trial, event, 4, since=trial.now + timedelta(hours=1))


def test_event_ends_once_and_is_corrected_with_a_reason(
    trial: Conduct, person: Participant
) -> None:
    event = enter(trial, person)
    at = wait(trial, hours=4)
    end_event(event, ended_at=at, outcome="RECOVERED", **who(trial, person))
    with refused("reason_needed"):
        end_event(event, ended_at=at, outcome="SEQUELAE", **who(trial, person))

    event = end_event(event, ended_at=at, outcome="SEQUELAE", reason="scar", **who(trial, person))

    assert (event.ended_at, event.outcome) == (at, "SEQUELAE")


def test_event_does_not_end_before_its_last_grade(trial: Conduct, person: Participant) -> None:
    event = enter(trial, person, grade=1)
    wait(trial, hours=4)
    grade(trial, event, 2)
    for ended_at, code in ((event.onset_at, "impossible_order"), (wait(trial), "future_date")):
        with refused(code):
            end_event(
                event,
                ended_at=ended_at + timedelta(days=code == "future_date"),
                outcome="RECOVERED",
                **who(trial, person),
            )


# --- What follows the alert ------------------------------------------------------------------


def test_what_is_missing_is_owed_until_it_is_entered(trial: Conduct, person: Participant) -> None:
    event = enter(trial, person)
    (todo,) = read_todos(person, now=trial.now)
    assert todo.words[0] == "dose-limiting or not?"
    assert todo.words[1:] == (
        "whether it is serious, and by which criteria",
        "the relation to everything else",
        "what kind of event it is",
        "when you learned of it",
        "the narrative",
    )
    assert (todo.due_at, todo.is_overdue) == (event.entered_at + timedelta(hours=24), False)
    wait(trial, hours=25)
    assert read_todos(person, now=trial.now)[0].is_overdue

    complete(
        trial,
        event,
        causalities=OTHERS,
        category="laboratory",
        aware_at=event.onset_at,
        seriousness=(),
    )

    assert read_todos(person, now=trial.now) == ()


def test_entry_is_changed_with_a_reason_and_kept(trial: Conduct, person: Participant) -> None:
    event = enter(trial, person)
    with refused("reason_needed"):
        complete_event(event, details=EventDetails(narrative="x"), reason=" ", **who(trial, person))
    complete(trial, event, category="infection")

    complete(trial, event, category="other")

    kept = event.row_history.order_by("pgh_id")  # type: ignore[attr-defined]
    assert [row.category for row in kept] == ["", "infection", "other"]
    assert kept.last().pgh_context["reason"] == "chart"
    with refused("nothing_new"):
        complete(trial, event, category="other")


def test_seriousness_is_never_derived_from_the_grade(trial: Conduct, person: Participant) -> None:
    event = enter(trial, person, grade=4)
    assert event.is_serious is None

    event = complete(trial, event, seriousness=("LIFE_THREATENING", "HOSPITALISATION"))

    assert event.is_serious is True
    assert event.seriousness == ["HOSPITALISATION", "LIFE_THREATENING"]


def test_serious_without_a_criterion_is_still_owed(trial: Conduct, person: Participant) -> None:
    assert "seriousness" in missing_of(enter(trial, person, is_serious=True))


@pytest.mark.parametrize(
    ("details", "code"),
    [
        ({"seriousness": ("BAD",)}, "unknown_word"),
        ({"outcome": "FINE"}, "unknown_word"),
        ({"causalities": {"fludarabine": "MAYBE"}}, "unknown_word"),
        ({"causalities": {"aspirin": "UNLIKELY"}}, "unknown_component"),
        ({"category": "mood"}, "unknown_category"),
        ({"seriousness": ("DEATH",)}, "death_is_grade_5"),
        ({"outcome": "FATAL"}, "death_is_grade_5"),
    ],
)
def test_details_that_cannot_be_are_refused(
    trial: Conduct, person: Participant, details: dict[str, Any], code: str
) -> None:
    with refused(code):
        enter(trial, person, details=EventDetails(**details))


@pytest.mark.parametrize(
    "named",
    [
        {"is_serious": False},
        {"details": EventDetails(seriousness=("HOSPITALISATION",))},
        {"details": EventDetails(outcome="RECOVERED")},
    ],
)
def test_grade_5_is_a_death(trial: Conduct, person: Participant, named: dict[str, Any]) -> None:
    with refused("grade_5_is_death"):
        enter(trial, person, grade=5, **named)


def test_category_of_a_system_is_its_own(trial: Conduct, person: Participant) -> None:
    assert facts_of(enter(trial, person, grading_system=CRS)).category == "crs"
    with refused("unknown_category"):
        enter(trial, person, grading_system=ICANS, details=known(category="crs"))


# --- Treatment -------------------------------------------------------------------------------


def answers(event: AdverseEvent, trial: Conduct) -> dict[str, str]:
    return {one.criterion: str(one.answer) for one in read_event(event, now=trial.now)}


def test_steroids_begun_for_gvhd_count_and_silence_does_not_clear(
    trial: Conduct, person: Participant
) -> None:
    event = enter(trial, person, grade=2, grading_system="Acute GvHD (MAGIC)")
    assert answers(event, trial)["D4"] == "COULD_MEET"
    assert "treatment" in missing_of(event)

    give(trial, person, "Methylprednisolone")

    assert answers(event, trial)["D4"] == "MEETS"
    assert "treatment" not in missing_of(event)


def test_gvhd_without_steroids_is_said(trial: Conduct, person: Participant) -> None:
    event = enter(trial, person, grade=2, grading_system="Acute GvHD (MAGIC)")

    event = complete(trial, event, treatments={"steroid": False})

    assert answers(event, trial)["D4"] == "DOES_NOT"
