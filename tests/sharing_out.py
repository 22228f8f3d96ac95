"""Which worker runs which test, where a run has several: whole modules, the longest first.

Most modules build one trial for all of their tests (`shared_trial`): in two workers it would be
built twice. What takes longest is begun first, so that no worker is left with it at the end.
"""

from __future__ import annotations

from typing import Final

import pytest
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

TOGETHER: Final = {
    "tests/browser/test_conduct.py": "the demo",
    "tests/browser/test_homes.py": "the demo",
    "tests/browser/test_records.py": "the demo",
    "tests/docs/test_pictures.py": "the demo",
}
"""Modules that wait for each other all the same: the demo is loaded once a run."""
LONGEST: Final = (
    "tests/faults/test_storm.py",
    "the demo",
    "tests/safety/test_replay.py",
    "tests/safety/test_record_lists.py",
    "tests/access/test_rows.py",
    "tests/safety/test_rights.py",
    "tests/journeys/test_part_1.py",
    "tests/faults/test_alerts.py",
    "tests/faults/test_races.py",
    "tests/safety/test_walk.py",
    "tests/safety/test_odd_forms.py",
    "tests/cohorts/test_overrides.py",
    "tests/cohorts/test_rules.py",
    "tests/journeys/test_part_2.py",
    "tests/faults/test_upgrades.py",
    "tests/local/test_up.py",
    "tests/safety/test_demo.py",
)
"""Minutes each. Only the length of a run hangs on this order; a wrong one breaks nothing."""


class ByModule(LoadScopeScheduling):
    """Hands out modules in the order they stand in, and those of `TOGETHER` as one."""

    def __init__(self, config: pytest.Config, log: Producer | None = None) -> None:
        config.option.loadscopereorder = False
        super().__init__(config, log)

    def _split_scope(self, nodeid: str) -> str:
        return group_of(nodeid)


def group_of(nodeid: str) -> str:
    """What a test runs in one worker with: its module, unless that has company."""
    module = nodeid.partition("::")[0]
    return TOGETHER.get(module, module)


def rank_of(nodeid: str) -> int:
    """Where its group stands in a run: by `LONGEST`, then all others."""
    group = group_of(nodeid)
    return LONGEST.index(group) if group in LONGEST else len(LONGEST)
