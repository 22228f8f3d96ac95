"""`manage.py alerts`: how the alerts stand, in figures."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from ntrust import clock
from ntrust.standing import read_news, read_outbox

LABELS = {
    "waiting": "messages not sent yet",
    "urgent": "of them urgent",
    "oldest_seconds": "seconds the oldest of them has waited",
    "retried": "of them to be tried again",
    "failed": "given up: see the list of undelivered messages",
    "silent_jobs": "jobs that beat does not ask for",
    "trouble": "trouble with the queue",
}


class Command(BaseCommand):
    help = "Print how many alerts wait and for how long, what was given up, and who delivers."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--json", action="store_true", help="one line of JSON")

    def handle(self, *args: Any, **options: Any) -> None:
        now = clock.now()
        figures = read_outbox(now=now).as_dict()
        if options["json"]:
            self.stdout.write(json.dumps(figures))
            return
        for name, label in LABELS.items():
            value = figures[name]
            said = ", ".join(value) if isinstance(value, list) else str(value)
            self.stdout.write(f"{said or 'none':>8}  {label}")
        if news := read_news(now=now):
            self.stdout.write(news.sentence)
