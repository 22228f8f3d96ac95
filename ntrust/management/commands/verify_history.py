"""`manage.py verify_history [--head FILE]`: does the past still agree with its seals?"""

from __future__ import annotations

import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from ntrust.sealing import exported_heads
from ntrust.seals import Head, read_head
from ntrust.verifying import verify_history


class Command(BaseCommand):
    help = "Check every sealed row; name the first that was altered, and exit with 1 if one was."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--head",
            metavar="FILE",
            help="heads that were exported, one a line; else the file of AUDIT_SEAL_HEADS",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        heads = _read(options["head"]) if options["head"] else exported_heads()
        done = verify_history(heads)
        for finding in done.findings:
            self.stderr.write(str(finding))
        self.stdout.write(
            f"{done.rows} rows under {done.seals} seals, {done.unsealed} rows not sealed yet."
        )
        if done.head:
            self.stdout.write(done.head.line())
        if not heads:
            self.stdout.write("No exported head: whether the chain was cut short is not known.")
        if done.findings:
            sys.exit(1)
        self.stdout.write("Everything agrees.")


def _read(path: str) -> list[Head]:
    try:
        lines = Path(path).read_text(encoding="utf-8").splitlines()
        return [read_head(line) for line in lines if line.strip()]
    except (OSError, ValueError) as problem:
        raise CommandError(f"{path}: {problem}") from problem
