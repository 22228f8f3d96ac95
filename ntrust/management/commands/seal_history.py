"""`manage.py seal_history`: seal what has been written since the last seal, and show the head."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from ntrust.errors import Refused
from ntrust.sealing import seal_history


class Command(BaseCommand):
    help = "Seal the history that is not sealed yet, and print the head of the chain."

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            done = seal_history()
        except Refused as refusal:
            raise CommandError(refusal.sentence) from refusal
        self.stdout.write(f"{done.rows} rows sealed in {done.seals} seals.")
        for table in done.waiting:
            self.stdout.write(f"{table} waits: somebody is still writing to it.")
        if done.head:
            self.stdout.write(done.head.line())
