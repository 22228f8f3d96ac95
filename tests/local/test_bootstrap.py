"""The environment is made once, again when the requirements change, and never half."""

import subprocess
import sys
from pathlib import Path

import pytest

from local import bootstrap
from tests.local.checkouts import Checkout, clean_environment
from tests.local.conftest import MakeCheckout

EMPTY = "# nothing\n"


def bare_checkout(make_checkout: MakeCheckout) -> Checkout:
    """A checkout whose requirement files ask for nothing, so that no package index is needed."""
    checkout = make_checkout()
    for name in bootstrap.REQUIREMENTS.values():
        (checkout.folder / name).write_text(EMPTY)
    return checkout


def start_bootstrap(checkout: Checkout, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "local.bootstrap", *arguments],
        cwd=checkout.folder,
        env=clean_environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def run_bootstrap(checkout: Checkout, *arguments: str) -> str:
    process = start_bootstrap(checkout, *arguments)
    said, _ = process.communicate(timeout=90)
    assert process.returncode == 0, said
    return said


def test_bootstrap_twice_at_once_then_idle_then_again_on_change(
    make_checkout: MakeCheckout,
) -> None:
    checkout = bare_checkout(make_checkout)

    both = [start_bootstrap(checkout), start_bootstrap(checkout)]
    said = [process.communicate(timeout=90)[0] for process in both]

    assert [process.returncode for process in both] == [0, 0], said
    assert sorted("Installing" in each for each in said) == [False, True]
    assert (checkout.data / "venv" / "bin" / "python").exists()
    assert run_bootstrap(checkout) == ""

    (checkout.folder / "requirements.txt").write_text("# nothing, put otherwise\n")
    said_on_change = run_bootstrap(checkout)
    assert "Installing" in said_on_change
    assert "Making" not in said_on_change

    (checkout.data / "venv" / "ntrust-stamp.json").unlink()  # as an interrupted run leaves it
    assert "Making" in run_bootstrap(checkout, "--dev")


def test_bootstrap_installs_only_what_has_the_right_hash(make_checkout: MakeCheckout) -> None:
    checkout = bare_checkout(make_checkout)
    (checkout.folder / "requirements.txt").write_text("six==1.17.0\n")

    process = start_bootstrap(checkout)
    said, _ = process.communicate(timeout=90)

    assert process.returncode == 1
    assert "hash" in said.lower()
    assert "could not be installed" in said


def test_bootstrap_on_another_python_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sys, "version_info", (3, 9, 2, "final", 0))
    monkeypatch.setenv("PATH", "")

    with pytest.raises(SystemExit) as stopped:
        bootstrap.use_supported_python()

    assert "This is Python 3.9" in str(stopped.value)
    assert "apt-get install python3" in str(stopped.value)


def test_bootstrap_passes_over_a_shim_that_does_not_work(tmp_path: Path) -> None:
    shim = tmp_path / "python3.12"
    shim.write_text("#!/bin/sh\necho not here >&2\nexit 127\n")
    shim.chmod(0o755)

    assert not bootstrap.is_working(str(shim), (3, 12))
    assert bootstrap.is_working(sys.executable, sys.version_info[:2])
    assert not bootstrap.is_working(sys.executable, (3, 1))
