"""Reads of several statements that belong to one moment of the study."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from ntrust.models import Study

T = TypeVar("T")
TRIES = 5


def read_steady(study: Study, read: Callable[[int], T]) -> T:
    """The answer of `read(revision)`, read again when the study changed meanwhile.

    So a page never shows the counts of before a DLT beside the recommendation of after it. A
    study changes a few times an hour; after `TRIES` the last answer is given.
    """
    revision = _revision(study)
    for _ in range(TRIES):
        answer = read(revision)
        after = _revision(study)
        if after == revision:
            break
        revision = after
    return answer


def _revision(study: Study) -> int:
    return Study.objects.values_list("revision", flat=True).get(pk=study.pk)
