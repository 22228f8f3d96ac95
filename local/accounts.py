"""Which account the servers run as, and where it can go.

PostgreSQL refuses to run as root, so root's servers run as `nobody`. Anyone else's run as oneself.
"""

from __future__ import annotations

import os
import pwd
import stat
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Account:
    """An account the servers change to."""

    uid: int
    gid: int


def server_account() -> Account | None:
    """The account root's servers run as; None when they run as whoever starts them."""
    if os.geteuid() != 0:
        return None
    try:
        nobody = pwd.getpwnam("nobody")
    except KeyError:
        return Account(65534, 65534)
    return Account(nobody.pw_uid, nobody.pw_gid)


def can_walk_to(account: Account | None, folder: Path) -> bool:
    """True when the account may pass through every folder down to and including this one."""
    if account is None:
        return True
    whole = folder.resolve()
    return all(_grants(account, step, stat.S_IXOTH) for step in (whole, *whole.parents))


def can_read(account: Account | None, file: Path) -> bool:
    """True when the account may walk to the file and read it."""
    if account is None:
        return True
    whole = file.resolve()
    return can_walk_to(account, whole.parent) and _grants(account, whole, stat.S_IROTH)


def _grants(account: Account, path: Path, others: int) -> bool:
    """Compare the bit that counts for the account: the owner's, the group's or the others'."""
    facts = path.stat()
    if facts.st_uid == account.uid:
        return bool(facts.st_mode & (others << 6))
    if facts.st_gid == account.gid:
        return bool(facts.st_mode & (others << 3))
    return bool(facts.st_mode & others)
