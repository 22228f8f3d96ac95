"""The units of systemd run what the containers run, and name only what exists."""

from __future__ import annotations

import configparser
from pathlib import Path
from typing import Final

import pytest

from ntrust import environment
from tests.ops.test_containers import OURS, ROOT, missing_from, words_of

UNITS: Final = ROOT / "deploy" / "systemd"
PROGRAMS: Final = "/opt/ntrust/venv/bin/"
NAMES: Final = sorted(file.stem.removeprefix("ntrust-") for file in UNITS.glob("ntrust-*.service"))
SETTINGS: Final = UNITS / "ntrust.env.example"


def read(file: Path) -> configparser.ConfigParser:
    parser = configparser.ConfigParser(interpolation=None)
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read_string(file.read_text(encoding="utf-8"))
    return parser


def command_of(name: str) -> list[str]:
    program, *words = read(UNITS / f"ntrust-{name}.service")["Service"]["ExecStart"].split()
    assert program.startswith(PROGRAMS)
    return [program.removeprefix(PROGRAMS), *words]


def without_places(words: list[str]) -> list[str]:
    """Without addresses and files, which differ between a container and a machine."""
    return [word for word in words if not word.startswith("/") and word.count(".") != 3]


def test_there_is_a_unit_for_each_container_but_the_mail_catcher() -> None:
    assert set(NAMES) == set(OURS) - {"mail"}
    wanted = read(UNITS / "ntrust.target")["Unit"]["Wants"].split()
    assert sorted(wanted) == sorted(f"ntrust-{name}.service" for name in NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_unit_runs_what_the_container_runs(name: str) -> None:
    command = command_of(name)

    assert missing_from(command) == []
    assert without_places(command) == without_places(words_of(OURS[name]["command"]))


@pytest.mark.parametrize("name", NAMES)
def test_unit_waits_for_the_tables_and_runs_as_nobody_of_weight(name: str) -> None:
    unit = read(UNITS / f"ntrust-{name}.service")

    assert unit["Service"]["User"] == "ntrust"
    assert unit["Service"]["NoNewPrivileges"] == "yes"
    assert unit["Unit"]["PartOf"] == "ntrust.target"
    if name != "migrate":
        assert unit["Unit"]["Requires"] == "ntrust-migrate.service"
        assert unit["Service"]["Restart"] == "always"


def test_files_are_written_only_where_the_unit_may() -> None:
    """Everything else is read-only: `ProtectSystem=strict`."""
    for name in NAMES:
        service = read(UNITS / f"ntrust-{name}.service")["Service"]
        own = f"/run/{service.get('RuntimeDirectory', 'none')}/"
        places = [word for word in command_of(name) if word.startswith("/")]
        assert [place for place in places if not place.startswith(own)] == []


def test_settings_are_those_the_service_reads_and_no_secret_is_among_them() -> None:
    lines = SETTINGS.read_text(encoding="utf-8").splitlines()
    given = dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))

    assert set(given) <= set(environment.VARIABLES)
    assert set(OURS["web"]["environment"]) == set(given)
    assert [name for name in given if name.endswith(("KEY", "TOKEN", "URL")) and given[name]] == [
        "PUBLIC_URL"
    ]
