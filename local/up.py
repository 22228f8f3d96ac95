"""`make up`: the whole service on this machine, from a fresh checkout to a page in the browser."""

from __future__ import annotations

import contextlib
import ctypes
import fcntl
import json
import os
import signal
import socket
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import NoReturn

from local import bootstrap
from local.guarded import CannotRun
from local.paths import DATA, MAIL, ROOT, make_data_folder
from local.processes import Processes
from local.services import Ended, Services, end_on_signals
from local.steps import say, step

FIRST_PORT = 8000
PORTS = 200
ANSWER_SECONDS = 60.0
RUN_FILE = DATA / "up.json"
MANAGE = "manage.py"
PREPARATIONS = (
    ("Creating or updating tables", ("migrate", "--verbosity", "0")),
    ("Collecting static files", ("collectstatic", "--noinput", "--verbosity", "0")),
    ("Loading the demonstration", ("load_demo",)),
)
ROOT_WARNING = "You're running the worker with superuser"  # as the person who started it chose


def main() -> int:
    """Start everything, say where it is, run until Ctrl-C, stop everything."""
    make_data_folder()
    with (DATA / "up.lock").open("a") as lock:
        if not is_only_one(lock.fileno()):
            return say_already_running()
        RUN_FILE.unlink(missing_ok=True)
        ignore_signals = end_on_signals()
        services, processes = Services(DATA), Processes({})
        try:
            run(services, processes)
        except Ended as ended:
            say(f"\nStopping ({ended}) ...")
            return 0
        except CannotRun as problem:
            say(f"\n{problem}")
            return 1
        finally:
            ignore_signals()
            processes.stop()
            services.stop()
            RUN_FILE.unlink(missing_ok=True)
            say("Stopped. The data stay in .data; `make up` continues with them.")


def run(services: Services, processes: Processes) -> NoReturn:
    """Start everything in order, then watch over it; ends by an exception."""
    chosen = services.start()
    MAIL.mkdir(exist_ok=True)
    mail, mail_port = listen(0)
    web, web_port = listen(FIRST_PORT)
    url = f"http://127.0.0.1:{web_port}/"
    chosen["EMAIL_URL"] = os.environ.get("EMAIL_URL") or f"smtp://127.0.0.1:{mail_port}"
    chosen["PUBLIC_URL"] = os.environ.get("PUBLIC_URL") or url
    services.write(chosen)
    processes.env = {**os.environ, **chosen}
    processes.pass_fds = (services.lock,)
    prepare(processes)
    processes.start("web", ["-m", "local.web", str(web.fileno())], grace=5.0, fd=web.fileno())
    celery = [
        "-W",
        f"ignore:{ROOT_WARNING}",
        "-m",
        "celery",
        "--app",
        "ntrust.celery:app",
        "--quiet",
    ]
    processes.start("worker", [*celery, "worker", "--concurrency", "2", "--loglevel", "WARNING"])
    schedule = ["--schedule", str(DATA / "beat-schedule"), "--pidfile="]
    processes.start("beat", [*celery, "beat", *schedule, "--loglevel", "WARNING"])
    processes.start("deliver", [MANAGE, "deliver"])
    mailer = ["-m", "local.mail", str(mail.fileno()), str(MAIL)]
    processes.start("mail", mailer, fd=mail.fileno())
    mail.close()
    web.close()
    with step("Waiting for the first page"):
        wait_for_page(url + "healthz", processes, services)
    RUN_FILE.write_text(json.dumps({"url": url, "pid": os.getpid()}) + "\n", encoding="utf-8")
    say(f"\n  Open   {url}\n  Mail   {MAIL.relative_to(ROOT)}/ (no mail leaves this machine)")
    say("  End    Ctrl-C\n")
    watch(processes, services)


def prepare(processes: Processes) -> None:
    """Bring the database up to date and load the demonstration; each can be repeated."""
    for what, arguments in PREPARATIONS:
        say(f"  {what} ...")
        status = processes.run([MANAGE, *arguments])
        if status != 0:
            raise CannotRun(f"`manage.py {arguments[0]}` failed (exit status {status}), see above.")


def watch(processes: Processes, services: Services) -> NoReturn:
    """Look on until a part ends by itself, or somebody ends the whole."""
    while True:
        check_alive(processes, services)
        time.sleep(0.2)


def check_alive(processes: Processes, services: Services) -> None:
    """Without one of its parts the service would be a half; better none, and say so."""
    gone = processes.first_ended()
    gone = gone or next((each for each in services.running if not each.is_running()), None)
    if gone:
        raise CannotRun(f"{gone.name} has ended by itself; its last lines (above or in .data/log).")


def wait_for_page(url: str, processes: Processes, services: Services) -> None:
    """Return once the web service answers."""
    give_up = time.monotonic() + ANSWER_SECONDS
    while time.monotonic() < give_up:
        check_alive(processes, services)
        with contextlib.suppress(OSError), urllib.request.urlopen(url, timeout=5):  # nosec B310
            return
        time.sleep(0.1)
    raise CannotRun(f"{url} does not answer within {ANSWER_SECONDS:.0f} s; see the lines above.")


def listen(first: int) -> tuple[socket.socket, int]:
    """A bound socket of the loopback: the first free port from ``first`` on, or any for 0."""
    for port in range(first, first + PORTS) if first else [0]:
        listener = socket.socket()
        # Lets a run follow another at once; two listeners at a time it does not allow.
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind(("127.0.0.1", port))
            listener.listen(128)
        except OSError:
            listener.close()
            continue
        return listener, int(listener.getsockname()[1])
    raise CannotRun(f"No port from {first} to {first + PORTS - 1} is free: end what uses them.")


def is_only_one(lock: int) -> bool:
    """False when another `make up` of this checkout is running."""
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def say_already_running() -> int:
    """Where the other one is; exit status 0 when it serves, 1 while it is still starting."""
    try:
        other = json.loads(RUN_FILE.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        say("Another `make up` is starting or stopping in this checkout: wait for it.")
        return 1
    say(f"Already running: {other['url']} (process {other['pid']}; end it with Ctrl-C there).")
    return 0


def end_with_make() -> None:
    """When it is make that started us and make is killed, end as well (Linux).

    Only then: started from a shell, a script or nohup, the service outlives its starter. The kernel
    keeps the wish through the exec that bootstrap may do.
    """
    parent = os.getppid()
    with contextlib.suppress(OSError):
        starter = Path(f"/proc/{parent}/comm").read_text(encoding="utf-8").strip()
        if starter in ("make", "gmake"):
            ctypes.CDLL(None).prctl(1, int(signal.SIGTERM), 0, 0, 0)
            if os.getppid() != parent:
                sys.exit(1)


if __name__ == "__main__":
    end_with_make()
    bootstrap.main(dev=False)
    sys.exit(main())
