"""The stored recommendation: split counts, who is awaited, doubts, and what it hinges on."""

import json
import re
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from cohorts.actions import (
    confirm_not_evaluable,
    withdraw_ruling,
)
from cohorts.engine.account import account_for
from cohorts.models import ACCOUNT, Outcome, Participant, Recommendation
from cohorts.queries import SOMEBODY, advice_content
from cohorts.queries.hinges import read_reading
from cohorts.queries.viewers import Mask
from dosing.actions import Prescription, accept_medication, give_infusion, record_medication
from dosing.models import Infusion
from ntrust.signing import canonical
from safety.actions import clear_dlt, pass_time_everywhere, supersede_dlt
from safety.management.conduct import Conduct
from tests.factories import (
    PASSWORD,
    START,
    end_windows,
    make_trial,
    open_level,
    report_dlt_of,
    report_late_dlt,
    revision_of,
    run_cohort,
    seat,
    shared_trial,
)

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)
MARGINS = {"borderline": {"exposure_margin": "0.05", "clearance_hours": 12}}


def build() -> Conduct:
    """Level 1 clean; level 2 open with two treated and one seated."""
    trial = open_level(make_trial(conduct=MARGINS))
    run_cohort(trial, 1, "NNN")
    open_level(trial, 2)
    run_cohort(trial, 2, "PPU")
    return trial


_built, trial = shared_trial(build)


def people_at(trial: Conduct, level: int) -> list[Participant]:
    return list(trial.study.participants.filter(outcome__level__ordinal=level).order_by("id"))


def split(trial: Conduct, level: int) -> dict[str, Any]:
    """What is not zero."""
    return {name: count for name, count in trial.advice().split[str(level)].items() if count}


def doubts(person: Participant) -> list[tuple[str, str, str]]:
    rows = Outcome.objects.get(participant=person).doubts
    return [(row["source"], row["kind"], row["reads_as"]) for row in rows]


def hinges(trial: Conduct) -> dict[tuple[str, str], str]:
    """Subject and the letter it is read as, to the verdict that follows."""
    return {
        (call["subject"], call["reads_as"]): hinge["answer"]["verdict"]
        for hinge in trial.advice().sensitivity["hinges"]
        for group in hinge["groups"]
        for call in group["calls"]
    }


def test_counts_are_split_by_what_is_known(trial: Conduct) -> None:
    assert split(trial, 1) == {"no_dlt": 3}
    assert split(trial, 2) == {"in_window": 2, "not_treated": 1}

    report_dlt_of(trial, people_at(trial, 2)[0])
    assert split(trial, 2) == {"reported": 1, "in_window": 1, "not_treated": 1}

    end_windows(trial)
    assert split(trial, 2) == {"reported": 1, "overdue": 1, "not_treated": 1}

    report = people_at(trial, 2)[0].adverse_events.get().dlt_reports.get()
    trial.adjudicate(report)
    assert split(trial, 2) == {"dlt": 1, "overdue": 1, "not_treated": 1}


def test_moment_that_passes_is_a_new_recommendation_with_the_same_answer(trial: Conduct) -> None:
    before = trial.advice()

    end_windows(trial)

    after = trial.advice()
    assert after.pk != before.pk
    assert (after.verdict, after.basis_hash) == (before.verdict, before.basis_hash)
    assert after.revision == revision_of(trial)
    again = Recommendation.objects.count()
    pass_time_everywhere(now=trial.now + timedelta(days=1))
    assert Recommendation.objects.count() == again


def test_who_is_awaited_and_until_when(trial: Conduct) -> None:
    first, _, third = people_at(trial, 2)
    closes_at = Outcome.objects.get(participant=first).window_closes_at
    assert closes_at is not None

    pending = {row["subject"]: row for row in trial.advice().pending}

    assert pending[str(first)]["awaits"] == ["the end of the DLT window"]
    assert pending[str(first)]["earliest"] == closes_at.isoformat()
    assert pending[str(third)]["why"] == "infusion 1 is not given yet"
    assert trial.advice().full_answer == {
        "when": "UNKNOWN",
        "at": None,
        "why": [f"{third}: infusion 1 is not given yet"],
    }


def test_close_is_not_known_while_an_infusion_is_planned() -> None:
    trial = open_level(make_trial(key="other", infusion_days=(0, 7), anchor="last_infusion"))
    run_cohort(trial, 1, "P")

    (row,) = trial.advice().pending

    assert row["awaits"] == ["infusion 2", "the DLT window"]
    assert trial.advice().full_answer["why"] == [
        f"{row['subject']}: infusion 2 is still planned: the close of the window is not known"
    ]


