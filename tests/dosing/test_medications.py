"""Concomitant medication: recognised, matched with the DLT window, ruled on by people."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest

from cohorts.actions import confirm_not_evaluable
from cohorts.models import Deviation, Outcome, Slot
from dosing.actions import (
    Prescription,
    accept_medication,
    correct_medication,
    record_medication,
)
from dosing.models import DltWindow, Medication
from dosing.queries import medications_in
from ntrust.change import study_change
from ntrust.models import Event
from safety.management.conduct import Conduct
from tests.dosing.measured import person, treated
from tests.factories import (
    end_windows,
    refused,
    report_dlt_of,
    seat,
    shared_trial,
    treat,
)

pytestmark = pytest.mark.django_db

_built, trial = shared_trial(treated)
PROPOSED = (
    "Proposed as not evaluable: prohibited medication in the DLT window (Rituximab). "
    "Pending until a person confirms."
)


def today(trial: Conduct) -> date:
    return trial.now.date()


def prescription(trial: Conduct, name: str = "Rituximab", **more: Any) -> Prescription:
    facts: dict[str, Any] = {
        "route": "INTRAVENOUS",
        "indication": "a flare",
        "started_on": today(trial),
        **more,
    }
    return Prescription(name=name, **facts)


def enter(trial: Conduct, name: str = "Rituximab", **more: Any) -> Medication:
    return record_medication(
        person(),
        prescription=prescription(trial, name, **more),
        by=trial.crews[0].investigator,
        now=trial.tick(),
    )


def correct(
    trial: Conduct,
    medication: Medication,
    name: str = "Rituximab",
    reason: str = "typing",
    **more: Any,
) -> Medication:
    return correct_medication(
        medication,
        prescription=prescription(trial, name, **more),
        reason=reason,
        by=trial.crews[0].investigator,
        now=trial.tick(),
    )


def outcome(number: str = "S-001") -> Outcome:
    return Outcome.objects.get(participant=person(number))


@pytest.mark.parametrize(
    ("name", "route", "recognised", "kinds"),
    [
        ("Tocilizumab 162 mg", "SUBCUTANEOUS", ["il6"], ["anticytokine"]),
        ("METHYLPREDNISOLONE", "INTRAVENOUS", ["steroids"], ["steroid"]),
        ("Prednisone", "ORAL", ["steroids"], ["steroid"]),
        ("Prednisolone cream", "TOPICAL", [], []),
        ("prednisolone drops", "OPHTHALMIC", [], []),
        ("Prednisolone spray", "INHALED", [], []),
        ("rituximab-pvvr", "INTRAVENOUS", ["cd20"], ["prohibited"]),
        ("Rituximab with prednisone", "OTHER", ["steroids", "cd20"], ["prohibited", "steroid"]),
        ("Paracetamol", "ORAL", [], []),
    ],
)
def test_the_protocols_kinds_are_recognised(
    trial: Conduct, name: str, route: str, recognised: list[str], kinds: list[str]
) -> None:
    medication = enter(trial, name, route=route)

    assert (medication.recognised, medication.kinds) == (recognised, kinds)
    assert medication.is_prohibited == ("prohibited" in kinds)


def test_prohibited_in_the_window_is_proposed_and_a_deviation(trial: Conduct) -> None:
    medication = enter(trial)

    found = outcome()
    assert (found.letter, found.because) == ("P", PROPOSED)
    assert found.prohibited_medication == "Rituximab"
    deviation = Deviation.objects.get()
    assert (deviation.kind, deviation.participant) == ("PROHIBITED_MEDICATION", person())
    assert deviation.sentence == "Rituximab, which the protocol prohibits, in the DLT window."
    assert Medication.objects.get().deviation == deviation
    assert medication.ended_on is None
    assert outcome("S-002").prohibited_medication == ""
    enter(trial, "Paracetamol")
    assert Deviation.objects.count() == 1


@pytest.mark.parametrize("name", ["Paracetamol", "Tocilizumab", "Prednisone"])
def test_nothing_else_is_proposed(trial: Conduct, name: str) -> None:
    enter(trial, name)

    assert outcome().prohibited_medication == ""
    assert Deviation.objects.count() == 0


@pytest.mark.parametrize(
    ("started", "ended", "overlaps"),
    [
        (-30, -1, False),
        (-30, 0, True),
        (-30, None, True),
        (0, 0, True),
        (28, 28, True),
        (28, None, True),
        (29, None, False),
    ],
)
def test_overlap_with_the_window_by_days(
    trial: Conduct, started: int, ended: int | None, overlaps: bool
) -> None:
    window = DltWindow.objects.get(participant=person())
    assert window.opened_at is not None
    day_0 = window.opened_at.date()
    trial.now += timedelta(days=40)

    enter(
        trial,
        started_on=day_0 + timedelta(days=started),
        ended_on=None if ended is None else day_0 + timedelta(days=ended),
    )

    assert (outcome().prohibited_medication != "") == overlaps
    assert Deviation.objects.count() == overlaps


def test_taken_before_the_window_counts_when_it_opens(trial: Conduct) -> None:
    (one,) = seat(trial, 1)
    record_medication(
        one,
        prescription=prescription(trial),
        by=trial.crews[0].investigator,
        now=trial.tick(),
    )
    assert outcome("S-003").prohibited_medication == ""

    treat(trial, [one])

    assert outcome("S-003").prohibited_medication == "Rituximab"
    assert Deviation.objects.get().participant == one


def test_corrected_dates_take_the_proposal_back(trial: Conduct) -> None:
    medication = enter(trial)
    before = today(trial) - timedelta(days=30)

    correct(trial, medication, started_on=before, ended_on=before, reason="wrong year")

    assert outcome().because == "Pending: the DLT window is open."
    assert Deviation.objects.get().state == "OPEN"
    correct(trial, Medication.objects.get(), started_on=before)
    assert outcome().because == PROPOSED
    assert Deviation.objects.count() == 1


def test_moved_window_is_matched_again(trial: Conduct) -> None:
    enter(trial, ended_on=today(trial))
    assert outcome().because == PROPOSED

    with study_change(trial.study, by=trial.manager, reason="moved", now=trial.tick()):
        window = DltWindow.objects.get(participant=person())
        window.opened_at = trial.now + timedelta(days=1)
        window.closes_at = trial.now + timedelta(days=30)
        window.save(update_fields=["opened_at", "closes_at"])

    assert outcome().because == "Pending: the DLT window is open."


def test_dlt_goes_before_it(trial: Conduct) -> None:
    enter(trial)

    report_dlt_of(trial, person())

    assert (outcome().letter, outcome().prohibited_medication) == ("T", "Rituximab")


def test_late_entry_takes_no_dlt_back_to_pending(trial: Conduct) -> None:
    end_windows(trial)
    trial.sign_no_dlt(person())
    assert outcome().letter == "N"
    window = DltWindow.objects.get(participant=person())
    assert window.opened_at is not None

    enter(trial, started_on=window.opened_at.date())

    assert (outcome().letter, outcome().because) == ("P", PROPOSED)
    assert outcome().has_signed_statement is True


def test_a_person_confirms_and_the_seat_is_replaced(trial: Conduct) -> None:
    enter(trial)
    assert Slot.objects.get(participant=person()).state == "CONFIRMED"

    confirm_not_evaluable(person(), reason="rituximab", by=trial.monitor, now=trial.tick())

    assert outcome().letter == "X"
    assert Slot.objects.get(participant=person()).state == "REPLACED"


def accept(trial: Conduct, medication: Medication, reason: str = "one test dose") -> Medication:
    return accept_medication(medication, reason=reason, by=trial.monitor, now=trial.tick())


def test_monitor_accepts_and_the_rest_decides(trial: Conduct) -> None:
    medication = enter(trial)
    end_windows(trial)
    trial.sign_no_dlt(person())
    assert outcome().letter == "P"

    accept(trial, medication)

    assert (outcome().letter, outcome().prohibited_medication) == ("N", "")
    assert Medication.objects.get().accepted_by == trial.monitor
    assert Deviation.objects.get().state == "OPEN"


def test_acceptance_ends_with_what_was_accepted(trial: Conduct) -> None:
    medication = accept(trial, enter(trial))

    correct(trial, medication, dose=Decimal(1000), unit="mg")

    assert outcome().prohibited_medication == "Rituximab"
    assert Medication.objects.get().accepted_because == ""


def test_acceptance_is_refused(trial: Conduct) -> None:
    medication = enter(trial)
    other = enter(trial, "Paracetamol")

    with refused("reason_needed"):
        accept(trial, medication, reason=" ")
    with refused("not_prohibited"):
        accept(trial, other)
    accept(trial, medication)
    with refused("already_accepted"):
        accept(trial, medication)


@pytest.mark.parametrize(
    ("code", "different"),
    [
        ("reason_needed", {"name": " "}),
        ("reason_needed", {"indication": ""}),
        ("unknown_route", {"route": "BY_POST"}),
        ("bad_dose", {"dose": Decimal(0), "unit": "mg"}),
        ("bad_dose", {"dose": Decimal(-1), "unit": "mg"}),
        ("bad_dose", {"dose": Decimal("NaN"), "unit": "mg"}),
        ("bad_dose", {"dose": Decimal(10)}),
        ("bad_dose", {"unit": "mg"}),
        ("future_date", {"started_on": 1}),
        ("future_date", {"ended_on": 1}),
        ("impossible_order", {"started_on": 0, "ended_on": -1}),
    ],
)
def test_entry_is_refused(trial: Conduct, code: str, different: dict[str, Any]) -> None:
    moved = {
        name: today(trial) + timedelta(days=value) if name.endswith("_on") else value
        for name, value in different.items()
    }
    medication = enter(trial, "Ibuprofen")

    with refused(code):
        enter(trial, **moved)
    with refused(code):
        correct(trial, medication, **moved)


def test_second_entry_is_refused(trial: Conduct) -> None:
    enter(trial, "Ibuprofen")
    other = enter(trial, "Ibuprofen", started_on=today(trial) - timedelta(days=9))

    with refused("already_entered"):
        enter(trial, "ibuprofen")
    with refused("already_entered"):
        correct(trial, other, "Ibuprofen")


def test_correction_needs_a_reason_and_a_change(trial: Conduct) -> None:
    medication = enter(trial)

    with refused("reason_needed"):
        correct(trial, medication, reason="")
    with refused("nothing_changed"):
        correct(trial, medication)
    correct(trial, medication, ended_on=today(trial), reason="stopped")

    history = Medication.objects.get().row_history.order_by("pgh_id")
    assert history.last().pgh_context["reason"] == "stopped"
    assert history.first().ended_on is None


def test_mail_says_no_medicine(trial: Conduct) -> None:
    enter(trial, "Ibuprofen")

    event = Event.objects.latest("id")

    assert event.sentence == "P-001: concomitant medication entered."


def test_what_was_given_on_some_days(trial: Conduct) -> None:
    day = today(trial)
    early = enter(
        trial,
        "Tocilizumab",
        started_on=day - timedelta(days=9),
        ended_on=day - timedelta(days=7),
    )
    steroid = enter(trial, "Prednisone", started_on=day - timedelta(days=2))

    def given(start: int, end: int) -> list[tuple[str, tuple[str, ...]]]:
        found = medications_in(person(), day + timedelta(days=start), day + timedelta(days=end))
        return [(row.name, row.kinds) for row in found]

    assert (early.kinds, steroid.kinds) == (["anticytokine"], ["steroid"])
    assert given(-9, 0) == [("Tocilizumab", ("anticytokine",)), ("Prednisone", ("steroid",))]
    assert given(-7, -3) == [("Tocilizumab", ("anticytokine",))]
    assert given(-6, -3) == []
    assert given(-2, -2) == [("Prednisone", ("steroid",))]
