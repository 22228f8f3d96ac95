"""The pages that the committee reads beside its packets name nobody at work at a site either."""

from __future__ import annotations

import pytest

from cohorts.actions import Conclusion, place_hold
from cohorts.engine.design import Verdict
from cohorts.states import HoldScope
from ntrust.models import User
from ntrust.states import Role
from safety.management.conduct import Conduct, enlist
from tests.factories import (
    DISEASE,
    PASSWORD,
    client_of,
    make_trial,
    open_level,
    run_cohort,
    shared_trial,
)

pytestmark = pytest.mark.django_db

SAID = "Investigator trial 1 called about S-003 and {screened}"
COVERED = "(staff) called about P-003 and in screening"
PAGES = ("", "path/", "holds/", "decisions/", "decisions/2/", "reviews/2/")


def build() -> Conduct:
    """Level 1 clean, somebody in screening; a hold and an override whose reasons name people."""
    trial = open_level(make_trial())
    run_cohort(trial, 1, "NNN")
    said = SAID.format(screened=trial.consent(disease=DISEASE).screening_number)
    trial.sign(
        trial.propose(
            Conclusion(Verdict.ENROL, trial.level(1), seats=3, committee_verdict=said, reason=said)
        )
    )
    now = trial.tick()
    place_hold(trial.study, scope=HoldScope.STUDY, reason=said, by=trial.monitor, now=now)
    return trial


_built, trial = shared_trial(build)


def read(user: User, trial: Conduct, page: str) -> str:
    answer = client_of(user).get(f"/studies/{trial.study.key}/{page}")
    assert answer.status_code == 200
    return str(answer.content.decode())


@pytest.mark.parametrize("page", PAGES)
def test_committee_reads_subject_numbers_and_no_names_on_every_page(
    trial: Conduct, page: str
) -> None:
    common = {"study": trial.study, "password": PASSWORD, "now": trial.now}
    reader = enlist("reader", role=Role.COMMITTEE, **common)  # type: ignore[arg-type]

    text = read(reader, trial, page)

    assert "Investigator trial 1" not in text
    assert "S-003" not in text
    assert COVERED in text
    assert "Investigator trial 1 called about S-003" in read(trial.manager, trial, page)
