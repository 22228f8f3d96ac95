"""Who may do what, in every action: one file a subject.

A file has `RIGHTS`: action to the people who may, and how one of them would try; and `PREPARE`
when its tries need more in the trial than `scene.build` puts there; and `FIRST`, what has to be
done just before the try of an action. Files are found by themselves.
"""

from collections.abc import Callable
from importlib import import_module
from pkgutil import iter_modules

from safety.management.conduct import Conduct
from tests.safety.rights.scene import Rights, Scene, build

_FILES = [import_module(f"{__name__}.{found.name}") for found in iter_modules(__path__)]
RIGHTS: Rights = {
    action: right for file in _FILES for action, right in getattr(file, "RIGHTS", {}).items()
}
FIRST: dict[str, Callable[[Conduct], None]] = {
    action: do for file in _FILES for action, do in getattr(file, "FIRST", {}).items()
}


def build_for_all() -> Conduct:
    """The trial with what every file needs."""
    return build([file.PREPARE for file in _FILES if hasattr(file, "PREPARE")])


__all__ = ["FIRST", "RIGHTS", "Scene", "build_for_all"]
