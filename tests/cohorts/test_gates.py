"""Why nobody can be seated now, and when that may change."""

import pytest

from cohorts.models import Outcome
from cohorts.policies import gates_for_seat
from ntrust.errors import Gate
from safety.management.conduct import Conduct
from tests.factories import make_trial, open_level, seat, shared_trial, treat

pytestmark = pytest.mark.django_db


def build() -> Conduct:
    trial = open_level(make_trial(sites=1))
    people = seat(trial, 1, 3)
    treat(trial, people[:2])
    return trial


_built, trial = shared_trial(build)


def gate(trial: Conduct, rule: str) -> Gate:
    gates = gates_for_seat(trial.study, trial.level(1), now=trial.now)
    return next(gate for gate in gates if gate.rule == rule)


def test_gate_of_the_rules_names_the_first_window_that_ends(trial: Conduct) -> None:
    closes = sorted(
        Outcome.objects.filter(study=trial.study, window_closes_at__isnull=False).values_list(
            "window_closes_at", flat=True
        )
    )

    shut = gate(trial, "rules_allow")

    assert not shut.is_clear
    assert len(closes) == 2
    assert shut.clears_at == closes[0]


def test_gate_of_the_rules_names_no_date_before_anyone_is_treated() -> None:
    trial = open_level(make_trial(sites=1, key="fresh"))
    seat(trial, 1, 3)

    assert gate(trial, "rules_allow").clears_at is None
