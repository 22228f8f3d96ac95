"""Published trials, cohort by cohort, through the engine alone."""

import json
from pathlib import Path

import pytest

from cohorts.engine.advice import recommend
from cohorts.engine.design import Design, ExpandOn, SecondDlt
from cohorts.engine.notation import count, find_current, parse

REPLAYS = Path(__file__).parents[2] / "cohorts" / "replays" / "replays.json"
TRIALS = json.loads(REPLAYS.read_text(encoding="utf-8"))["trials"]


@pytest.mark.parametrize("trial", TRIALS, ids=lambda trial: trial["name"])
def test_published_trial_gets_the_expected_advice_after_each_cohort(trial):
    options = trial["design"]
    design = Design(
        doses=len(trial["ladder"]),
        min_n_at_mtd=options["min_n_at_mtd"],
        allow_deescalation=options["allow_deescalation"],
        confirm_top_dose=options["confirm_top_dose"],
        second_dlt=SecondDlt(options["second_dlt"]),
        level_minus_one=options.get("level_minus_one", False),
        expand_on_first_dlt=ExpandOn(options.get("expand_on_first_dlt", "at_three")),
        escalate_with_pending=options.get("escalate_with_pending", False),
    )
    history = parse(trial["history"])

    for cohorts, expected in enumerate(trial["expected"], start=1):
        so_far = history[:cohorts]
        advice = recommend(design, count(so_far), find_current(so_far))
        found = {
            "verdict": advice.verdict,
            "level": advice.level,
            "outcome": advice.outcome,
            "mtd": advice.mtd,
            "flags": list(advice.flags),
        }
        assert found == expected, f"after cohort {cohorts}"
    assert len(trial["expected"]) == len(history)


def test_there_are_trials_to_replay():
    assert len(TRIALS) >= 3
