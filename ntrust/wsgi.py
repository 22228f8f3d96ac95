"""The web service for a WSGI server."""

import os

from django.core.wsgi import get_wsgi_application

from ntrust.startup import start

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "ntrust.settings")

application = start(get_wsgi_application)
