"""Whose participants count together: those a version pools; the others stand apart, and say so."""

from __future__ import annotations

from typing import Any

import pytest

from cohorts.actions import add_protocol_version
from cohorts.engine.design import Verdict
from cohorts.models import Decision, Hold, Outcome, ProtocolVersion
from cohorts.policies import current_basis, require_protocol
from cohorts.protocol import validate_document
from cohorts.queries import ladder, viewer_of
from cohorts.queries.impact import read_impact
from ntrust.errors import Refused
from ntrust.models import Study
from safety.management.conduct import Conduct
from tests.factories import (
    answer_of,
    approve,
    make_document,
    make_trial,
    open_level,
    refused,
    report_late_dlt,
    run_cohort,
    seat,
    shared_trial,
    treat,
)

pytestmark = pytest.mark.django_db
NOT_A = "enrolled under version A, which is not pooled"


def build() -> Conduct:
    """Two treated and one pending under version A, at level 1."""
    trial = open_level(make_trial())
    run_cohort(trial, 1, "NNP")
    return trial


_built, trial = shared_trial(build)


def draft(trial: Conduct, **pooling: list[str]) -> ProtocolVersion:
    document: dict[str, Any] = {**make_document(version="B"), "pooling": pooling}
    return add_protocol_version(trial.study, document=document, by=trial.manager, now=trial.tick())


def in_force(trial: Conduct, **pooling: list[str]) -> ProtocolVersion:
    return approve(draft(trial, **pooling), by=trial.manager, now=trial.tick())


def basis(trial: Conduct) -> Any:
    return current_basis(trial.study, require_protocol(trial.study))


def test_everybody_counts_where_nothing_is_named(trial: Conduct) -> None:
    in_force(trial)

    assert [row["letter"] for row in basis(trial)["outcomes"]] == ["N", "N", "P"]
    assert "excluded" not in basis(trial)


def test_those_of_another_version_stand_apart_with_the_reason(trial: Conduct) -> None:
    version = draft(trial, versions=["B"])
    preview = read_impact(version, now=trial.now)

    approve(version, by=trial.manager, now=trial.tick())

    assert preview.not_pooled == tuple(f"P-00{n}: {NOT_A}." for n in (1, 2, 3))
    assert basis(trial)["outcomes"] == []
    assert basis(trial)["excluded"] == [
        {"subject": f"P-00{n}", "level": 1, "letter": letter, "why": NOT_A}
        for n, letter in ((1, "N"), (2, "N"), (3, "P"))
    ]
    assert answer_of(trial) == ("ENROL", 1)
    assert trial.advice().basis["excluded"] == basis(trial)["excluded"]


def test_a_decision_that_counted_them_is_marked(trial: Conduct) -> None:
    trial.decide(Verdict.ENROL, 1, seats=1, reason="One more at this level, says the committee.")

    in_force(trial, versions=["B"])

    marked = Decision.objects.get(number=2)
    assert marked.state == "BASIS_CHANGED"
    assert "P-001 no longer counts" in marked.basis_change


def test_dlts_of_those_set_apart_close_nothing_in_the_new_counts(trial: Conduct) -> None:
    in_force(trial, versions=["B"])

    for person in trial.study.participants.order_by("id")[1:3]:
        report_late_dlt(trial, person)

    assert [row["letter"] for row in basis(trial)["excluded"]] == ["N", "T", "T"]
    assert answer_of(trial) == ("ENROL", 1)
    assert not Hold.objects.filter(rule="SECOND_DLT").exists()


def test_provisional_dlts_of_those_set_apart_hold_nothing(trial: Conduct) -> None:
    in_force(trial, versions=["B"])

    for person in trial.study.participants.order_by("id")[1:3]:
        report_late_dlt(trial, person, "IN72H")

    assert not Hold.objects.filter(rule="POSSIBLE_SECOND_DLT").exists()


def test_regimen_is_known_from_the_start_of_conditioning(trial: Conduct) -> None:
    trial.decide(Verdict.ENROL, 1, seats=2, reason="Two more at this level, says the committee.")
    (seated,) = seat(trial, 1)
    assert Outcome.objects.get(participant=seated).regimen == ""

    treat(trial, [seated])

    assert Outcome.objects.get(participant=seated).regimen == "flu_cy"


def test_regimen_not_pooled_stands_apart_and_the_unconditioned_count(trial: Conduct) -> None:
    document = make_document(version="B")
    document["lymphodepletion"].append({"key": "cy", "name": "Cy", "days": [-3]})
    document["pooling"] = {"regimens": ["cy"]}
    draft = add_protocol_version(trial.study, document=document, by=trial.manager, now=trial.tick())
    approve(draft, by=trial.manager, now=trial.tick())
    assert basis(trial)["outcomes"] == []

    open_level(trial)
    seat(trial, 1)

    assert basis(trial)["outcomes"] == [{"subject": "P-004", "level": 1, "letter": "P"}]
    why = "conditioned with flu_cy, which is not pooled"
    assert {row["why"] for row in basis(trial)["excluded"]} == {why}


def test_ladder_shows_who_is_set_apart_and_counts_the_others(trial: Conduct) -> None:
    in_force(trial, versions=["B"])
    viewer = viewer_of(trial.manager, trial.study.key)
    assert viewer is not None

    page = ladder(Study.objects.get(pk=trial.study.pk), viewer=viewer, now=trial.now)

    rung = next(level for level in page.levels if level.ordinal == 1)
    assert (rung.counts.treated, rung.counts.evaluable, rung.counts.pending) == (3, 0, 0)
    assert {person.mark.text for person in rung.people} == {"not counted with the others"}
    assert all(NOT_A in person.because for person in rung.people)


@pytest.mark.parametrize(
    ("pooling", "code"),
    [
        ({"versions": ["B", "a"]}, "unknown_version"),
        ({"regimens": ["flu-cy"]}, "unknown_regimen"),
    ],
)
def test_pooling_of_what_there_is_not_is_refused(
    trial: Conduct, pooling: dict[str, list[str]], code: str
) -> None:
    version = draft(trial, **pooling)

    assert "which there is not" in read_impact(version, now=trial.now).unfit
    with refused(code):
        approve(version, by=trial.manager, now=trial.tick())


def test_version_that_leaves_its_own_participants_out_is_refused() -> None:
    document = {**make_document(version="B"), "pooling": {"versions": ["A"]}}

    with pytest.raises(Refused, match="leaves out this version's own participants"):
        validate_document(document, name="x")
