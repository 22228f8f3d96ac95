"""`manage.py migrate`, and then the last word on triggers: no session tells them to stand aside."""

from __future__ import annotations

from typing import Any

from django.core.management.commands.migrate import Command as Migrate
from django.db import connections

from ntrust.tracking import IGNORE_FUNCTION, NEVER_IGNORED


class Command(Migrate):
    """Django's command. Each migration of a trigger writes the library's function anew, which
    obeys a setting of the session; so ours is put in its place at the end."""

    def handle(self, *args: Any, **options: Any) -> None:
        super().handle(*args, **options)
        with connections[options["database"]].cursor() as cursor:
            cursor.execute("SELECT 1 FROM pg_proc WHERE proname = %s", [IGNORE_FUNCTION])
            if cursor.fetchone():
                cursor.execute(NEVER_IGNORED)