def test_reported_dlt_is_a_doubt_until_it_is_confirmed(trial: Conduct) -> None:
    person = people_at(trial, 1)[0]
    report = report_late_dlt(trial, person)
    assert doubts(person) == [("safety", "reported", "N")]
    assert hinges(trial)[str(person), "N"] == "WAIT"

    trial.adjudicate(report)

    assert doubts(person) == []
    assert trial.advice().sensitivity["verdict"] == "ROBUST"


def test_confirmed_dlt_that_is_to_be_taken_away_is_a_doubt(trial: Conduct) -> None:
    person = people_at(trial, 1)[0]
    report = trial.adjudicate(report_late_dlt(trial, person))

    supersede_dlt(
        report,
        kind="WITHDRAWN",
        reason="entered for somebody else",
        by=trial.investigator_of(person),
        now=trial.tick(),
    )

    assert doubts(person) == [("safety", "disputed", "N")]
    assert split(trial, 1) == {"no_dlt": 2, "dlt": 1}
    assert hinges(trial)[str(person), "N"] == "WAIT"


def test_refuted_dlt_stays_a_doubt(trial: Conduct) -> None:
    person = people_at(trial, 1)[0]
    report = report_late_dlt(trial, person)

    trial.adjudicate(report, is_confirmed=False)

    assert doubts(person) == [("safety", "refuted", "T")]
    trial.sign_no_dlt(person)
    assert doubts(person) == [("safety", "refuted", "T")]
    assert hinges(trial)[str(person), "T"] == "EXPAND_COHORT"


def test_provisional_dlt_is_awaited_until_its_clock_ends(trial: Conduct) -> None:
    first = people_at(trial, 2)[0]

    report = report_dlt_of(trial, first, "IN72H")

    assert report.counts_at is not None
    (doubt,) = Outcome.objects.get(participant=first).doubts
    assert (doubt["kind"], doubt["until"]) == ("provisional", report.counts_at.isoformat())
    assert split(trial, 2) == {"possible": 1, "in_window": 1, "not_treated": 1}
    row = next(row for row in trial.advice().pending if row["subject"] == str(first))
    assert row["awaits"] == [
        "the clock or the resolution of a provisional DLT: Cytokine release, grade 4 (IN72H)",
        "the end of the DLT window",
    ]


@pytest.mark.parametrize(("hours", "is_narrow"), [(59, False), (60, True), (72, True)])
def test_resolution_close_to_the_limit_is_a_doubt(
    trial: Conduct, hours: int, is_narrow: bool
) -> None:
    person = people_at(trial, 2)[0]
    onset_at = trial.now
    report = report_dlt_of(trial, person, "IN72H")
    trial.now = onset_at + timedelta(hours=72, minutes=-5)
    resolved_at = min(onset_at + timedelta(hours=hours), trial.now)

    clear_dlt(
        report,
        resolved_at=resolved_at,
        by=trial.investigator_of(person),
        password=PASSWORD,
        now=trial.tick(),
    )

    assert doubts(person) == ([("safety", "cleared", "T")] if is_narrow else [])


def test_clock_that_ends_counts_and_is_no_longer_provisional(trial: Conduct) -> None:
    person = people_at(trial, 2)[0]
    report_dlt_of(trial, person, "IN72H")

    trial.now += timedelta(hours=73)
    pass_time_everywhere(now=trial.now)

    assert doubts(person) == [("safety", "reported", "N")]
    assert split(trial, 2)["reported"] == 1


def test_ruling_is_a_doubt_until_it_is_withdrawn(trial: Conduct) -> None:
    person = people_at(trial, 2)[2]
    ruled: dict[str, Any] = {"by": trial.monitor}
    confirm_not_evaluable(person, reason="withdrew", now=trial.tick(), **ruled)
    assert split(trial, 2) == {
        "in_window": 2,
        "not_evaluable": 1,
        "reasons": {str(person): "withdrew"},
    }
    assert hinges(trial)[str(person), "N"] == "WAIT"

    withdraw_ruling(person, reason="came back", now=trial.tick(), **ruled)

    assert (str(person), "X") not in hinges(trial)
    assert split(trial, 2) == {"in_window": 2, "not_treated": 1}


