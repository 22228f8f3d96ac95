"""Registers the app with Django."""

from django.apps import AppConfig


class CohortsConfig(AppConfig):
    """Cohorts and escalation."""

    name = "cohorts"
    verbose_name = "Cohorts and escalation"
    default_auto_field = "django.db.models.BigAutoField"
