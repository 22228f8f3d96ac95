"""Taking in treatment that was given on paper: the course, its infusions, the DLT window."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from cohorts.models import DoseLevel, Participant
from cohorts.policies import document_of
from dosing.actions.facts import infusion_facts
from dosing.actions.infusions import note_deviations
from dosing.models import Course, DltWindow, Infusion
from dosing.policies import Given, site_day
from dosing.states import InfusionState, WindowState
from dosing.windows import window_close
from ntrust.change import Change


@dataclass(frozen=True)
class PaperInfusion:
    """What became of a planned infusion: given, or missed and why."""

    given_at: datetime | None = None
    given_cells: Decimal | None = None
    reason: str = ""
    is_missed_for_toxicity: bool = False


@dataclass(frozen=True)
class PaperCourse:
    """A first cycle. Infusions without an entry are still planned. `is_stated`: the statement at
    the window's end is signed."""

    level: DoseLevel
    regimen: str
    started_at: datetime
    ended_at: datetime | None
    infusions: Mapping[int, PaperInfusion]
    is_stated: bool


def take_in_course(change: Change, participant: Participant, paper: PaperCourse) -> dict[str, Any]:
    """Write the course and answer the facts for the outcome. The window is what the infusions'
    times make it; what was given outside windows and tolerance is noted as for everybody. The
    doses of the lymphodepletion stay on paper."""
    day_0 = _day_0(participant, paper)
    protocol = document_of(participant.protocol_version)
    oldest = protocol.lymphodepletion_limits.oldest_days
    zone = ZoneInfo(participant.site.timezone)
    course = Course.objects.create(
        participant=participant,
        level=paper.level,
        regimen=paper.regimen,
        started_at=paper.started_at,
        ended_at=paper.ended_at,
        planned_infusion_at=datetime.combine(day_0, time(), tzinfo=zone),
        old_at=None if oldest is None else paper.started_at + timedelta(days=oldest),
    )
    infusions = [
        _write_infusion(
            course,
            number,
            planned_date=day_0 + timedelta(days=day),
            paper=paper.infusions.get(number),
        )
        for number, day in enumerate(protocol.infusions.days, start=1)
    ]
    for infusion in infusions:
        if infusion.given_at is not None and infusion.given_cells is not None:
            given = Given(given_at=infusion.given_at, given_cells=infusion.given_cells)
            note_deviations(change, infusion, given)
    return {
        "regimen": paper.regimen,
        "lymphodepletion_given": paper.ended_at is not None,
        "infusions": infusion_facts(infusions),
        **_write_window(change, participant, infusions, is_stated=paper.is_stated),
    }


def _day_0(participant: Participant, paper: PaperCourse) -> date:
    """The day of infusion 1; before it, what the regimen's first day leads to."""
    zone = participant.site.timezone
    first = paper.infusions.get(1)
    if first is not None and first.given_at is not None:
        return site_day(first.given_at, zone)
    regimen = document_of(participant.protocol_version).regimen(paper.regimen)
    return site_day(paper.started_at, zone) - timedelta(days=min(regimen.days))


def _write_infusion(
    course: Course, number: int, *, planned_date: date, paper: PaperInfusion | None
) -> Infusion:
    facts: dict[str, Any] = {}
    if paper is not None and paper.given_at is not None:
        facts = {
            "state": InfusionState.GIVEN,
            "given_at": paper.given_at,
            "given_cells": paper.given_cells,
            "reduced_because": paper.reason,
        }
    elif paper is not None:
        facts = {
            "state": InfusionState.MISSED,
            "not_given_because": paper.reason,
            "is_missed_for_toxicity": paper.is_missed_for_toxicity,
        }
    return Infusion.objects.create(
        course=course,
        number=number,
        planned_date=planned_date,
        assigned_cells=course.level.dose,
        is_legacy=paper is not None,
        **facts,
    )


def _write_window(
    change: Change, participant: Participant, infusions: list[Infusion], *, is_stated: bool
) -> dict[str, Any]:
    """Closed with its statement; over without one, the statement is due, and people are told."""
    opened_at = min((i.given_at for i in infusions if i.given_at is not None), default=None)
    rules = document_of(participant.protocol_version).window
    closes_at = window_close(infusions, rules, zone=participant.site.timezone)
    is_over = closes_at is not None and closes_at <= change.now
    state = WindowState.NOT_OPEN if opened_at is None else WindowState.OPEN
    if is_over:
        state = WindowState.CLOSED if is_stated else WindowState.AWAITING_STATEMENT
    DltWindow.objects.create(
        participant=participant, state=state, opened_at=opened_at, closes_at=closes_at
    )
    if state == WindowState.AWAITING_STATEMENT:
        change.record(
            "STATEMENT_DUE",
            f"The DLT window of {participant} is over: the signed statement is due.",
            subject=str(participant),
            site=participant.site,
        )
    return {
        "first_infused_at": opened_at,
        "window_closes_at": closes_at,
        "is_window_over": is_over,
    }
