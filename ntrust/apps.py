"""Registers the shared app with Django."""

from django.apps import AppConfig

from ntrust import checks
from ntrust.celery import app as celery_app

__all__ = ["NtrustConfig", "celery_app", "checks"]  # tasks find the broker, checks are known


class NtrustConfig(AppConfig):
    """What every app shares: studies, people, events, notifications."""

    name = "ntrust"
    verbose_name = "Ntrust"
    default_auto_field = "django.db.models.BigAutoField"
