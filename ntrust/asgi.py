"""The web service for an ASGI server: `uvicorn ntrust.asgi:application`."""

import os

from django.core.asgi import get_asgi_application

from ntrust.startup import start

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "ntrust.settings")
# Under ASGI each request may run in a new thread, so connections are kept in a pool instead.
os.environ.setdefault("NTRUST_DB_POOL_SIZE", "8")

application = start(get_asgi_application)
