"""The boundary of Part 2 as protocol data: its rule, who is monitored together, who counts."""

from copy import deepcopy
from typing import Any

import pytest

from cohorts.actions import start_part_2
from cohorts.models import Hold
from cohorts.policies import holds_on, read_groups, require_protocol
from cohorts.protocol import Part2Data, ProtocolDocument
from safety.management.conduct import Conduct
from tests.expanding import (
    BETA,
    PMN,
    POCOCK,
    make_part_1,
    make_part_2,
    part_2_of,
    propose,
    run_part_2,
    sign_both,
    stop,
)
from tests.factories import DISEASE, PASSWORD, make_document, refused, report_dlt_of, shut
from tests.lifting import lift_hold

pytestmark = pytest.mark.django_db


def counts(trial: Conduct) -> list[tuple[str, int, int, int]]:
    """Group, DLTs, evaluated, pending."""
    version = require_protocol(trial.study)
    return [(g.disease, g.x, g.n, len(g.pending)) for g in read_groups(trial.study, version)]


def holds(trial: Conduct) -> list[tuple[str, str]]:
    return list(Hold.objects.order_by("id").values_list("rule", "disease"))


def test_boundary_for_each_cohort_stops_that_cohort_alone() -> None:
    trial = make_part_2(1, letters=["NNN"], monitoring="per_cohort", boundary=BETA)
    other = run_part_2(trial, "P", PMN)[0]

    person = run_part_2(trial, "T")[0]

    assert counts(trial) == [(DISEASE, 1, 1, 0), (PMN, 0, 0, 1)]
    assert holds(trial) == [("BOUNDARY", DISEASE)]
    assert len(holds_on(trial.study, level=1, participant=person)) == 1
    assert holds_on(trial.study, level=1, participant=other) == []


def test_provisional_dlt_that_would_cross_holds_dosing_until_it_is_lifted() -> None:
    trial = make_part_2(1, letters=["NNN"], boundary=BETA)
    person = run_part_2(trial, "P")[0]

    report_dlt_of(trial, person, "IN72H")

    assert counts(trial) == [("", 0, 0, 1)]
    assert holds(trial) == [("POSSIBLE_BOUNDARY", "")]


def test_dlt_of_one_whose_dlt_was_refuted_crosses_and_holds_again() -> None:
    trial = make_part_2(1, letters=["NNN"], boundary=BETA)
    person = run_part_2(trial, "P")[0]
    first = report_dlt_of(trial, person)
    trial.adjudicate(first, is_confirmed=False, reason="a rash, not related")
    hold = Hold.objects.get(rule="BOUNDARY")
    lift_hold(hold, reason="refuted", by=trial.monitor, password=PASSWORD, now=trial.tick())

    report_dlt_of(trial, person)

    assert counts(trial) == [("", 1, 1, 0)]
    assert Hold.objects.filter(rule="BOUNDARY", state="PLACED").exists()


def test_part_1_counts_at_the_rde_only_where_the_protocol_says_so() -> None:
    trial = make_part_2(1, letters=["NNN"], counts_part_1=True)

    run_part_2(trial, "P")

    assert counts(trial) == [("", 0, 3, 1)]


def test_part_2_is_not_started_before_every_site_has_read_the_rde() -> None:
    trial = make_part_1(["NNN"])
    stop(trial)
    sign_both(trial, propose(trial, 1))

    with refused("not_ready") as caught:
        start_part_2(trial.study, by=trial.manager, now=trial.tick())

    assert shut(caught) == ["rde_signed"]


def test_part_2_is_not_started_without_seats_and_boundary() -> None:
    trial = make_part_1(["NNN"], cohorts=[DISEASE, PMN], boundary=None)
    stop(trial)
    sign_both(trial, propose(trial, 1))

    with refused("not_ready") as caught:
        start_part_2(trial.study, by=trial.manager, now=trial.tick())

    assert shut(caught) == ["rde_signed", "cohorts_planned", "boundary_planned"]


@pytest.mark.parametrize(
    ("section", "words"),
    [
        ({"cohorts": [DISEASE, DISEASE]}, "one expansion cohort"),
        ({"boundary": {**POCOCK, "p0": "1.2"}}, "p0 lies between 0 and 1"),
        ({"boundary": {**POCOCK, "alpha": None}}, "pocock needs p0 and alpha"),
        ({"boundary": {**BETA, "prior": ["0", "1"]}}, "two positive numbers"),
        ({"boundary": {**POCOCK, "most_participants": 11}}, "ends at 11 participants"),
        ({"cohorts": [{"disease": "gout", "seats": 3}]}, "no disease of this"),
        ({"monitoring": "never"}, "pooled"),
    ],
)
def test_bad_part_2_is_refused_with_its_reason(section: dict[str, Any], words: str) -> None:
    document = make_document(conduct=part_2_of(**deepcopy(section)))

    with pytest.raises(ValueError, match=words):
        ProtocolDocument.model_validate(document)


def test_cohort_named_by_its_disease_alone_is_read_and_has_no_seats() -> None:
    part_2 = Part2Data.model_validate({"cohorts": [DISEASE]})

    assert [(one.disease, one.seats) for one in part_2.cohorts] == [(DISEASE, None)]
