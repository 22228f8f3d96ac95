"""Checkouts of one test."""

import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from local.folders import recorded_home
from local.paths import ROOT
from tests.local.checkouts import Checkout

MakeCheckout = Callable[..., Checkout]


@pytest.fixture
def make_checkout() -> Iterator[MakeCheckout]:
    """Make checkouts with `local/` in them; whatever still runs in one is killed at the end."""
    made: list[Checkout] = []

    def make(*, mode: int = 0o755, whole: bool = False) -> Checkout:
        folder = Path(tempfile.mkdtemp(prefix="checkout-"))
        made.append(Checkout(folder))
        copy_tree(folder, whole=whole)
        folder.chmod(mode)
        return made[-1]

    yield make
    for checkout in made:
        for run in checkout.runs:
            if run.process.poll() is None:
                run.end()
        private = recorded_home(checkout.data)
        if private:
            shutil.rmtree(private)
        shutil.rmtree(checkout.folder, ignore_errors=True)


def copy_tree(folder: Path, *, whole: bool) -> None:
    """The files a checkout needs to run its servers, or all of them."""
    ignore = shutil.ignore_patterns("__pycache__", ".*", "tests", "docs", "mutants")
    names = [path.name for path in ROOT.iterdir() if path.name[0] != "."] if whole else ["local"]
    for name in sorted({*names} - {"tests", "docs", "mutants"}):
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, folder / name, ignore=ignore)
        else:
            shutil.copy2(source, folder / name)
