"""`manage.py load_demo`: Ntrust-1 for training and the published trials, once."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from ntrust import clock
from safety.management.conduct import finished
from safety.management.demo import KEY, PASSWORD, demo_logins, load_ntrust_1, open_replay
from safety.management.replay import Replay, free_key, read_trials


class Command(BaseCommand):
    """Refused in production: demo accounts have a published password."""

    help = "Load Ntrust-1 with invented participants, and three published trials replayed."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--show-logins", action="store_true", help="only print the log-ins")

    def handle(self, *args: Any, **options: Any) -> None:
        if settings.NTRUST_MODE == "production":
            raise CommandError("The demo is never loaded in production. Use NTRUST_MODE=training.")
        if not options["show_logins"]:
            self._load()
        self.stdout.write(f"Demo log-ins (password for all: {PASSWORD}):")
        for username, role in demo_logins():
            self.stdout.write(f"  {username:<18} {role}")

    def _load(self) -> None:
        now = clock.now()
        if finished(KEY) is None:
            self.stdout.write("Loading Ntrust-1 (invented participants) ...")
            load_ntrust_1(now=now)
        for name, trial in read_trials().items():
            if finished(f"replay-{name}") is not None:
                continue
            self.stdout.write(f"Replaying {name} ...")
            replay = Replay(trial, key=free_key(f"replay-{name}"))
            for _ in replay.steps():
                pass
            open_replay(replay.conduct.study, now=now)
