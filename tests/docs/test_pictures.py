"""The guide's pictures can be taken from the demo as it is today, and the guide shows those."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from local.paths import ROOT
from tests.browser.conftest import MISSING, find_chromium

GUIDE = ROOT / "docs" / "guide"
KEEP = "NTRUST_KEEP_PICTURES"
"""Set, the pictures replace those of the guide."""
LARGEST_BYTES = 300_000


def shown() -> set[str]:
    """The pictures that guide and README show."""
    texts = [GUIDE / "README.md", ROOT / "README.md"]
    found = {
        name for text in texts for name in re.findall(r"images/([\w-]+)\.png", text.read_text())
    }
    assert found
    return found


def test_every_picture_shown_is_there_and_small() -> None:
    sizes = {path.stem: path.stat().st_size for path in (GUIDE / "images").glob("*.png")}

    assert shown() - set(sizes) == set()
    assert [name for name, size in sizes.items() if size > LARGEST_BYTES] == []


def test_pictures_of_the_demo_are_taken_again(demo_url: str, tmp_path: Path) -> None:
    if find_chromium() is None:
        pytest.skip(MISSING)
    names = sorted(name for name in shown() if not name.startswith("replay-"))
    folder = GUIDE / "images" if os.environ.get(KEEP) else tmp_path
    command = [sys.executable, str(GUIDE / "take_screenshots.py"), demo_url, *names]

    done = subprocess.run(
        [*command, "--to", str(folder)], capture_output=True, text=True, timeout=600, check=False
    )

    assert (done.returncode, done.stderr) == (0, "")
    assert {path.stem for path in folder.glob("*.png")} >= set(names)
