"""What the signers of a take-over sign."""

from __future__ import annotations

from typing import Any

from cohorts.engine.wire import recommendation_as_dict
from safety.takeover import DryRun


def promise_of(found: DryRun) -> dict[str, Any]:
    """What a dry run without faults comes to, as plain data: what signers of a take-over sign."""
    assert found.advice is not None
    assert found.created is not None
    return {
        "created": dict(found.created),
        "letters": {str(one.level): one.letters for one in found.levels},
        "advice": recommendation_as_dict(found.advice),
        "basis": found.basis,
        "warnings": [fault.sentence for fault in found.warnings],
    }
