"""`manage.py draw_notifications`: docs/notifications.md, from the protocol that is shipped."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from django.conf import settings
from django.core.management.base import BaseCommand

from cohorts.protocol import ProtocolDocument, RemindersData, read_file
from ntrust.states import EVENT_KINDS, Role
from safety.policies.reminders import HEADINGS

SHIPPED: Final = "cohorts/protocols/ntrust-1.yaml"
INTRODUCTION: Final = """# Who hears what

Drawn by `manage.py draw_notifications` from `cohorts/protocols/ntrust-1.yaml`; a test compares.
Every value is protocol data, and illustrative unless its source stands beside it there. People of a
site never hear of another site's participants. Urgent is what is held, and what has a deadline: it
is sent at once, whatever somebody prefers. *Soon* is sent at once as well, without the mark.
"""
_URGENT: Final = {"hold": "urgent: a hold", "deadline": "urgent: a deadline"}


class Command(BaseCommand):
    help = "Write docs/notifications.md from the protocol document that is shipped."

    def handle(self, *args: Any, **options: Any) -> None:
        path = Path(settings.BASE_DIR) / "docs" / "notifications.md"
        path.write_text(draw(), encoding="utf-8")
        self.stdout.write(f"{path.name}: written.")


def draw() -> str:
    """The whole page."""
    document = read_file(Path(settings.BASE_DIR) / SHIPPED)
    lines = [
        INTRODUCTION,
        *_told(document),
        "",
        *_reminders(document.reminders),
        "",
        *_untold(document),
    ]
    return "\n".join(lines) + "\n"


def _told(document: ProtocolDocument) -> Iterator[str]:
    yield "| event | who | where | when | to be acknowledged |"
    yield "| --- | --- | --- | --- | --- |"
    rules = sorted(document.notifications.items(), key=lambda one: (not one[1].urgent, one[0]))
    for kind, rule in rules:
        who = ", ".join(str(role.label) for role in rule.roles)
        where = "own site" if rule.scope == "site" else "all sites"
        when = "soon" if rule.when == "now" else "daily digest"
        if rule.urgent:
            when = _URGENT.get(rule.urgent_for or "", "urgent")
        awaited = ""
        if rule.acknowledge is not None:
            then = "".join(f", then {Role(role).label}" for role in rule.acknowledge.then)
            awaited = f"in {rule.acknowledge.minutes} min, else the deputy{then}"
        yield f"| `{kind}` | {who} | {where} | {when} | {awaited} |"


def _reminders(rules: RemindersData) -> Iterator[str]:
    yield "## Reminders\n"
    yield "Worked out from the data each minute and after each change: a corrected date moves them,"
    yield "what is no longer so is not sent, and the same moment is told once. Several of one kind"
    yield "at one site are one message. In days: at the hour of the site's own day.\n"
    yield "| setting | value |"
    yield "| --- | --- |"
    for name, value in rules.model_dump(exclude={"illustrative"}).items():
        yield f"| `{name}` | {value} |"
    yield ""
    yield "| reminder | says |"
    yield "| --- | --- |"
    for kind, said in HEADINGS.items():
        yield f"| `{kind}` | {said}. |"


def _untold(document: ProtocolDocument) -> Iterator[str]:
    yield "## Recorded, and told to nobody\n"
    names = sorted(EVENT_KINDS - set(document.notifications))
    yield ", ".join(f"`{name}`" for name in names) + "."
