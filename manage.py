#!/usr/bin/env python3
"""Runs the project's management commands."""

import os
import sys

try:
    from django.core.exceptions import ImproperlyConfigured
    from django.core.management import execute_from_command_line
except ImportError:
    sys.exit(
        "manage.py: Django is not installed here: run `make up`, or use .data/venv/bin/python."
    )

# Commands that only calculate: they need no database, no Redis and no settings of one's own.
PURE_COMMANDS = frozenset({"threeplusthree"})


def main(arguments: list[str]) -> None:
    """Choose the settings the command needs, then hand over to Django.

    A missing or wrong setting ends the program with status 1 and one sentence that says how to
    mend it, not with a traceback.
    """
    pure = len(arguments) > 1 and arguments[1] in PURE_COMMANDS
    if pure:
        os.environ["DJANGO_SETTINGS_MODULE"] = "ntrust.pure_settings"
    else:
        os.environ.setdefault("DJANGO_SETTINGS_MODULE", "ntrust.settings")
    try:
        execute_from_command_line(arguments)
    except ImproperlyConfigured as problem:
        sys.exit(f"manage.py: {problem}")


if __name__ == "__main__":
    main(sys.argv)
