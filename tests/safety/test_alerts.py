"""The shipped protocol tells somebody of everything that can harm."""

from pathlib import Path

import pytest

from cohorts.protocol import ProtocolDocument, read_document
from ntrust.states import Role
from safety.policies.reminders import HEADINGS

NEWS = [
    "DLT_CONFIRMED", "DLT_REFUTED", "SAE_REPORTED", "SAE_CLOCK_STARTED", "HOLD_LIFTED",
    "IN_FLIGHT_LISTED", "RECOMMENDATION_CHANGED", "COHORT_OPENED", "COHORT_FULL", "COHORT_COMPLETE",
    "SLOT_RESERVED", "NEXT_IN_QUEUE", "INFUSION_MISSED", "STATEMENT_DUE", "DECISION_PROPOSED",
    "DECISION_SIGNED", "DECISION_CIRCULATED", "PROTOCOL_ACTIVATED", "BOUNDARY_CROSSED",
]  # fmt: skip
"""Beside the reminders."""
SHIPPED = Path(__file__).parents[2] / "cohorts" / "protocols" / "ntrust-1.yaml"
HARM = [
    "DLT_REPORTED",
    "DLT_PROVISIONAL",
    "HOLD_PLACED",
    "BASIS_CHANGED",
    "PARTICIPANT_DIED",
    "MONITOR_CALL",
]


@pytest.fixture(scope="module")
def protocol() -> ProtocolDocument:
    return read_document(SHIPPED.read_text(encoding="utf-8"), name=SHIPPED.name)


def test_urgent_is_what_is_held_or_has_a_deadline(protocol: ProtocolDocument) -> None:
    rules = protocol.notifications

    assert [kind for kind, rule in rules.items() if rule.urgent and not rule.urgent_for] == []
    assert {kind for kind, rule in rules.items() if rule.urgent} >= set(HARM)


@pytest.mark.parametrize("kind", [*HEADINGS, *NEWS])
def test_somebody_is_told_of_each_happening_that_people_wait_for(
    protocol: ProtocolDocument, kind: str
) -> None:
    assert protocol.notifications[kind].roles


@pytest.mark.parametrize("kind", HARM)
def test_harm_is_told_at_once_to_manager_and_monitor(protocol: ProtocolDocument, kind: str) -> None:
    rule = protocol.notifications[kind]

    assert rule.urgent
    assert {Role.STUDY_MANAGER, Role.MEDICAL_MONITOR} <= set(rule.roles)