def test_seat_taken_again_makes_a_replaced_one(trial: Conduct) -> None:
    person = people_at(trial, 2)[2]
    confirm_not_evaluable(person, reason="withdrew", by=trial.monitor, now=trial.tick())

    trial.seat(2, disease="lupus nephritis")

    assert split(trial, 2) == {
        "in_window": 2,
        "not_treated": 1,
        "replaced": 1,
        "reasons": {str(person): "withdrew"},
    }


def test_accepted_medicine_is_a_doubt() -> None:
    trial = open_level(make_trial(key="other", conduct=MARGINS))
    people = run_cohort(trial, 1, "NNN")
    medicine = record_medication(
        people[0],
        prescription=Prescription("Rituximab", "INTRAVENOUS", "a flare", START.date() + DAY * 7),
        by=trial.investigator_of(people[0]),
        now=trial.tick(),
    )
    assert split(trial, 1) == {"no_dlt": 2, "to_rule": 1}

    accept_medication(medicine, reason="no effect", by=trial.monitor, now=trial.tick())

    assert doubts(people[0]) == [("dosing", "medication", "X")]
    assert hinges(trial) == {(str(people[0]), "X"): "ENROL"}


def test_exposure_within_the_margin_is_a_doubt() -> None:
    trial = open_level(make_trial(key="other", conduct=MARGINS))
    people = seat(trial, 1, 3)
    day_0 = trial.now + DAY * 5
    trial.condition(people, day_0=day_0)
    trial.now = day_0
    for person, share in zip(people, ("0.84", "0.85", "1"), strict=True):
        give_infusion(
            Infusion.objects.get(course__participant=person),
            given_at=trial.now,
            given_cells=Decimal(share),
            by=trial.investigator_of(person),
            now=trial.tick(),
        )
    end_windows(trial)
    for person in people:
        trial.sign_no_dlt(person)

    assert hinges(trial) == {(str(people[0]), "X"): "ENROL"}


def test_content_is_plain_and_complete(trial: Conduct) -> None:
    content = advice_content(trial.advice())

    assert json.loads(canonical(content)) == content
    assert set(content) == {
        *("verdict", "level", "outcome", "mtd", "rule", "bounds", "flags", "reasons", "counts"),
        *("split", "pending", "full_answer", "sensitivity", "rows", "options", "suspended_by"),
        *("protocol_version", "engine_version", "basis_hash", "revision", "computed_at"),
    }
    assert [row["subject"] for row in content["rows"]] == [f"P-00{n}" for n in range(1, 7)]


def test_same_rows_give_the_same_account(trial: Conduct) -> None:
    advice = trial.advice()

    account = account_for(advice.basis, advice.rows)

    assert {name: getattr(advice, name) for name in ACCOUNT} == {
        name: account[name] for name in ACCOUNT
    }


# --- For one viewer --------------------------------------------------------------------------


def test_reading_names_what_it_hinges_on(trial: Conduct) -> None:
    person = people_at(trial, 1)[0]
    report_late_dlt(trial, person)

    reading = read_reading(trial.advice(), Mask(None))

    assert reading is not None
    assert reading.headline == "Hinges on P-001."
    (hinge,) = reading.hinges
    assert (hinge.condition, hinge.answer.text) == ("P-001 as no DLT", "WAIT at DL2")
    assert hinge.because == ("P-001: Cytokine release, grade 4 (NOW): not adjudicated",)
    assert reading.full_answer == (
        "Date of a full answer not known. P-006: infusion 1 is not given yet."
    )


def test_reading_hides_people_of_other_sites_and_their_reasons(trial: Conduct) -> None:
    person = people_at(trial, 1)[0]
    report_late_dlt(trial, person)
    hidden = Mask(re.compile("P-001|P-006"))

    reading = read_reading(trial.advice(), hidden)

    assert reading is not None
    assert reading.headline == "Hinges on 1 participant of other sites."
    assert "P-001" not in repr(reading)
    assert "P-006" not in repr(reading)
    assert "Cytokine" not in repr(reading)
    assert [one.who for one in reading.awaited] == ["P-004", "P-005", SOMEBODY]
    assert reading.awaited[2].what == "an answer of that site"


def test_robust_reading_says_what_two_calls_would_do(trial: Conduct) -> None:
    reading = read_reading(trial.advice(), Mask(None))

    assert reading is not None
    assert reading.headline == (
        "Robust: no single call, read otherwise, changes it. Two together would."
    )
    (hinge,) = reading.hinges
    assert hinge.condition == "any two of P-004, P-005 and P-006 as a DLT"
