"""Registers the shared app with Django."""

from django.apps import AppConfig

from ntrust.celery import app as celery_app

__all__ = ["NtrustConfig", "celery_app"]  # loaded here so that tasks find the broker


class NtrustConfig(AppConfig):
    """What every app shares: studies, people, events, notifications."""

    name = "ntrust"
    verbose_name = "Ntrust"
    default_auto_field = "django.db.models.BigAutoField"
