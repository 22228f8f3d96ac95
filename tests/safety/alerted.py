"""Alerts for tests: raised while the study is free, or while somebody else changes it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from cohorts.models import Participant
from ntrust import change as change_module
from ntrust.errors import Refused
from ntrust.models import Study
from safety.actions import raise_alert
from safety.actions.inbox import Received
from safety.management.conduct import Conduct
from safety.models import InboxAlert, InboxResult
from tests.factories import (
    make_trial,
    open_level,
    run_cohort,
)


def build() -> Conduct:
    """Three treated at level 1, three days ago."""
    trial = open_level(make_trial(sites=2))
    run_cohort(trial, 1, "PPP")
    return trial


@contextmanager
def locked_study() -> Iterator[None]:
    """Somebody else holds the study for as long as anybody waits."""

    def busy(study: Study) -> Study:
        raise Refused("study_busy", "The study is being changed by somebody else.")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(change_module, "_lock", busy)
        yield


def alert(trial: Conduct, person: Participant, **named: Any) -> Received:
    named = {
        "term": "Cytokine release",
        "onset_at": trial.now,
        "grade": 4,
        "grading_system": "CTCAE v5.0",
        "causality": "POSSIBLE",
        "criterion": "NOW",
        "by": trial.investigator_of(person),
        **named,
    }
    return raise_alert("EVENT", person, now=trial.tick(), **named)


def kept_alert(trial: Conduct, person: Participant, **named: Any) -> InboxAlert:
    with locked_study():
        received = alert(trial, person, **named)
    assert received.kept is not None
    return received.kept


def results() -> list[str]:
    return list(InboxResult.objects.values_list("result", flat=True))
