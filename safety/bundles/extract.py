"""The audit extract: what happened in the study, and every version of the rows under a decision."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from django.db.models import Model

from cohorts.models import Circulation, Cohort, Decision, Hold, Outcome, Participant
from cohorts.queries.past import history_of
from ntrust.models import Event, Study
from safety.models import Review

_LEFT_OUT: Final = frozenset({"content", "basis", "participant_id", "study_id", "id"})
"""Sealed elsewhere in the bundle, or keys that mean nothing outside the database."""
_CANDIDATE: Final = "a candidate"
Cover = Callable[[Any], Any]


def audit_extract(decision: Decision) -> dict[str, Any]:
    """Events of the whole study, and the row history of outcomes, cohorts, holds, the decision,
    its review and its circulation; before and after it, oldest first."""
    study = decision.study
    cover = _cover(study)
    return {
        "as_of_revision": study.revision,
        "events": [
            _event(event, cover) for event in Event.objects.filter(study=study).select_related("by")
        ],
        "history": [
            *_history(Decision, cover, pgh_obj_id=decision.pk),
            *_history(Review, cover, decision_id=decision.pk),
            *_history(Circulation, cover, decision_id=decision.pk),
            *_history(Cohort, cover, study_id=study.pk),
            *_history(Hold, cover, study_id=study.pk),
            *_history(Outcome, cover, subjects=_subjects(study), study_id=study.pk),
        ],
    }


def _cover(study: Study) -> Cover:
    """Screening numbers become subject numbers, or a plain word, wherever they stand in a text."""
    known = dict(
        Participant.objects.filter(study=study)
        .exclude(screening_number="")
        .values_list("screening_number", "subject_number")
    )
    longest_first = sorted(known, key=lambda number: (-len(number), number))
    choices = "|".join(re.escape(number) for number in longest_first)
    pattern = re.compile(rf"(?<![\w-])(?:{choices})(?![\w-])") if known else None

    def cover(value: Any) -> Any:
        if isinstance(value, str) and pattern is not None:
            return pattern.sub(lambda found: known[found.group()] or _CANDIDATE, value)
        if isinstance(value, Mapping):
            return {key: cover(one) for key, one in value.items()}
        return [cover(one) for one in value] if isinstance(value, list | tuple) else value

    return cover


def _event(event: Event, cover: Cover) -> dict[str, Any]:
    return {
        "revision": event.revision,
        "at": event.at,
        "kind": event.kind,
        "by": event.by.username if event.by else "service",
        "sentence": cover(event.sentence),
        "level": event.level,
        "subject": cover(event.subject),
        "data": cover(event.data),
    }


def _subjects(study: Study) -> dict[int, str]:
    return dict(Participant.objects.filter(study=study).values_list("id", "subject_number"))


def _history(
    model: type[Model],
    cover: Cover,
    *,
    subjects: Mapping[int, str] | None = None,
    **where: int,
) -> Iterator[dict[str, Any]]:
    rows = history_of(model)._default_manager.filter(**where).order_by("pgh_id").values()
    for row in rows:
        context = row["pgh_context"] or {}
        yield {
            "table": model.__name__,
            "key": subjects.get(row["participant_id"], "") if subjects else row["pgh_obj_id"],
            "what": row["pgh_label"],
            "revision": context.get("revision"),
            "at": row["pgh_created_at"],
            "by": context.get("username"),
            "reason": cover(context.get("reason") or ""),
            "row": {
                name: cover(value)
                for name, value in row.items()
                if not name.startswith("pgh_") and name not in _LEFT_OUT
            },
        }
