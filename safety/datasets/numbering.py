"""Sequence numbers: per subject and domain, from 1."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any

from safety.datasets.source import Source


def numbered(
    source: Source, domain: str, found: Iterable[tuple[int, dict[str, Any]]]
) -> Iterator[dict[str, Any]]:
    """Records of participants, with the keys of their domain; sorted by subject, else in order."""
    count: Counter[str] = Counter()
    for person, record in sorted(found, key=lambda one: source.subject(one[0])):
        count[source.subject(person)] += 1
        yield {**source.keys(domain, person, count[source.subject(person)]), **record}
