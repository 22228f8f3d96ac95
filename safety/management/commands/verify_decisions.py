"""`manage.py verify_decisions [--study KEY]`: every sealed decision, recomputed, a line each."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from ntrust.models import Study
from safety.queries.verification import verify_decisions


class Command(BaseCommand):
    """Status 1 as soon as anything differs. Reads only; never changes a row."""

    help = "Recompute every decision from its sealed content; say what differs."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--study", metavar="KEY", help="only this study")

    def handle(self, *args: Any, **options: Any) -> None:
        studies = Study.objects.order_by("key")
        if options["study"]:
            studies = studies.filter(key=options["study"])
            if not studies:
                raise CommandError(f"There is no study {options['study']}.")
        looked_at = differing = 0
        for study in studies:
            for one in verify_decisions(study):
                looked_at += 1
                differing += bool(one.problems)
                said = "; ".join(one.problems) or "agrees"
                self.stdout.write(f"{study.key} #{one.number} {one.what}: {said}.")
        if differing:
            raise CommandError(f"{differing} of {looked_at} decisions differ from what was sealed.")
        self.stdout.write(f"{looked_at} decisions looked at, none differs.")
