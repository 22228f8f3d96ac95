"""`manage.py draw_states`: the state diagrams of docs/states.md, from the tables themselves."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from cohorts import states as cohorts_states
from dosing import states as dosing_states
from ntrust import states as ntrust_states
from ntrust.states import SERVICE, LifeCycle, Role
from safety import states as safety_states

ALL: tuple[LifeCycle, ...] = (
    *ntrust_states.LIFE_CYCLES,
    *cohorts_states.LIFE_CYCLES,
    *dosing_states.LIFE_CYCLES,
    *safety_states.LIFE_CYCLES,
)
INTRODUCTION = """# States

Drawn by `manage.py draw_states` from `states.py` of each application; a test compares. Beside each
move stands who may make it. The database refuses every other move.
"""


class Command(BaseCommand):
    help = "Write docs/states.md from the life cycles in the code."

    def handle(self, *args: Any, **options: Any) -> None:
        path = Path(settings.BASE_DIR) / "docs" / "states.md"
        path.write_text(draw(), encoding="utf-8")
        self.stdout.write(f"{path.name}: {len(ALL)} life cycles.")


def draw() -> str:
    """The whole page."""
    return "\n".join([INTRODUCTION, *(line for cycle in ALL for line in _draw_one(cycle))])


def _draw_one(cycle: LifeCycle) -> Iterator[str]:
    yield f"## {cycle.name.removeprefix('the ').capitalize()}\n"
    yield "```mermaid\nstateDiagram-v2"
    yield f"    [*] --> {cycle.states.values[0]}"
    for (start, end), owners in cycle.moves.items():
        yield f"    {start} --> {end}: {_owners(owners)}"
    yield "```\n"


def _owners(owners: frozenset[str]) -> str:
    names = [str(Role(owner).label) for owner in sorted(owners - {SERVICE})]
    return ", ".join([*names, *(["the service"] if SERVICE in owners else [])])
