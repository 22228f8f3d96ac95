"""Finds a program of the system's, and installs its Debian package where that is possible."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

from local.paths import LOGS, ROOT
from local.steps import say, step

POSTGRES_15 = Path("/usr/lib/postgresql/15/bin")
CHROMIUM_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


def find_chromium() -> str | None:
    """The path of a Chromium, installed if need be; None when there is none to be had."""
    chosen = os.environ.get("CHROMIUM")
    if chosen:
        return shutil.which(chosen)
    found = first_on_path(CHROMIUM_NAMES)
    if not found and install("chromium"):
        found = first_on_path(CHROMIUM_NAMES)
    return found


def find_postgres_15() -> Path | None:
    """The folder of Debian's PostgreSQL 15 programs, installed if need be."""
    if not (POSTGRES_15 / "postgres").exists():
        install("postgresql-15")
    return POSTGRES_15 if (POSTGRES_15 / "postgres").exists() else None


def first_on_path(names: tuple[str, ...]) -> str | None:
    """The first of the programs that is there."""
    return next((path for path in map(shutil.which, names) if path), None)


def install(package: str) -> bool:
    """Install a Debian package as root; False when this is not root, not Debian, or it fails."""
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        return False
    apt = ["apt-get", "-o", "DPkg::Lock::Timeout=300", "-y", "-q"]
    env = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    log = LOGS / "apt.log"
    with step(f"Installing {package} (apt-get)"), log.open("ab") as output:
        for arguments in (["update"], ["install", "--no-install-recommends", package]):
            done = subprocess.run(
                [*apt, *arguments],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env=env,
                check=False,
            )
    if done.returncode != 0:
        say(f"  apt-get could not install {package}; see {log.relative_to(ROOT)}")
    return done.returncode == 0
