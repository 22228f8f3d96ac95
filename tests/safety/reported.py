"""A trial with DLT reports, and how people act on them over pages."""

from __future__ import annotations

import re
from typing import Any

from django.http import HttpResponse
from django.test import Client
from django.urls import reverse

from ntrust.models import Study, User
from safety.actions import supersede_dlt
from safety.management.conduct import Conduct
from safety.models import DltReport, Superseding
from tests.factories import (
    PASSWORD,
    make_trial,
    open_level,
    report_dlt_of,
    run_cohort,
)


def build() -> Conduct:
    """Three treated at level 1: a DLT, a provisional one, and a third at the other site."""
    trial = open_level(make_trial(sites=2))
    people = run_cohort(trial, 1, "PP")
    report_dlt_of(trial, people[0])
    report_dlt_of(trial, people[1], "IN72H")
    return trial


def reported() -> DltReport:
    return DltReport.objects.get(event__participant__screening_number="S-001")


def provisional() -> DltReport:
    return DltReport.objects.get(event__participant__screening_number="S-002")


def propose(trial: Conduct) -> Superseding:
    report = reported()
    return supersede_dlt(
        report,
        kind="WITHDRAWN",
        reason="the wrong patient",
        by=trial.investigator_of(report.event.participant),
        now=trial.tick(),
    )


def revision() -> int:
    return Study.objects.get(key="trial").revision


def signed(user: User, **entered: Any) -> dict[str, Any]:
    return {"username": user.username, "password": PASSWORD, **entered}


def sealed(page: HttpResponse) -> dict[str, str]:
    """What the page of the check sends again."""
    found = re.findall(r'type="hidden"\s+name="([^"]+)"\s+value="([^"]*)"', page.content.decode())
    return {name: value.replace("&#x27;", "'") for name, value in found}


def check_and_send(client: Client, address: str, data: dict[str, Any], user: User) -> HttpResponse:
    """Both presses: the check, then the same with a signature."""
    page = client.post(address, {"revision": revision(), **data})
    assert page.status_code == 200, page.content.decode()
    return client.post(address, {**sealed(page), **signed(user)})


def act(name: str, report: DltReport) -> str:
    return reverse(f"safety:{name}", args=["trial", report.pk])


PAGE = "/studies/trial/reports/"
