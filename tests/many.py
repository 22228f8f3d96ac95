"""Many rows at once, for what a page costs: no action could be done so often in a test."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

from cohorts.models import Participant, Screening
from cohorts.policies import require_protocol
from cohorts.states import ParticipantState
from dosing.models import DltWindow, ProductLot
from dosing.states import LotState, WindowState
from ntrust.change import study_change
from safety.management.conduct import Conduct
from tests.factories import DISEASE


def add_many(trial: Conduct, count: int, *, prefix: str = "M") -> None:
    """So many participants in follow-up whose statement is owed, and lots that expire."""
    version = require_protocol(trial.study)
    opened, closed = trial.now - timedelta(days=30), trial.now - timedelta(days=1)
    numbers = [f"{prefix}-{number:03d}" for number in range(count)]
    with study_change(trial.study, by=trial.manager, reason="many rows", now=trial.tick()):
        people = Participant.objects.bulk_create(
            Participant(
                study=trial.study,
                site=trial.crews[at % len(trial.crews)].site,
                protocol_version=version,
                screening_number=number,
                subject_number=number,
                disease=DISEASE,
                state=ParticipantState.FOLLOW_UP,
                consented_at=opened,
            )
            for at, number in enumerate(numbers)
        )
        Screening.objects.bulk_create(Screening(participant=person) for person in people)
        DltWindow.objects.bulk_create(
            DltWindow(
                participant=person,
                state=WindowState.AWAITING_STATEMENT,
                opened_at=opened,
                closes_at=closed,
            )
            for person in people
        )
        ProductLot.objects.bulk_create(
            ProductLot(
                study=trial.study,
                code=number,
                received_at=opened,
                received_by=trial.manager,
                total_cells=Decimal(10),
                viability=Decimal(1),
                expires_on=(trial.now + timedelta(days=3)).date(),
                state=LotState.RELEASED,
            )
            for number in numbers
        )
