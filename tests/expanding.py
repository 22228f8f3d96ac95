"""Trials past Part 1: the RDE selected, Part 2 begun, people treated there."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from cohorts.actions import Selection, acknowledge_decision, sign_decision, start_part_2
from cohorts.engine.design import Verdict
from cohorts.models import Decision, Participant
from cohorts.policies import last_rde
from ntrust.models import Study
from safety.actions import select_rde
from safety.management.conduct import Conduct
from tests.factories import (
    DISEASE,
    PASSWORD,
    end_windows,
    make_trial,
    open_level,
    report_dlt_of,
    run_cohort,
    treat,
)

PMN = "primary membranous nephropathy"
POCOCK = {"rule": "pocock", "most_participants": 12, "p0": "0.2", "alpha": "0.05"}
"""Stops at 3 of 3 and 4; 4 of 5 and 6; 5 of 7 to 9; 6 of 10 to 12."""
BETA = {
    "rule": "beta",
    "most_participants": 12,
    "prior": ["1", "1"],
    "theta0": "0.3",
    "tau": "0.8",
}
"""Stops at 1 of 1; 2 of 2 to 4; 3 of 5 to 7; 4 of 8 and 9; 5 of 10 to 12."""
SMALL = {"min_n_at_mtd": 3, "allow_deescalation": False, "confirm_top_dose": False}
"""Options by which three without a DLT settle a level."""


def part_2_of(**section: Any) -> dict[str, Any]:
    """Protocol sections for two diseases with an expansion cohort each."""
    cohorts = [{"disease": DISEASE, "seats": 6}, {"disease": PMN, "seats": 6}]
    return {
        "diseases": [DISEASE, PMN],
        "part_2": {"cohorts": cohorts, "boundary": POCOCK, **section},
    }


def make_part_1(
    letters: Sequence[str] = ("NNN", "NNN"), *, sites: int = 1, key: str = "trial", **p2: Any
) -> Conduct:
    """A trial of as many levels as cohorts, in which this was seen, cohort by cohort."""
    trial = make_trial(doses=len(letters), sites=sites, key=key, conduct=part_2_of(**p2), **SMALL)
    for level, cohort in enumerate(letters, start=1):
        open_level(trial, level)
        run_cohort(trial, level, cohort)
    return trial


def stop(trial: Conduct) -> Decision:
    """A review that ends Part 1, signed and circulated."""
    return trial.decide(Verdict.STOP, None)


def selection(trial: Conduct, level: int = 2, **given: Any) -> Selection:
    words = {"reason": "exposure is enough there", "committee_verdict": "agrees"}
    return Selection(level=trial.level(level), **{**words, **given})


def propose(trial: Conduct, level: int = 2, **given: Any) -> Decision:
    return select_rde(
        trial.study, selection(trial, level, **given), by=trial.manager, now=trial.tick()
    )


def sign_both(trial: Conduct, decision: Decision) -> Decision:
    for signer in (trial.manager, trial.monitor):
        decision = sign_decision(decision, by=signer, password=PASSWORD, now=trial.tick())
    return decision


def read_by_all(trial: Conduct, decision: Decision) -> Decision:
    """Every site and pharmacy acknowledges."""
    for crew in trial.crews:
        for reader in (crew.investigator, crew.pharmacist):
            decision = acknowledge_decision(decision, site=crew.site, by=reader, now=trial.tick())
    return decision


def select(trial: Conduct, level: int = 2) -> Decision:
    """After the stop: the RDE selected, signed and circulated."""
    return read_by_all(trial, sign_both(trial, propose(trial, level)))


def make_rde(level: int = 2, **made: Any) -> Conduct:
    """A trial with an RDE, Part 2 not yet started."""
    trial = make_part_1(**made)
    stop(trial)
    select(trial, level)
    return trial


def make_part_2(level: int = 2, **made: Any) -> Conduct:
    """A trial in Part 2 with nobody seated."""
    trial = make_rde(level, **made)
    start_part_2(trial.study, by=trial.manager, now=trial.tick())
    return trial


def seat_in(trial: Conduct, disease: str = DISEASE, count: int = 1) -> list[Participant]:
    """So many more with a confirmed seat in the expansion cohort of this disease."""
    rde = last_rde(trial.study)
    assert rde is not None
    assert rde.level is not None
    return [trial.seat(rde.level.ordinal, disease=disease) for _ in range(count)]


def run_part_2(trial: Conduct, letters: str, disease: str = DISEASE) -> list[Participant]:
    """Seat and treat one a letter: N signed at the window's end, T a DLT, P treated, U seated."""
    people = seat_in(trial, disease, len(letters))
    pairs = list(zip(people, letters, strict=True))
    treat(trial, [person for person, letter in pairs if letter != "U"])
    trial.now += timedelta(days=3)
    for person in (person for person, letter in pairs if letter == "T"):
        report_dlt_of(trial, person)
    if "N" in letters:
        end_windows(trial)
    for person in (person for person, letter in pairs if letter == "N"):
        trial.sign_no_dlt(person)
    return people


def state_of(trial: Conduct) -> str:
    return Study.objects.get(pk=trial.study.pk).state
