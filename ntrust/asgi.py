"""The web service for an ASGI server: `uvicorn ntrust.asgi:application`."""

import os

import django

from ntrust.live.handler import Handler
from ntrust.startup import start

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "ntrust.settings")
# Under ASGI each request may run in a new thread, so connections are kept in a pool instead.
os.environ.setdefault("NTRUST_DB_POOL_SIZE", "8")


def make_application() -> Handler:
    """What `django.core.asgi` does, with our handler."""
    django.setup(set_prefix=False)
    return Handler()


application = start(make_application)
