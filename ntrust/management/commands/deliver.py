"""`manage.py deliver`: deliver alerts without the queue, until SIGTERM or Ctrl-C."""

from __future__ import annotations

import signal
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from celery import current_app
from django.core.checks import Tags
from django.core.management.base import BaseCommand

from ntrust.sweeper import Sweeper


class Command(BaseCommand):
    help = (
        "Deliver what the worker leaves lying, all of it while the queue is down, and do the "
        "periodic jobs that beat does not ask for. Needs PostgreSQL alone; runs until SIGTERM."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--sign", type=Path, help="a file to touch as a sign of life")

    def handle(self, *args: Any, **options: Any) -> None:
        self.check(tags=[Tags.database], databases=["default"])  # no demo accounts in production
        current_app.loader.import_default_modules()
        sign: Path | None = options["sign"]
        sweeper = Sweeper(sign=sign.touch if sign else lambda: None)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: sweeper.stop())
        sweeper.run()
