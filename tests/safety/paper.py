"""A trial conducted here, written down as the spreadsheet of a trial that runs elsewhere."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from io import BytesIO
from typing import Any
from zoneinfo import ZoneInfo

from openpyxl import load_workbook

from cohorts.models import Decision, Outcome, Participant
from dosing.models import Course
from ntrust.models import Study
from safety.actions import sign_take_over, stage_take_over
from safety.management.conduct import Conduct
from safety.models import AdverseEvent, TakeOver, WindowStatement
from safety.spreadsheets import make_template
from safety.takeover import SHEETS, Line
from tests.factories import PASSWORD, make_trial

Rows = dict[str, list[dict[str, Any]]]


def beside(trial: Conduct, **document: Any) -> Conduct:
    """A second study at the same time, in which nobody is."""
    return replace(make_trial(key="empty", sites=2, **document), now=trial.now)


def live(trial: Conduct) -> Conduct:
    """The study that was conducted here, with its own people."""
    study = Study.objects.get(key="trial")
    members = {row.role: row.user for row in study.memberships.select_related("user")}
    crew = type(trial.crews[0])(study.sites.get(), members["INVESTIGATOR"], members["PHARMACIST"])
    return replace(
        trial,
        study=study,
        manager=members["STUDY_MANAGER"],
        monitor=members["MEDICAL_MONITOR"],
        crews=[crew],
    )


def stage(trial: Conduct, rows: Rows) -> TakeOver:
    """The rows staged, in a study in which nobody is."""
    return stage_take_over(trial.study, book=as_book(rows), by=trial.manager, now=trial.tick())


def sign(trial: Conduct, staged: TakeOver, **other: Any) -> TakeOver:
    """The monitor's signature, unless other is said."""
    given: dict[str, Any] = {
        "seen_hash": staged.content_hash,
        "by": trial.monitor,
        "password": PASSWORD,
        "now": trial.tick(),
    }
    return sign_take_over(staged, **{**given, **other})


def take_over(trial: Conduct, rows: Rows) -> TakeOver:
    """Staged, and signed by both."""
    staged = stage(trial, rows)
    sign(trial, staged, by=trial.manager)
    return sign(trial, staged)


def person(trial: Conduct, subject: str) -> Participant:
    return Participant.objects.get(study=trial.study, subject_number=subject)


def write_down(study: Study) -> Rows:
    """Every row of the four sheets."""
    rows: Rows = {name: [] for name in SHEETS}
    outcomes = Outcome.objects.filter(study=study).select_related("participant__site", "level")
    for outcome in outcomes.order_by("participant_id"):
        course = Course.objects.get(participant=outcome.participant)
        rows["participants"].append(participant_row(outcome, course))
        rows["infusions"] += [
            {
                "subject_number": str(outcome.participant),
                "number": infusion.number,
                "state": infusion.state,
                "given_at": local(infusion.given_at, outcome),
                "viable_cells": infusion.given_cells,
            }
            for infusion in course.infusions.exclude(given_at=None)
        ]
        rows["outcomes"].append(outcome_row(outcome))
    for decision in Decision.objects.filter(study=study):
        assert decision.signed_at is not None
        rows["decisions"].append(
            {
                "number": decision.number,
                "decided_on": decision.signed_at.date(),
                "verdict": decision.verdict,
                "level": decision.level and decision.level.ordinal,
                "seats": decision.seats,
                "reference": f"minutes {decision.number}",
            }
        )
    return rows


def local(moment: datetime | None, outcome: Outcome) -> str:
    """The site's own time, without its zone."""
    if moment is None:
        return ""
    zone = ZoneInfo(outcome.participant.site.timezone)
    return f"{moment.astimezone(zone):%Y-%m-%d %H:%M:%S}"


def participant_row(outcome: Outcome, course: Course) -> dict[str, Any]:
    person = outcome.participant
    return {
        "subject_number": person.subject_number,
        "screening_number": person.screening_number,
        "site": person.site.code,
        "disease": person.disease,
        "protocol_version": person.protocol_version.version,
        "consented_on": person.consented_at.date(),
        "level": outcome.level.ordinal,
        "regimen": course.regimen,
        "ld_started_on": course.started_at.date(),
        "ld_ended_on": course.ended_at and course.ended_at.date(),
    }


def outcome_row(outcome: Outcome) -> dict[str, Any]:
    row: dict[str, Any] = {
        "subject_number": str(outcome.participant),
        "outcome": outcome.letter,
        "reason": outcome.not_evaluable_because,
    }
    statement = WindowStatement.objects.filter(participant=outcome.participant).first()
    if statement is not None:
        row["stated_on"] = statement.signed_at.date()
    event = AdverseEvent.objects.filter(participant=outcome.participant).first()
    if event is not None:
        row |= {
            "dlt_term": event.term,
            "dlt_grade": event.grade,
            "dlt_grading_system": event.grading_system,
            "dlt_causality": event.causality,
            "dlt_serious": "yes" if event.is_serious else "no",
            "dlt_aware": local(event.aware_at, outcome),
            "dlt_onset": local(event.onset_at, outcome),
            "dlt_criterion": event.dlt_reports.get().criterion,
        }
    return row


def as_book(rows: Rows) -> dict[str, list[Line]]:
    """The rows as the reader gives them; row 1 has the names."""
    return {
        sheet: [
            Line(number, {name: "" if cell is None else str(cell) for name, cell in row.items()})
            for number, row in enumerate(lines, start=2)
        ]
        for sheet, lines in rows.items()
    }


def as_workbook(rows: Rows) -> bytes:
    """The template, filled in."""
    book = load_workbook(BytesIO(make_template()))
    for sheet, lines in rows.items():
        for row in lines:
            book[sheet].append([row.get(column.name) for column in SHEETS[sheet]])
    packed = BytesIO()
    book.save(packed)
    return packed.getvalue()
