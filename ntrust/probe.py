"""Health checks for containers: `python -m ntrust.probe url|file|smtp WHAT`; exit status 1 = ill.

Standard library only, so that a check costs a tenth of a second and not a start of Django.
"""

import glob
import os
import smtplib
import sys
import time
import urllib.request
from collections.abc import Callable

SECONDS = 5
OLDEST_FILE_SECONDS = 600


def url(address: str) -> None:
    """Ask the web service, under a host name that it answers to."""
    names = [name.strip() for name in os.environ.get("ALLOWED_HOSTS", "").split(",")]
    host = names[0].lstrip(".") or "localhost"
    request = urllib.request.Request(address, headers={"Host": host})
    with urllib.request.urlopen(request, timeout=SECONDS):  # nosec B310 # no address of a user
        pass


def file(path: str) -> None:
    """See that a file (its name may have an ending) was written within ten minutes."""
    written = [os.path.getmtime(name) for name in glob.glob(f"{glob.escape(path)}*")]
    newest = max(written, default=0.0)
    if time.time() - newest > OLDEST_FILE_SECONDS:
        raise OSError(f"{path} was not written, or more than {OLDEST_FILE_SECONDS} seconds ago")


def smtp(address: str) -> None:
    """Greet a mail server."""
    with smtplib.SMTP(address, timeout=SECONDS) as server:
        server.noop()


PROBES: dict[str, Callable[[str], None]] = {"url": url, "file": file, "smtp": smtp}


def main(arguments: list[str]) -> None:
    """Run the probe that the command line names."""
    if len(arguments) != 3 or arguments[1] not in PROBES:
        sys.exit("probe: write `python -m ntrust.probe url|file|smtp WHAT`.")
    try:
        PROBES[arguments[1]](arguments[2])
    except (OSError, ValueError) as problem:
        sys.exit(f"probe: {arguments[2]} is ill: {problem}")


if __name__ == "__main__":
    main(sys.argv)
