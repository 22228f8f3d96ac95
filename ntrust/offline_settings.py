"""The full settings with addresses at which nothing answers.

For work that needs the models but no server: type checks, and collecting static files while the
container image is built. Anything that connects fails at once.
"""

import os

os.environ["DATABASE_URL"] = "postgres://nobody@127.0.0.1:1/nowhere"
os.environ["REDIS_URL"] = "redis://127.0.0.1:1/0"

from ntrust.settings import *  # noqa: F403
