"""The last look before the service starts: production refuses demo accounts."""

import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.exceptions import ImproperlyConfigured
from django.db import connection

_Application = TypeVar("_Application")


def start(make_application: Callable[[], _Application]) -> _Application:
    """Make the web application, or end the process with one sentence that says what to mend."""
    try:
        application = make_application()
        refuse_unsafe_start()
    except ImproperlyConfigured as problem:
        sys.exit(f"ntrust: {problem}")
    return application


def load_settings() -> None:
    """Read the settings now; end the process with one sentence when one is missing or wrong."""
    try:
        bool(settings.DEBUG)  # the first look reads them all
    except ImproperlyConfigured as problem:
        sys.exit(f"ntrust: {problem}")


def refuse_unsafe_start() -> None:
    """Raise ImproperlyConfigured when this is production and the database has demo accounts.

    Looks from a thread of its own, because an ASGI server starts us inside its event loop. When the
    database cannot be asked, production does not start either.
    """
    if settings.NTRUST_MODE != "production":
        return
    with ThreadPoolExecutor(max_workers=1) as thread:
        problem = thread.submit(_ask_database).result()
    if problem:
        raise ImproperlyConfigured(problem)


def demo_accounts_problem() -> str:
    """One sentence when there are demo accounts, else nothing."""
    users = get_user_model()._default_manager.filter(is_demo=True)
    names = list(users.order_by("username").values_list("username", flat=True)[:4])
    if not names:
        return ""
    listed = ", ".join(names[:3]) + (" and others" if len(names) > 3 else "")
    return (
        f"Production refuses demo accounts ({listed}): "
        "set DATABASE_URL to a database of its own, one that was never used for training."
    )


def _ask_database() -> str:
    try:
        return demo_accounts_problem()
    except Exception as problem:  # whatever it is, nobody has looked, so nothing starts
        reason = type(problem).__name__
        return (
            f"Production could not look for demo accounts ({reason}): see that DATABASE_URL is "
            "right and its server runs, then apply `manage.py migrate` and start again."
        )
    finally:
        connection.close()
