"""Registers the app with Django."""

from django.apps import AppConfig


class SafetyConfig(AppConfig):
    """Safety."""

    name = "safety"
    verbose_name = "Safety"
    default_auto_field = "django.db.models.BigAutoField"
