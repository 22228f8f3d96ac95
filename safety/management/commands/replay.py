"""`manage.py replay NAME|--all`: published trials through the service's own actions."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from dataclasses import asdict
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from rich.console import Console
from rich.progress import Progress

from ntrust import clock
from safety.management.demo import open_replay
from safety.management.replay import Expectation, Replay, Step, free_key, read_trials


class Command(BaseCommand):
    """Exit status 1 where the service says something else than expected."""

    help = "Run published trials again through the service's actions, on the real database."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("name", nargs="?", help="a trial; without it, their names")
        parser.add_argument("--all", action="store_true", help="every trial")
        parser.add_argument("--json", action="store_true", help="one JSON document")

    def handle(self, *args: Any, **options: Any) -> None:
        trials = read_trials()
        if not options["all"] and options["name"] not in trials:
            raise CommandError(
                f"No trial {options['name'] or ''}. Name one, or --all: {', '.join(trials)}",
                returncode=2,
            )
        names = list(trials) if options["all"] else [options["name"]]
        results = [self._run(trials[name], as_json=options["json"]) for name in names]
        if options["json"]:
            self.stdout.write(json.dumps(results, indent=1, default=str))
        unmet = sum(not result["met"] for result in results)
        if unmet:
            raise CommandError(f"{unmet} of {len(results)} trials differ from what is expected.")

    def _run(self, trial: dict[str, Any], *, as_json: bool) -> dict[str, Any]:
        replay = Replay(trial, key=free_key(f"replay-{trial['name']}"))
        console = Console(stderr=True, quiet=as_json)
        steps: list[Step] = []
        if not as_json:
            self.stdout.write(f"\n{trial['name']}: {trial['history']}\n{trial['source']}")
        with Progress(console=console, transient=True, disable=not console.is_terminal) as bar:
            task = bar.add_task(trial["name"], total=replay.least_steps)
            for step in replay.steps():
                steps.append(step)
                bar.advance(task)
                if not as_json:
                    self.stdout.write(describe(step))
        open_replay(replay.conduct.study, now=clock.now())
        if not as_json:
            self.stdout.write(f"Open it at /studies/{replay.key}/")
            for expectation in replay.expectations:
                self.stdout.write(describe_expectation(expectation))
        return {
            "trial": trial["name"],
            "study": replay.key,
            "history": trial["history"],
            "steps": [asdict(step) for step in steps],
            "expectations": [
                {**asdict(expectation), "met": expectation.is_met}
                for expectation in replay.expectations
            ],
            "met": all(expectation.is_met for expectation in replay.expectations),
        }


def describe(step: Step) -> str:
    """One step on two lines, three where publication and rules differ."""
    counts = (step.counts.get(str(step.level)) if step.level else None) or {}
    said = (
        f"{counts['n']} evaluable, {counts['x']} DLT, {counts['pending']} pending; "
        if counts
        else ""
    )
    where = f"  level {step.level}" if step.level else ""
    lines = [
        f"{step.at:%d-%b-%Y}{where}  {step.what} [{step.who}]",
        f"             {said}rules: {step.recommendation} ({step.rule})"
        + (f"; possible: {'; '.join(step.bounds)}" if len(step.bounds) > 1 else "; certain")
        + (f"; flags: {', '.join(step.flags)}" if step.flags else ""),
    ]
    if step.agrees is not None:
        verdict = "agrees with" if step.agrees else "DIFFERS from"
        lines.append(f"             publication: {step.published}: {verdict} the rules. {step.why}")
    return "\n".join(line.rstrip() for line in lines)


def describe_expectation(expectation: Expectation) -> str:
    """Whether the rules said what they should after a cohort."""
    mark = "met" if expectation.is_met else f"NOT MET, said {expectation.actual}"
    return f"  after {expectation.history}: expected {expectation.expected}: {mark}"
