"""Dockerfile and docker-compose.yml name only what exists, and hold no secret.

Building the image needs a Docker engine, which a test run does not have; every name in the two
files is looked up instead.
"""

import ast
import re
import shlex
from importlib.metadata import entry_points
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import yaml
from celery.bin.celery import celery as celery_commands
from django.core.management import get_commands
from django.urls import resolve

from ntrust import environment
from ntrust.probe import PROBES

ROOT = Path(__file__).resolve().parents[2]
COMPOSE = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
OURS = {name: each for name, each in SERVICES.items() if each["image"] == "ntrust"}
FOREIGN_PROGRAMS = {"pg_isready", "redis-cli", "redis-server"}
ONE_SHOT = {"migrate"}
VARIABLES_OF_COMPOSE = {"POSTGRES_PASSWORD"}


def dockerfile_steps(text: str) -> list[tuple[str, str]]:
    """Each instruction with its words, continued lines joined."""
    joined = re.sub(r"\\\n", " ", text)
    lines = [line.strip() for line in joined.splitlines()]
    split = (line.split(maxsplit=1) for line in lines if line and not line.startswith("#"))
    return [(word, rest) for word, rest in split]


STEPS = dockerfile_steps((ROOT / "Dockerfile").read_text(encoding="utf-8"))


def words_of(command: list[str]) -> list[str]:
    """The program and its words, without the shell or the marks of a health check."""
    if command[0] == "CMD":
        return command[1:]
    if command[0] == "CMD-SHELL":
        return shlex.split(command[1])
    return command


def missing_from(command: list[str]) -> list[str]:
    """What the command names and the project does not have."""
    program, *rest = words_of(command)
    if program in FOREIGN_PROGRAMS:
        return []
    if program == "python":
        return _missing_python(rest)
    scripts = {script.name for script in entry_points(group="console_scripts")}
    missing = [] if program in scripts else [f"program {program}"]
    if program == "uvicorn":
        missing += _missing_attribute(rest[0])
    elif program == "celery":
        missing += _missing_attribute(rest[rest.index("--app") + 1])
        missing += [] if rest[2] in celery_commands.commands else [f"celery {rest[2]}"]
    else:
        missing.append(f"no rule for {program}")
    return missing


def _missing_python(rest: list[str]) -> list[str]:
    if rest[0] == "manage.py":
        return [] if rest[1] in get_commands() else [f"manage.py {rest[1]}"]
    if rest[0] != "-m":
        return [f"no rule for python {rest[0]}"]
    missing = [] if find_spec(rest[1]) else [f"module {rest[1]}"]
    if rest[1] == "ntrust.probe":
        missing += [] if rest[2] in PROBES else [f"probe {rest[2]}"]
        if rest[2] == "url":
            resolve("/" + rest[3].split("/", 3)[3])
    return missing


