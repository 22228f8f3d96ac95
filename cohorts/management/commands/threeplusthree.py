"""The 3+3 rules on the command line: `manage.py threeplusthree --help`.

Needs no database and no Redis. Answers in JSON on standard output; on bad input one line on
standard error and exit status 2.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Final, NoReturn, TypeVar

from django.core.management.base import BaseCommand, CommandError

from cohorts.engine import paths as walks
from cohorts.engine.advice import recommend
from cohorts.engine.design import Design, DesignError, ExpandOn, SecondDlt
from cohorts.engine.lookahead import lookahead
from cohorts.engine.monitoring import (
    MonitoringError,
    beta_boundary,
    crossing_probability,
    pocock_boundary,
)
from cohorts.engine.notation import NotationError, count, find_current, format_history, parse
from cohorts.engine.table import LEGEND, cases, cells, grid
from cohorts.engine.wire import (
    answer_as_dict,
    design_as_dict,
    node_as_dict,
    recommendation_as_dict,
)

Options = Mapping[str, Any]
Lines = Iterator[str]

EXIT_BAD_INPUT: Final = 2
EXIT_CUT_SHORT: Final = 1
MOST_LEVELS: Final = 99
MOST_LEVELS_WALKED: Final = 14
MOST_PATHS: Final = 100_000
MOST_PARTICIPANTS: Final = 500
BOUNDARY_RULES: Final = {"pocock": ("p0", "alpha"), "beta": ("prior", "theta0", "tau")}
Number = TypeVar("Number", int, float)


class MalformedLines(ValueError):
    """Some lines of standard input were no histories; the others were answered."""


BAD_INPUT: Final = (DesignError, NotationError, MonitoringError)


class Command(BaseCommand):
    """Asks the 3+3 engine."""

    help = (
        "3+3 dose escalation: what the rules say. An option left out is that of the shipped "
        "protocol: --min-at-mtd 6 --deescalate --confirm-top --second-dlt stop_now, no level -1, "
        "--expand-on-first-dlt at_three, no escalation with anyone pending."
    )
    requires_system_checks = ()

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> Any:
        """A parser of its own, because Django's answers bad input with a page of usage."""
        parser = Parser(prog=f"{prog_name} {subcommand}", description=self.help)
        parser.is_command_line = getattr(self, "_called_from_command_line", False)
        parser.set_defaults(**DJANGO_OPTIONS)
        add_questions(parser)
        return parser

    def handle(self, *args: Any, **options: Any) -> None:
        """Answer the question line by line; bad input ends it with one sentence and status 2."""
        answer: Callable[[Options], Iterable[str]] = options["answer"]
        try:
            for line in answer(options):
                self.stdout.write(line)
        except (*BAD_INPUT, MalformedLines) as problem:
            options["parser"].error(str(problem))
        except BrokenPipeError:
            # The reader has seen enough. Nothing may be left for Python to flush at exit.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            sys.exit(EXIT_CUT_SHORT)


DJANGO_OPTIONS: Final = {
    "settings": None,
    "pythonpath": None,
    "traceback": False,
    "no_color": True,
    "force_color": False,
    "verbosity": 1,
    "skip_checks": True,
}
"""What Django's own machinery reads; none of it is an option here."""

_MARK: Final = "\N{INVISIBLE SEPARATOR}"
"""Put before an argument such as -1NNN while it is parsed: it is no option."""


class Parser(argparse.ArgumentParser):
    """Refuses in one line with status 2, and takes `-1NNN` for a history."""

    is_command_line = True

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(allow_abbrev=False, **kwargs)

    def error(self, message: str) -> NoReturn:
        sentence = " ".join(message.replace(_MARK, "").split())
        if not self.is_command_line:
            raise CommandError(sentence, returncode=EXIT_BAD_INPUT)
        self.exit(EXIT_BAD_INPUT, f"threeplusthree: {sentence}\n")

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        marked = [_MARK + word if re.match(r"-\d", word) else word for word in args]
        return super().parse_known_args(marked, namespace)


# --- Arguments -------------------------------------------------------------------------------


