"""Published trials through the service's own actions."""

import json
from copy import deepcopy
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from cohorts.models import Decision
from cohorts.policies import recommend_now
from ntrust.models import Notification, Study
from safety.management.commands import replay as command
from safety.management.replay import Replay, free_key, read_trials

pytestmark = pytest.mark.django_db

TRIALS = read_trials()
SMALL = {
    **deepcopy(TRIALS["trial-a-single-agent"]),
    "name": "small",
    "ladder": [3, 4.5],
    "history": "1N 2T",
}
SMALL["expected"] = [
    {"verdict": "ENROL", "level": 1, "outcome": None, "mtd": None, "flags": []},
    {
        "verdict": "ENROL",
        "level": 2,
        "outcome": None,
        "mtd": None,
        "flags": ["ESCALATED_EARLY"],
    },
]


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """One short trial in place of the published ones."""
    trial = deepcopy(SMALL)
    monkeypatch.setattr(command, "read_trials", lambda: {"small": trial})
    return trial


def run(*arguments: str) -> str:
    out = StringIO()
    call_command("replay", *arguments, stdout=out)
    return out.getvalue()


@pytest.mark.parametrize("name", TRIALS)
def test_published_trial_meets_every_expectation(name: str) -> None:
    replay = Replay(TRIALS[name], key=free_key(f"replay-{name}"))

    for step in replay.steps():
        stored, fresh = replay.conduct.advice(), recommend_now(replay.conduct.study)
        assert fresh is not None
        assert (stored.verdict, stored.level, stored.outcome, stored.mtd, stored.flags) == (
            fresh.verdict,
            fresh.level,
            fresh.outcome or "",
            fresh.mtd,
            list(fresh.flags),
        ), step.what

    assert [(e.history, e.actual) for e in replay.expectations if not e.is_met] == []
    assert len(replay.expectations) == len(TRIALS[name]["expected"])
    study = Study.objects.get(key=replay.key)
    assert study.is_replay
    assert study.source == TRIALS[name]["source"]
    assert not Notification.objects.filter(event__study=study).exists()
    for decision in Decision.objects.filter(study=study, is_override=True):
        assert decision.reason
        assert decision.committee_verdict.startswith("As published")


def test_steps_are_told_in_words(small: dict[str, Any]) -> None:
    text = run("small")

    assert "P-001: no DLT, signed [investigator]" in text
    assert "DIFFERS from the rules" in text
    assert "1 evaluable, 0 DLT, 0 pending" in text
    assert text.count(": met") == 2


def test_json_is_one_document(small: dict[str, Any]) -> None:
    (result,) = json.loads(run("--all", "--json"))

    assert (result["trial"], result["history"], result["met"]) == ("small", "1N 2T", True)
    assert [e["met"] for e in result["expectations"]] == [True, True]
    assert {"at", "what", "who", "counts", "recommendation", "rule", "bounds", "flags"} <= set(
        result["steps"][-1]
    )


def test_changed_expectation_ends_with_status_1(small: dict[str, Any]) -> None:
    small["expected"][1]["verdict"] = "ESCALATE"

    with pytest.raises(CommandError, match="1 of 1 trials differ") as caught:
        run("small")

    assert caught.value.returncode == 1


@pytest.mark.parametrize("arguments", [["nobody-2099"], []])
def test_unknown_name_ends_with_status_2(small: dict[str, Any], arguments: list[str]) -> None:
    with pytest.raises(CommandError, match="No trial") as caught:
        run(*arguments)

    assert caught.value.returncode == 2
    assert not Study.objects.exists()


def test_replay_twice_makes_a_second_study(small: dict[str, Any]) -> None:
    run("small")
    before = list(Study.objects.values_list("key", "revision"))

    run("small")

    keys = list(Study.objects.order_by("id").values_list("key", flat=True))
    assert keys == ["replay-small", "replay-small-2"]
    assert list(Study.objects.filter(key="replay-small").values_list("key", "revision")) == before
