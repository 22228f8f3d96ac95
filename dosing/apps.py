"""Registers the app with Django."""

from django.apps import AppConfig


class DosingConfig(AppConfig):
    """Dosing."""

    name = "dosing"
    verbose_name = "Dosing"
    default_auto_field = "django.db.models.BigAutoField"
