"""Findings make the grade of what has a grading of its own; a number beside them has to agree."""

import pytest

from cohorts.models import Participant
from safety.management.conduct import Conduct
from tests.factories import refused, shared_trial
from tests.safety.test_event_course import CRS, FEVER, ICANS, give
from tests.safety.toxic import build, enter, first_of

pytestmark = pytest.mark.django_db

_built, trial = shared_trial(lambda: build("P"))


@pytest.fixture
def person(trial: Conduct) -> Participant:
    return first_of(trial)


def test_findings_make_the_grade(trial: Conduct, person: Participant) -> None:
    found = {**FEVER, "hypoxia": "high_flow"}

    event = enter(trial, person, grade=None, grading_system=CRS, findings=found)

    assert (event.grade, event.course.get().findings) == (3, found)


def test_grade_that_the_findings_do_not_make_is_refused_with_both_numbers(
    trial: Conduct, person: Participant
) -> None:
    with refused("grade_differs") as caught:
        enter(
            trial, person, grade=2, grading_system=CRS, findings={**FEVER, "hypoxia": "high_flow"}
        )

    assert caught.value.sentence.startswith("Entered is grade 2; the findings make grade 3.")


def test_some_findings_make_at_least_a_grade(trial: Conduct, person: Participant) -> None:
    assert enter(trial, person, grading_system=ICANS, findings={"ice": "3-6"}).grade == 3
    with refused("grade_differs"):
        enter(trial, person, grade=1, grading_system=ICANS, findings={"ice": "3-6"})


def test_crs_has_fever_unless_something_hides_it(trial: Conduct, person: Participant) -> None:
    found = {"fever": "none", "hypotension": "no_vasopressor", "hypoxia": "none"}
    with refused("finding_needed"):
        enter(trial, person, grade=2, grading_system=CRS, findings=found)

    give(trial, person, "Tocilizumab")

    assert enter(trial, person, grade=2, grading_system=CRS, findings=found).grade == 2


@pytest.mark.parametrize("found", [{"smell": "bad"}, {"fever": "maybe"}])
def test_unknown_findings_are_refused(
    trial: Conduct, person: Participant, found: dict[str, str]
) -> None:
    with refused("unknown_finding"):
        enter(trial, person, grading_system=CRS, findings=found)


def test_gvhd_has_four_grades_and_death(trial: Conduct, person: Participant) -> None:
    system = "Acute GvHD (MAGIC)"

    assert enter(trial, person, grade=4, grading_system=system).grade == 4
    assert enter(trial, person, grade=5, grading_system=system).grade == 5