def add_questions(parser: Parser) -> None:
    """One subcommand a question."""
    questions = parser.add_subparsers(dest="question", required=True, metavar="question")

    def add(name: str, answer: Callable[[Options], Lines], text: str) -> Parser:
        question: Parser = questions.add_parser(name, help=text, description=text)
        question.is_command_line = parser.is_command_line
        question.set_defaults(answer=answer, parser=question)
        return question

    decide = add("decide", answer_decide, "what the rules say about a history")
    add_design(decide)
    add_history(decide, "; - reads one a line from standard input")
    ahead = add("lookahead", answer_lookahead, "what can come next, as a tree")
    add_design(ahead)
    add_rates(ahead)
    ahead.add_argument("--cohorts", type=whole_number, default=2, help="how far (default 2)")
    add_history(ahead, "")
    listing = add("paths", answer_paths, "every way the trial can run in cohorts of three")
    add_design(listing)
    listing.add_argument("--count", action="store_true", help="only how many there are")
    chances = add("oc", answer_oc, "exact operating characteristics at true DLT rates")
    add_design(chances, has_doses=False)
    add_rates(chances, required=True)
    table = add("table", answer_table, "the decision table, for people or as JSON")
    add_design(table)
    table.add_argument("--json", action="store_true", help="JSON instead of text")
    add_boundary(add("boundary", answer_boundary, "stopping boundary of Part 2 expansion"))


def add_design(parser: Parser, *, has_doses: bool = True) -> None:
    """The options of a design; a default is the shipped protocol's."""
    flag = argparse.BooleanOptionalAction
    add = parser.add_argument
    add("--doses", type=whole_number, required=has_doses, help="dose levels above level -1")
    add("--min-at-mtd", type=int, choices=(6, 3), default=6, help="evaluable at an MTD (default 6)")
    add("--deescalate", action=flag, default=True, help="go back down to fill the MTD to six")
    add("--confirm-top", action=flag, default=True, help="six at the top level, not three")
    second = [option.value for option in SecondDlt]
    add("--second-dlt", choices=second, default="stop_now", help="(default stop_now)")
    add("--level-minus-one", action="store_true", help="level -1 is planned (default not)")
    expand = [option.value for option in ExpandOn]
    add("--expand-on-first-dlt", choices=expand, default="at_three", help="(default at_three)")
    add("--escalate-with-pending", action="store_true", help="escalate with one pending if safe")


def add_rates(parser: Parser, *, required: bool = False) -> None:
    parser.add_argument(
        "--rates",
        type=numbers,
        required=required,
        metavar="R1,R2,...",
        help="true DLT rates, lowest dose first; with --level-minus-one its rate comes first",
    )


def add_history(parser: Parser, more: str) -> None:
    text = (
        f'such as "1NNN 2NTP" (N no DLT, T DLT, P pending, X not evaluable, level -1: -1NNN){more}'
    )
    parser.add_argument("history", help=text)


def add_boundary(parser: Parser) -> None:
    add = parser.add_argument
    add("--rule", choices=tuple(BOUNDARY_RULES), required=True)
    add("--nmax", type=whole_number, default=30, help="participants (default 30)")
    add("--p0", type=number, help="pocock: tolerated DLT rate")
    add("--alpha", type=number, help="pocock: chance of stopping at rate p0, at most")
    add("--prior", type=numbers, metavar="A,B", help="beta: prior Beta(A, B)")
    add("--theta0", type=number, help="beta: tolerated DLT rate")
    add("--tau", type=number, help="beta: stop when P(rate > theta0) exceeds this")
    add("--crossing", type=numbers, metavar="P,...", help="add the chance of stopping at each rate")


def whole_number(text: str) -> int:
    return _convert(int, text, "a whole number")


def number(text: str) -> float:
    return _convert(float, text, "a number")


def numbers(text: str) -> list[float]:
    return [number(part) for part in text.removeprefix(_MARK).split(",")]


def _convert(kind: Callable[[str], Number], text: str, name: str) -> Number:
    try:
        return kind(text.removeprefix(_MARK))
    except ValueError:
        raise argparse.ArgumentTypeError(f"expected {name}, found {text!r}") from None


# --- Answers ---------------------------------------------------------------------------------


def design_from(options: Options, doses: int | None = None) -> Design:
    """The design that was asked about; `doses` where no --doses was given."""
    chosen = options["doses"] if doses is None else doses
    if chosen > MOST_LEVELS:
        raise DesignError(f"A ladder has at most {MOST_LEVELS} dose levels.")
    return Design(
        doses=chosen,
        min_n_at_mtd=options["min_at_mtd"],
        allow_deescalation=options["deescalate"],
        confirm_top_dose=options["confirm_top"],
        second_dlt=SecondDlt(options["second_dlt"]),
        level_minus_one=options["level_minus_one"],
        expand_on_first_dlt=ExpandOn(options["expand_on_first_dlt"]),
        escalate_with_pending=options["escalate_with_pending"],
    )


