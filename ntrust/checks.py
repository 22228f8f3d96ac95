"""Our own system checks, beside Django's: for `manage.py check --deploy` and `migrate`."""

from collections.abc import Sequence
from typing import Any

from django.apps import AppConfig
from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, register
from django.db import DatabaseError

from ntrust.startup import demo_accounts_problem


@register(Tags.database)
def check_demo_accounts(
    app_configs: Sequence[AppConfig] | None, databases: Sequence[str] | None = None, **kwargs: Any
) -> list[CheckMessage]:
    """Production refuses demo accounts; a database without tables has none."""
    if settings.NTRUST_MODE != "production" or not databases:
        return []
    try:
        problem = demo_accounts_problem()
    except DatabaseError:
        return []
    return [Error(problem, id="ntrust.E001")] if problem else []


@register(Tags.security, deploy=True)
def check_demo_accounts_on_deployment(
    app_configs: Sequence[AppConfig] | None, **kwargs: Any
) -> list[CheckMessage]:
    """The same for `check --deploy`, which asks no database of itself."""
    return check_demo_accounts(app_configs, databases=["default"])
