"""People who ask for seats, and what the queue says of them."""

from __future__ import annotations

from cohorts.actions import request_slot, reserve_slot
from cohorts.models import Participant, Slot
from cohorts.policies import document_of, gates_for_seat, queue_of, require_protocol
from ntrust.errors import Gate
from safety.management.conduct import Conduct
from tests.factories import DISEASE

REASON = "The other site cannot begin before January."


def ask(trial: Conduct, person: Participant) -> Slot:
    return request_slot(person, by=trial.investigator_of(person), now=trial.tick())


def waiting(trial: Conduct, *crews: int) -> list[Participant]:
    """One more eligible participant a crew, each of whom asks for a seat."""
    people = [trial.screen(disease=DISEASE, crew=crew) for crew in crews]
    for person in people:
        ask(trial, person)
    return people


def queue(trial: Conduct) -> list[Participant]:
    document = document_of(require_protocol(trial.study))
    return [slot.participant for slot in queue_of(trial.study, document)]


def gate(trial: Conduct, person: Participant, rule: str) -> Gate:
    gates = gates_for_seat(trial.study, trial.level(1), now=trial.now, participant=person)
    return next(gate for gate in gates if gate.rule == rule)


def override(trial: Conduct, person: Participant, reason: str = REASON) -> Slot:
    return reserve_slot(
        person, level=trial.level(1), by=trial.manager, override_reason=reason, now=trial.tick()
    )
