"""Calls about treatment that could be read otherwise, handed down before the rules run."""

from __future__ import annotations

from collections import defaultdict

from cohorts.actions import push_doubts
from cohorts.engine.notation import NOT_EVALUABLE
from dosing.models import Medication
from dosing.policies import was_in_window
from ntrust.change import Change


def question_medications(change: Change) -> None:
    """Prohibited medicines in the DLT window that the medical monitor accepted: who took them
    counts by that word."""
    doubts: defaultdict[int, list[dict[str, str]]] = defaultdict(list)
    accepted = Medication.objects.filter(
        participant__study=change.study, is_prohibited=True, accepted_at__isnull=False
    ).order_by("id")
    for medication in accepted.select_related("participant__site", "participant__window"):
        if was_in_window(medication):
            because = f"{medication.name} is prohibited, accepted: {medication.accepted_because}"
            doubts[medication.participant_id].append(
                {"kind": "medication", "reads_as": NOT_EVALUABLE, "because": because}
            )
    push_doubts(change, doubts, source="dosing")
