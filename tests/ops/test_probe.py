"""The health checks of the containers tell well from ill."""

import os
import socket
import time
from pathlib import Path

import pytest

from ntrust.probe import main


def free_port() -> int:
    """A port at which nothing listens."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def test_file_written_lately_is_well_whatever_its_ending(tmp_path: Path) -> None:
    (tmp_path / "schedule.dat").touch()

    main(["probe", "file", str(tmp_path / "schedule")])


@pytest.mark.parametrize("age", [None, 700])
def test_file_missing_or_old_is_ill(tmp_path: Path, age: int | None) -> None:
    path = tmp_path / "schedule"
    if age is not None:
        path.touch()
        os.utime(path, (time.time() - age, time.time() - age))

    with pytest.raises(SystemExit, match="is ill"):
        main(["probe", "file", str(path)])


@pytest.mark.parametrize("probe", ["url", "smtp"])
def test_server_that_does_not_answer_is_ill(probe: str) -> None:
    address = f"127.0.0.1:{free_port()}"

    with pytest.raises(SystemExit, match="is ill"):
        main(["probe", probe, f"http://{address}/healthz" if probe == "url" else address])


@pytest.mark.parametrize("arguments", [["probe"], ["probe", "pigeon", "x"]])
def test_unknown_probe_says_what_to_write(arguments: list[str]) -> None:
    with pytest.raises(SystemExit, match=r"url\|file\|smtp"):
        main(arguments)
