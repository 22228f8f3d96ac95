"""Protocol versions: drafts, the one in force, and a ladder that is never renumbered."""

from typing import Any

import pytest

from cohorts.actions import add_protocol_version
from cohorts.models import DoseLevel, ProtocolVersion
from ntrust.models import Study
from safety.management.conduct import Conduct
from tests.factories import (
    answer_of,
    approve,
    make_document,
    make_trial,
    open_level,
    refused,
    run_cohort,
    shared_trial,
)

pytestmark = pytest.mark.django_db


def build() -> Conduct:
    trial = open_level(make_trial())
    run_cohort(trial, 1, "NNT")
    return trial


_built, trial = shared_trial(build)


def add(trial: Conduct, **document: Any) -> ProtocolVersion:
    return add_protocol_version(
        trial.study,
        document=make_document(**{"version": "B", **document}),
        by=trial.manager,
        now=trial.tick(),
    )


def activate(trial: Conduct, version: ProtocolVersion) -> ProtocolVersion:
    return approve(version, by=trial.manager, now=trial.tick())


def test_first_version_starts_the_escalation(trial: Conduct) -> None:
    study = Study.objects.get(pk=trial.study.pk)

    assert study.state == "ESCALATING"
    assert list(study.levels.values_list("ordinal", "dose", "unit")) == [
        (1, 1, "1e9 cells"),
        (2, 2, "1e9 cells"),
        (3, 3, "1e9 cells"),
    ]
    assert study.notification_rules["HOLD_PLACED"]["urgent"] is True


def test_version_name_is_taken_once(trial: Conduct) -> None:
    with refused("version_exists"):
        add(trial, version="A")


def test_bad_document_is_not_stored(trial: Conduct) -> None:
    with refused("bad_protocol"):
        add(trial, min_n_at_mtd=4)


def test_draft_changes_nothing_until_it_is_in_force(trial: Conduct) -> None:
    draft = add(trial, min_n_at_mtd=3, confirm_top_dose=False)
    assert (draft.state, answer_of(trial)) == ("DRAFT", ("EXPAND_COHORT", 1))

    version = activate(trial, draft)

    states = dict(trial.study.protocol_versions.values_list("version", "state"))
    assert states == {"A": "SUPERSEDED", "B": "ACTIVE"}
    assert trial.advice().protocol_version == version
    answer_of(trial)
    with refused("illegal_move"):
        activate(trial, version)


def test_superseded_version_does_not_come_back(trial: Conduct) -> None:
    activate(trial, add(trial))

    with refused("illegal_move"):
        activate(trial, trial.study.protocol_versions.get(version="A"))


def test_levels_may_be_added_above_and_below(trial: Conduct) -> None:
    kept = set(DoseLevel.objects.values_list("pk", "ordinal"))

    activate(trial, add(trial, doses=4, level_minus_one=True))

    levels = set(DoseLevel.objects.values_list("pk", "ordinal"))
    assert kept < levels
    assert sorted(ordinal for _, ordinal in levels) == [-1, 1, 2, 3, 4]


def test_level_is_not_dropped(trial: Conduct) -> None:
    draft = add(trial, doses=2)

    with refused("ladder_changed"):
        activate(trial, draft)


def test_dose_of_a_level_does_not_change(trial: Conduct) -> None:
    document = make_document(version="B")
    document["ladder"]["levels"][1]["dose"] = "2.5"
    draft = add_protocol_version(trial.study, document=document, by=trial.manager, now=trial.tick())

    with refused("ladder_changed"):
        activate(trial, draft)


def test_participants_stay_pinned_to_their_version(trial: Conduct) -> None:
    activate(trial, add(trial))

    pinned = trial.study.participants.values_list("protocol_version__version", flat=True)
    assert set(pinned) == {"A"}
