"""Where the servers keep their data, and the programs they run, so that their account gets there.

Normally `.data/servers`. Where root's checkout cannot be walked through by `nobody` (a checkout
under /root, say), a private folder outside it, remembered in `.data/servers.path`, so that the next
run finds the data again. Nothing outside `.data/` and that folder changes mode or owner. (A system
that clears /var/tmp after weeks of disuse clears such a folder too; `chmod o+x` on the checkout's
parents before the first `make up` avoids it.)
"""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

from local.accounts import Account, can_read, can_walk_to
from local.guarded import CannotRun


def servers_home(data: Path, account: Account | None) -> Path:
    """The folder of this checkout's servers; the same at every run."""
    private, home = recorded_home(data), data / "servers"
    if private:
        return private
    if can_walk_to(account, data):
        home.mkdir(mode=0o711, exist_ok=True)
        return home
    if home.exists():
        raise CannotRun(
            f"The account `nobody` can no longer reach {home}: run `chmod o+x` on the folders "
            "above it that lack it, or `make clean` to start with empty servers."
        )
    private = private_folder(account, bases=["/var/tmp", "/tmp"])  # nosec B108 # made by mkdtemp
    (private / "checkout").write_text(f"{data.resolve()}\n", encoding="utf-8")
    (data / "servers.path").write_text(f"{private}\n", encoding="utf-8")
    return private


def recorded_home(data: Path) -> Path | None:
    """The private folder of an earlier run, if there is one and it is this checkout's."""
    pointer = data / "servers.path"
    if not pointer.is_file():
        return None
    private = Path(pointer.read_text(encoding="utf-8").strip())
    return private if _belongs_to(private, data) else None


def private_folder(account: Account | None, bases: list[str] | None = None) -> Path:
    """A new folder that only we write to, and the account can walk through."""
    for base in map(Path, bases or [tempfile.gettempdir(), "/var/tmp", "/tmp"]):  # nosec B108
        if base.is_dir() and os.access(base, os.W_OK) and can_walk_to(account, base):
            folder = Path(tempfile.mkdtemp(prefix="ntrust-", dir=base))
            folder.chmod(0o711 if account else 0o700)
            return folder
    raise CannotRun(
        "No temporary folder the servers could use: make /var/tmp or /tmp writable (mode 1777)."
    )


def own_folder(path: Path, account: Account | None) -> Path:
    """Create a folder that belongs to the servers' account alone."""
    path.mkdir(mode=0o700, exist_ok=True)
    if account:
        os.chown(path, account.uid, account.gid)
    return path


def reachable_copy(
    parts: list[Path], home: Path, label: str, probe: Path, account: Account | None
) -> Path:
    """The folder to run programs from: their own, or a copy in ``home``.

    ``parts`` are sibling folders the programs need, ``probe`` a file the account must be able to
    read. Copied once per label; a copy cut short is made again.
    """
    origin = parts[0].parent
    if can_read(account, probe):
        return origin
    target = home / "programs" / label
    if not target.is_dir():
        unfinished = target.with_name(f"{label}.{os.getpid()}")
        shutil.rmtree(unfinished, ignore_errors=True)
        for part in parts:
            shutil.copytree(part, unfinished / part.name, ignore=_NOT_NEEDED)
        _open_to_all(home / "programs")
        unfinished.rename(target)
    return target


_NOT_NEEDED = shutil.ignore_patterns("include", "*.a", "__pycache__", "*.py", "doc")


def _open_to_all(folder: Path) -> None:
    for path in (folder, *folder.rglob("*")):
        if not path.is_symlink():
            runs = path.is_dir() or path.stat().st_mode & 0o100
            path.chmod(0o755 if runs else 0o644)


def _belongs_to(private: Path, data: Path) -> bool:
    """True for the folder this checkout made; a copied checkout must not share its original's."""
    note = private / "checkout"
    if not note.is_file() or private.stat().st_uid != os.geteuid():
        return False
    recorded = Path(note.read_text(encoding="utf-8").strip())
    if recorded == data.resolve():
        return True
    original = recorded / "servers.path"
    if original.is_file() and original.read_text(encoding="utf-8").strip() == str(private):
        return False
    note.write_text(f"{data.resolve()}\n", encoding="utf-8")  # the checkout has moved
    return True
