"""Registers the shared app with Django."""

from django.apps import AppConfig
from django.utils.module_loading import import_string

from ntrust import checks
from ntrust.celery import app as celery_app

__all__ = ["NtrustConfig", "celery_app", "checks"]  # tasks find the broker, checks are known


class NtrustConfig(AppConfig):
    """What every app shares: studies, people, events, notifications."""

    name = "ntrust"
    verbose_name = "Ntrust"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Once the tables are known: keep what the log-in library tells of accounts."""
        import_string("ntrust.account_events.listen")()
