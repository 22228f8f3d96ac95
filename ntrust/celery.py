"""The Celery application: `celery --app ntrust.celery:app worker`."""

import os

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "ntrust.settings")

app = Celery("ntrust")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