def answer_decide(options: Options) -> Lines:
    """One JSON object; with `-` one for each line read, errors among them, and status 2 if any."""
    design = design_from(options)
    if options["history"] != "-":
        yield json.dumps(_decide(design, options["history"].removeprefix(_MARK)))
        return
    malformed = 0
    for line in _read_lines():
        try:
            answer = _decide(design, line)
        except BAD_INPUT as problem:
            answer = {"error": str(problem)}
            malformed += 1
        yield json.dumps(answer)
    if malformed:
        raise MalformedLines(f"{malformed} malformed: see the lines that answer with an error.")


def _decide(design: Design, text: str) -> dict[str, Any]:
    history = parse(text)
    return recommendation_as_dict(recommend(design, count(history), find_current(history)))


def _read_lines() -> Lines:
    """Lines of standard input without their ends; bytes that are no text become escapes."""
    for line in sys.stdin.buffer:
        yield line.decode(errors="backslashreplace").rstrip("\r\n")


def answer_lookahead(options: Options) -> Lines:
    design = design_from(options)
    history = parse(options["history"].removeprefix(_MARK))
    tree = lookahead(
        design,
        count(history),
        find_current(history),
        cohorts=options["cohorts"],
        rates=options["rates"],
    )
    yield json.dumps(node_as_dict(tree))


def answer_paths(options: Options) -> Lines:
    """`count`, and unless --count every path in notation with the answer that ends it."""
    design = _walkable(design_from(options))
    found = walks.count_paths(design)
    if options["count"]:
        yield json.dumps({"count": found})
        return
    if found > MOST_PATHS:
        raise DesignError(f"{found} paths are too many to list; add --count to count them.")
    listed = [
        {"history": format_history(path.history), **answer_as_dict(path.answer)}
        for path in walks.paths(design)
    ]
    yield json.dumps({"count": found, "paths": listed})


def _walkable(design: Design) -> Design:
    if design.doses > MOST_LEVELS_WALKED:
        raise DesignError(f"At most {MOST_LEVELS_WALKED} dose levels can be walked through.")
    return design


def answer_oc(options: Options) -> Lines:
    rates = options["rates"]
    design = _walkable(design_from(options, len(rates) - options["level_minus_one"]))
    found = walks.operating_characteristics(design, rates)
    levels = {str(level): chance for level, chance in found.recommended.items()}
    yield json.dumps(
        {
            "recommended": {"none": found.none, **levels},
            "expected_n": found.expected_n,
            "expected_dlt": found.expected_dlt,
        }
    )


def answer_table(options: Options) -> Lines:
    design = design_from(options)
    if options["json"]:
        listed = [
            {"case": case.title, **cell.tally._asdict(), **recommendation_as_dict(cell.advice)}
            for case in cases(design)
            for cell in cells(design, case)
        ]
        yield json.dumps({"design": design_as_dict(design), "cells": listed})
        return
    yield from (f"{name}: {value}" for name, value in design_as_dict(design).items())
    yield from ("", LEGEND)
    for case in cases(design):
        yield from ("", case.title)
        yield from grid(cells(design, case))


def answer_boundary(options: Options) -> Lines:
    """`boundary`: participants followed to the smallest number with a DLT that stops."""
    needed = BOUNDARY_RULES[options["rule"]]
    for name in sorted({name for names in BOUNDARY_RULES.values() for name in names}):
        if (options[name] is None) == (name in needed):
            verb = "needs" if name in needed else "has no"
            raise MonitoringError(f"--rule {options['rule']} {verb} --{name}.")
    nmax = options["nmax"]
    if nmax > MOST_PARTICIPANTS:
        raise MonitoringError(f"At most {MOST_PARTICIPANTS} participants, not {nmax}.")
    if options["rule"] == "pocock":
        boundary = pocock_boundary(options["p0"], options["alpha"], nmax)
    elif len(options["prior"]) != 2:
        raise MonitoringError("--prior is two numbers, such as 1,1.")
    else:
        a, b = options["prior"]
        boundary = beta_boundary((a, b), options["theta0"], options["tau"], nmax)
    answer: dict[str, Any] = {"boundary": {str(n): stop for n, stop in boundary.items()}}
    if options["crossing"] is not None:
        answer["crossing"] = {
            str(p): crossing_probability(boundary, p, nmax) for p in options["crossing"]
        }
    yield json.dumps(answer)
