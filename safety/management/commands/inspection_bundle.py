"""`manage.py inspection_bundle --study KEY --decision N`: the zip that recomputes a decision."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from cohorts.models import Decision
from safety.bundles import bundle_name, bundle_parts, write_bundle


class Command(BaseCommand):
    """Writes one file, never over another; changes no row."""

    help = "Write the inspection bundle of one decision."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--study", metavar="KEY", required=True)
        parser.add_argument("--decision", metavar="NUMBER", type=int, required=True)
        parser.add_argument("--output", metavar="FILE", help="default: KEY-decision-NUMBER.zip")

    def handle(self, *args: Any, **options: Any) -> None:
        decision = (
            Decision.objects.filter(study__key=options["study"], number=options["decision"])
            .select_related("study", "recommendation", "manager_signature", "monitor_signature")
            .first()
        )
        if decision is None:
            raise CommandError(
                f"There is no decision #{options['decision']} in a study {options['study']}."
            )
        path = Path(options["output"] or bundle_name(decision))
        try:
            with path.open("xb") as file:
                file.write(write_bundle(bundle_parts(decision)))
        except OSError as error:
            raise CommandError(f"{path} cannot be written: {error.strerror}.") from error
        self.stdout.write(f"{path}: decision #{decision.number} of {decision.study.key}.")
