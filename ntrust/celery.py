"""The Celery application: `celery --app ntrust.celery:app worker`."""

import os
import sys
from typing import Any

from celery import Celery
from celery.signals import beat_init, worker_init
from django.core.exceptions import ImproperlyConfigured

from ntrust.startup import load_settings, refuse_unsafe_start

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "ntrust.settings")
load_settings()

app = Celery("ntrust", task_cls="ntrust.jobs:Job")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()


@worker_init.connect
@beat_init.connect
def look_before_starting(**kwargs: Any) -> None:
    """End the worker or the clock, with one sentence, where the web service would not start."""
    try:
        refuse_unsafe_start()
    except ImproperlyConfigured as problem:
        sys.exit(f"ntrust: {problem}")
