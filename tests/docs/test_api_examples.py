"""What the guide shows of the API is run against the service: shell blocks, and the client."""

from __future__ import annotations

import importlib.util
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from cohorts.models import Decision
from local.paths import ROOT
from ntrust import clock
from ntrust.actions import make_token
from ntrust.models import User
from ntrust.states import TokenScope
from safety.management.conduct import Conduct
from tests.factories import CHEAP_HASHER, DISEASE, PASSWORD, letters_at, make_trial, open_level

GUIDE = ROOT / "docs" / "guide"
CLIENT = GUIDE / "examples" / "ntrust_client.py"
STEP = re.compile(
    r"^```sh\n(?P<run>.*?)^```\n(?:\n```text\n(?P<said>.*?)^```\n)?"
    r"|^\*\*(?P<days>\d+) days later\.\*\*",
    re.MULTILINE | re.DOTALL,
)
DONE = "block-is-done"


@pytest.fixture
def trial(live_url: str, monkeypatch: pytest.MonkeyPatch, settings: Any) -> Conduct:
    """Level 1 is open, nobody is seated; what time it is the test says."""
    settings.PASSWORD_HASHERS = CHEAP_HASHER
    made = open_level(make_trial())
    User.objects.update(password_changed_at=made.now - timedelta(days=1))
    monkeypatch.setattr(clock, "now", lambda: made.now)
    return made


def people(trial: Conduct) -> dict[str, User]:
    return {
        "INVESTIGATOR": trial.crews[0].investigator,
        "MANAGER": trial.manager,
        "MONITOR": trial.monitor,
    }


def token_of(user: User, trial: Conduct) -> str:
    ends_at = trial.now + timedelta(days=90)
    _, secret = make_token(
        user, name="walk", scope=TokenScope.ACT, ends_at=ends_at, by=user, now=trial.now
    )
    return secret


@contextmanager
def shell(environment: dict[str, str]) -> Iterator[subprocess.Popen[str]]:
    """One bash for all blocks: what one of them sets the next ones have."""
    with subprocess.Popen(
        ["bash", "--noprofile", "--norc"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "no_proxy": "*", **environment},
    ) as running:
        try:
            yield running
        finally:
            running.kill()


def run(running: subprocess.Popen[str], block: str) -> str:
    """What a block prints; a bash that ended before its end is a block that failed."""
    asked, said = running.stdin, running.stdout
    assert asked is not None
    assert said is not None
    asked.write(f"{block}\necho {DONE}\n")
    asked.flush()
    lines = []
    for line in said:
        if line.strip() == DONE:
            return "".join(lines)
        lines.append(line)
    raise AssertionError(f"The block ended early:\n{block}\n{''.join(lines)}")


def test_the_walk_through_a_cohort_is_what_happens(trial: Conduct, live_url: str) -> None:
    text = (GUIDE / "api-walkthrough.md").read_text(encoding="utf-8")
    steps = list(STEP.finditer(text))
    known = {"NTRUST": live_url, "PASSWORD": PASSWORD}
    for name, user in people(trial).items():
        known |= {name: token_of(user, trial), f"{name}_NAME": user.username}

    with shell(known) as running:
        for step in steps:
            if step["days"]:
                trial.now += timedelta(days=int(step["days"]))
            else:
                trial.tick()
                assert run(running, step["run"]) == (step["said"] or ""), step["run"]

    assert [bool(step["days"]) for step in steps].count(True) == 3
    decision = Decision.objects.get(number=2)
    assert (decision.verdict, decision.state) == ("EXPAND_COHORT", "SIGNED")
    assert letters_at(trial, 1) == "NTN"


def loaded_client() -> ModuleType:
    """The client as who copied the file has it."""
    spec = importlib.util.spec_from_file_location("ntrust_client", CLIENT)
    assert spec is not None
    assert spec.loader is not None
    client = importlib.util.module_from_spec(spec)
    sys.modules["ntrust_client"] = client
    spec.loader.exec_module(client)
    return client


def test_the_client_reads_acts_once_and_hears_why_not(trial: Conduct, live_url: str) -> None:
    client = loaded_client()
    tokens = {name: token_of(user, trial) for name, user in people(trial).items()}
    site, manager = (
        client.Study(live_url, token=tokens[name], key="trial")
        for name in ("INVESTIGATOR", "MANAGER")
    )
    candidate = {"disease": DISEASE, "consented_at": trial.now.isoformat()}
    where = "sites/S1/new-participant/"

    asked = site.ask_of(where)
    first = site.act(where, key="c1", seen=asked["revision"], **candidate)
    again = site.act(where, key="c1", seen=asked["revision"], **candidate)
    (row,) = manager.rows("participants/")
    person = f"participants/{row['screening_number']}"

    assert again == first
    assert [one["name"] for one in asked["fields"]] == [*candidate, "screening_number"]
    assert manager.read("holds/")["data"]["in_force"] == []
    assert "DLT_REPORTED" not in {one["kind"] for one in manager.events()}
    with pytest.raises(client.Refused) as unknown:
        site.act(where, **candidate, colour="red")
    assert (unknown.value.status, set(unknown.value.errors)) == (422, {"colour"})
    with pytest.raises(client.Refused) as shut:
        manager.act(f"{person}/eligibility/")
    assert (shut.value.status, shut.value.code) == (409, "not_eligible")
    assert "screening_signed" in [gate["rule"] for gate in shut.value.gates if not gate["is_clear"]]
    with pytest.raises(client.Refused) as hidden:
        manager.act(where, **candidate)
    assert (hidden.value.status, hidden.value.code) == (404, "not_found")


def test_the_client_is_typed(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "mypy", "--strict", "--config-file=", "--no-incremental"]

    said = subprocess.run(
        [*command, str(CLIENT)], check=False, cwd=tmp_path, capture_output=True, text=True
    )

    assert said.returncode == 0, said.stdout
