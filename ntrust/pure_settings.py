"""Settings of the commands that only calculate (``manage.py threeplusthree``).

No environment, no database, no Redis, no models: a statistician can run the rules on a laptop with
nothing started, and the answer comes quickly.
"""

from django.apps import AppConfig


class CommandsOnly(AppConfig):
    """An app that offers its management commands and loads no models."""

    def import_models(self) -> None:
        """Load nothing: the models need a database driver and half of the project."""
        self.models = {}


class NtrustCommands(CommandsOnly):
    """The commands in ``ntrust/management/commands``."""

    name = "ntrust"


class CohortsCommands(CommandsOnly):
    """The commands in ``cohorts/management/commands``."""

    name = "cohorts"


SECRET_KEY = "pure-commands-sign-nothing"  # noqa: S105
USE_TZ = True
TIME_ZONE = "UTC"
DATABASES: dict[str, dict[str, str]] = {}
INSTALLED_APPS = [
    "ntrust.pure_settings.NtrustCommands",
    "ntrust.pure_settings.CohortsCommands",
]
