"""Where things lie in a checkout."""

from __future__ import annotations

import os
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
DATA = ROOT / ".data"
VENV = DATA / "venv"
VENV_PYTHON = VENV / "bin" / "python"
LOGS = DATA / "log"
MAIL = DATA / "mail"
SERVICES_FILE = DATA / "services.env"
GUARD = Path(__file__).resolve().parent / "guard.py"


def make_data_folder(data: Path = DATA) -> Path:
    """Create the folder for everything a run leaves behind.

    Root's servers run as another account, which must be able to walk through; it may not list it.
    """
    data.mkdir(mode=0o755, exist_ok=True)
    if os.geteuid() == 0:
        data.chmod(data.stat().st_mode & 0o7777 | 0o011)
    return data


def write_private(path: Path, text: str) -> None:
    """Replace a file that holds secrets in one step; only its owner can read it."""
    fresh = path.with_name(path.name + ".new")
    fresh.unlink(missing_ok=True)
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)


def read_pairs(path: Path) -> dict[str, str]:
    """The KEY=VALUE lines of a file; empty when there is none."""
    if not path.is_file():
        return {}
    lines = path.read_text(encoding="utf-8").splitlines()
    pairs = (line.partition("=") for line in lines if "=" in line and not line.startswith("#"))
    return {key.strip(): value.strip() for key, _, value in pairs}
