"""Makes `.data/venv` with the pinned packages, on a bare Python 3.11 or 3.12.

Nothing is done when the stamp in the environment says that it is current. Two runs at once wait for
each other. An installation that was cut short is made again from the start.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from local.guarded import start_guarded
from local.paths import DATA, LOGS, ROOT, VENV, VENV_PYTHON, make_data_folder
from local.steps import say, step

SUPPORTED = ((3, 12), (3, 11))
STAMP = VENV / "ntrust-stamp.json"
REQUIREMENTS = {"run": "requirements.txt", "dev": "requirements-dev.txt"}


def main(*, dev: bool) -> None:
    """Make the environment if need be, then go on in it with the same command line."""
    use_supported_python()
    has_changed = ensure_environment(dev=dev)
    if has_changed or sys.prefix != str(VENV):
        sys.stdout.flush()
        os.execv(VENV_PYTHON, [str(VENV_PYTHON), *sys.orig_argv[1:]])


def use_supported_python() -> None:
    """Go on under python3.12 or 3.11 when this Python is neither; end with the fix if none."""
    if sys.version_info[:2] in SUPPORTED:
        return
    for major, minor in SUPPORTED:
        other = shutil.which(f"python{major}.{minor}")
        if other and is_working(other, (major, minor)):
            os.execv(other, [other, *sys.orig_argv[1:]])
    sys.exit(
        f"This is Python {sys.version_info[0]}.{sys.version_info[1]}; the project runs on 3.11 and "
        "3.12, and neither python3.12 nor python3.11 is on the PATH: install one "
        "(Debian: apt-get install python3 python3-venv)."
    )


def is_working(python: str, version: tuple[int, int]) -> bool:
    """True when it starts and is what its name says (a version manager's shim may do neither)."""
    asked = [python, "-c", "import sys; print(*sys.version_info[:2])"]
    with contextlib.suppress(OSError):
        said = subprocess.run(asked, capture_output=True, text=True, check=False)
        return said.stdout.split() == [str(part) for part in version]
    return False


def ensure_environment(*, dev: bool) -> bool:
    """Bring `.data/venv` up to what the requirement files say; True when something was done."""
    make_data_folder()
    LOGS.mkdir(exist_ok=True)
    wanted = wanted_stamp(dev=dev)
    with environment_lock():
        have = read_stamp()
        if all(have.get(key) == value for key, value in wanted.items()):
            return False
        if have.get("python") != wanted["python"]:
            make_empty_environment()
        elif have.get("dev"):
            wanted = wanted_stamp(dev=True)  # keep the test tools in step with the rest
        STAMP.unlink(missing_ok=True)
        files = [name for key, name in REQUIREMENTS.items() if key in wanted]
        with step("Installing Python packages (hash-checked)"):
            install(files)
        STAMP.write_text(json.dumps(wanted) + "\n", encoding="utf-8")
    return True


def wanted_stamp(*, dev: bool) -> dict[str, str]:
    """What the environment should be made of: the Python, and a hash of each requirement file."""
    stamp = {"python": "{}.{}".format(*sys.version_info)}
    for key, name in REQUIREMENTS.items():
        if key == "run" or dev:
            stamp[key] = hashlib.sha256((ROOT / name).read_bytes()).hexdigest()
    return stamp


def read_stamp() -> dict[str, str]:
    """What it is made of; empty when there is none, or it was left half made."""
    try:
        stamp = json.loads(STAMP.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return stamp if isinstance(stamp, dict) and VENV_PYTHON.exists() else {}


@contextlib.contextmanager
def environment_lock() -> Iterator[None]:
    """One process at a time changes the environment; the others say that they wait."""
    with (DATA / "bootstrap.lock").open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            with step("Waiting for another run to install"):
                fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def make_empty_environment() -> None:
    """A new virtual environment in place of whatever is there."""
    with step(f"Making a Python {sys.version.split()[0]} environment"):
        if VENV.is_symlink():
            VENV.unlink()
        shutil.rmtree(VENV, ignore_errors=True)
        base = getattr(sys, "_base_executable", sys.executable)
        run_logged(
            [base, "-m", "venv", str(VENV)],
            failed="No virtual environment could be made; on Debian run "
            "`apt-get install python3-venv`.",
        )


def install(files: list[str]) -> None:
    """Install the pinned packages; pip refuses any whose hash differs."""
    command = [str(VENV_PYTHON), "-m", "pip", "install", "--require-hashes", "--no-input"]
    command += ["--disable-pip-version-check", "--quiet"]
    run_logged(
        [*command, *(word for name in files for word in ("-r", str(ROOT / name)))],
        failed="The packages could not be installed: check that pip reaches its package index.",
    )


def run_logged(command: list[str], *, failed: str) -> None:
    """Run with the output in a log; show its end when it fails."""
    log = LOGS / "bootstrap.log"
    with log.open("wb") as output:
        guarded = start_guarded(Path(command[0]).name, command, output=output, cwd=ROOT)
    try:
        status = guarded.process.wait()
    finally:
        guarded.stop()  # an orphaned pip would write under the feet of the next one
    if status != 0:
        lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
        say("\n".join(["", *lines[-15:], ""]))
        sys.exit(f"{failed} (all of it: {log.relative_to(ROOT)})")


if __name__ == "__main__":
    use_supported_python()
    ensure_environment(dev="--dev" in sys.argv[1:])