def _missing_attribute(address: str) -> list[str]:
    module, _, name = address.partition(":")
    spec = find_spec(module)
    if spec is None or spec.origin is None:
        return [f"module {module}"]
    tree = ast.parse(Path(spec.origin).read_text(encoding="utf-8"))
    assigned = {
        target.id
        for node in tree.body
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    return [] if name in assigned else [address]


def health_check(service: dict[str, Any]) -> list[str]:
    command: list[str] = service["healthcheck"]["test"]
    return command


def variables_wanted(value: Any) -> set[str]:
    """Names in ``${NAME}`` anywhere in a value."""
    return set(re.findall(r"(?<!\$)\$\{(\w+)", yaml.safe_dump(value)))


def literal_secrets(settings: dict[str, str]) -> list[str]:
    """Variables that hold a secret written out rather than taken from outside."""
    secret = re.compile("SECRET|PASSWORD|TOKEN|KEY")
    written = [
        name
        for name, value in settings.items()
        if secret.search(name) and not re.fullmatch(r"\$\{\w+(:\?[^}]+|:-)\}", value)
    ]
    return written + [
        name for name, value in settings.items() if re.search(r"://[^/$@]*:[^/$@{]+@", value)
    ]


def test_compose_has_the_parts_of_the_service() -> None:
    assert {"db", "redis", "web", "worker", "beat", "deliver", "mail"} <= set(SERVICES)


@pytest.mark.parametrize("name", SERVICES)
def test_compose_command_exists(name: str) -> None:
    command = SERVICES[name].get("command")

    assert command is None or missing_from(command) == []


@pytest.mark.parametrize("name", sorted(set(SERVICES) - ONE_SHOT))
def test_compose_health_check_exists(name: str) -> None:
    assert missing_from(health_check(SERVICES[name])) == []


def test_dockerfile_commands_exist() -> None:
    commands = [yaml.safe_load(rest) for word, rest in STEPS if word == "CMD"]
    checks = [rest.split("CMD", 1)[1] for word, rest in STEPS if word == "HEALTHCHECK"]

    assert len(commands) == 1
    assert len(checks) == 1
    assert missing_from(commands[0]) == []
    assert missing_from(yaml.safe_load(checks[0])) == []


@pytest.mark.parametrize(
    "command",
    [
        ["uvicorn", "ntrust.asgi:app"],
        ["uvicorn", "ntrust.nowhere:application"],
        ["celery", "--app", "ntrust.celery:app", "workr"],
        ["python", "manage.py", "migrat"],
        ["python", "-m", "ntrust.nowhere"],
        ["CMD", "python", "-m", "ntrust.probe", "pigeon", "x"],
        ["CMD-SHELL", "nosuchprogram --now"],
    ],
)
def test_missing_from_finds_what_does_not_exist(command: list[str]) -> None:
    assert missing_from(command) != []


def test_dockerfile_copies_only_what_exists_and_is_not_ignored() -> None:
    ignore = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    sources = [rest.split()[0] for word, rest in STEPS if word == "COPY"]

    assert [source for source in sources if not (ROOT / source).exists()] == []
    assert ignore[1] == "*"
    assert [source for source in sources if f"!{source}" not in ignore] == []


def test_dockerfile_copies_every_app() -> None:
    sources = {rest.split()[0] for word, rest in STEPS if word == "COPY"}
    apps = {path.parent.name for path in ROOT.glob("*/apps.py")}

    assert apps <= sources


def test_dockerfile_does_not_run_as_root() -> None:
    users = [(number, rest) for number, (word, rest) in enumerate(STEPS) if word == "USER"]
    last = max(number for number, (word, _) in enumerate(STEPS) if word in ("RUN", "COPY"))

    assert len(users) == 1
    assert users[0][0] > last
    assert users[0][1] not in ("root", "0")


def test_dockerfile_installs_with_hashes() -> None:
    installs = [rest for word, rest in STEPS if word == "RUN" and "pip install" in rest]

    assert len(installs) == 1
    assert "--require-hashes" in installs[0]


def test_every_variable_is_one_the_settings_read() -> None:
    known = set(environment.VARIABLES)

    for service in OURS.values():
        assert set(service["environment"]) <= known
    assert variables_wanted(COMPOSE) <= known | VARIABLES_OF_COMPOSE


def test_the_list_of_variables_is_what_the_settings_read() -> None:
    tree = ast.parse((ROOT / "ntrust/environment.py").read_text(encoding="utf-8"))
    words = [node.value for node in ast.walk(tree) if isinstance(node, ast.Constant)]

    for name in environment.VARIABLES:
        assert words.count(name) > 1, f"{name} is listed, but nothing reads it"


def test_no_file_holds_a_secret() -> None:
    for service in SERVICES.values():
        assert literal_secrets(service.get("environment", {})) == []
    assert [rest for word, rest in STEPS if word in ("ENV", "ARG") and "SECRET" in rest] == []


@pytest.mark.parametrize(
    "settings",
    [
        {"SECRET_KEY": "abc"},
        {"POSTGRES_PASSWORD": "${POSTGRES_PASSWORD:-changeme}"},
        {"DATABASE_URL": "postgres://ntrust:changeme@db/ntrust"},
    ],
)
def test_literal_secrets_finds_them(settings: dict[str, str]) -> None:
    assert literal_secrets(settings) == list(settings)


def test_services_wait_for_services_that_exist() -> None:
    for service in SERVICES.values():
        assert set(service.get("depends_on", {})) <= set(SERVICES)
