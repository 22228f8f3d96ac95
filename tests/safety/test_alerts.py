"""The shipped protocol tells somebody of everything that can harm."""

from pathlib import Path

import pytest

from cohorts.protocol import ProtocolDocument, read_document
from ntrust.states import Role

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


@pytest.mark.parametrize("kind", HARM)
def test_harm_is_told_at_once_to_manager_and_monitor(protocol: ProtocolDocument, kind: str) -> None:
    rule = protocol.notifications[kind]

    assert rule.urgent
    assert {Role.STUDY_MANAGER, Role.MEDICAL_MONITOR} <= set(rule.roles)
