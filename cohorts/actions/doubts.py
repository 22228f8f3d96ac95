"""Doubts come down from dosing and safety, as facts do: calls that could be read otherwise."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django.db.models import Q

from cohorts.actions.outcomes import update_outcome
from cohorts.models import Outcome
from ntrust.change import Change

Doubts = Sequence[Mapping[str, Any]]


def push_doubts(change: Change, doubts: Mapping[int, Doubts], *, source: str) -> None:
    """Make these the doubts of one source, by participant; whoever is not named has none of it.

    Each doubt is {kind, reads_as, because}, with `until` (ISO 8601) where a clock runs. Those of
    other sources stay. Only rows that change are written.
    """
    touched = Outcome.objects.filter(study=change.study).filter(
        Q(participant__in=list(doubts)) | Q(doubts__contains=[{"source": source}])
    )
    for outcome in touched.select_related("participant"):
        others = [doubt for doubt in outcome.doubts if doubt["source"] != source]
        own = [{**doubt, "source": source} for doubt in doubts.get(outcome.participant_id, ())]
        present = sorted([*others, *own], key=lambda doubt: str(doubt["source"]))
        if present != outcome.doubts:
            update_outcome(change, outcome.participant, doubts=present)
