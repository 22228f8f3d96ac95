"""Alerts that wait for a word, and the people who stand in for one another."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from cohorts.actions import place_hold
from ntrust.actions import enter_absence, grant_role, name_deputy
from ntrust.models import Event, Notification, Study, User
from ntrust.states import Role
from safety.actions import pass_time_everywhere
from safety.management.conduct import Conduct, enlist
from tests.factories import PASSWORD, make_trial, open_level, run_cohort

MINUTES = 30
CREW = ["INVESTIGATOR", "PHARMACIST"]
RULES: dict[str, Any] = {
    "HOLD_PLACED": {
        "roles": CREW,
        "urgent": True,
        "acknowledge": {"minutes": MINUTES, "then": ["MEDICAL_MONITOR", "STUDY_MANAGER"]},
    },
    "ALERT_UNANSWERED": {"roles": ["STUDY_MANAGER", "MEDICAL_MONITOR"], "urgent": True},
}


def build_awaiting() -> Conduct:
    """Two sites and a second monitor; a hold tells the crews, who have to say that they know."""
    trial = open_level(make_trial(sites=2))
    run_cohort(trial, 1, "P")
    common: dict[str, Any] = {"study": trial.study, "password": PASSWORD, "now": trial.now}
    enlist("monitor-2", role=Role.MEDICAL_MONITOR, **common)
    enlist("sub-1", role=Role.INVESTIGATOR, site=trial.crews[0].site, **common)
    Study.objects.filter(pk=trial.study.pk).update(notification_rules=RULES)
    return trial


def hold_site(trial: Conduct, crew: int = 0) -> Event:
    """A hold on a site; only its crew is told."""
    rule = {**RULES["HOLD_PLACED"], "scope": "site"}
    Study.objects.filter(pk=trial.study.pk).update(
        notification_rules={**RULES, "HOLD_PLACED": rule}
    )
    place_hold(
        trial.study,
        scope="SITE",
        site=trial.crews[crew].site,
        reason="P-001 had a fit",
        by=trial.monitor,
        now=trial.tick(),
    )
    return Event.objects.filter(kind="HOLD_PLACED").latest("id")


def names(rows: Any) -> list[str]:
    return sorted(rows.values_list("recipient__username", flat=True))


def told(event: Event, *, step: int) -> list[str]:
    return names(Notification.objects.filter(event=event, step=step))


def told_to(event: Event, user: User) -> Notification:
    return Notification.objects.get(event=event, recipient=user)


def wait(trial: Conduct, minutes: float) -> datetime:
    """So many minutes pass, and moments are applied."""
    trial.now += timedelta(minutes=minutes)
    pass_time_everywhere(now=trial.now)
    return trial.now


def said(kind: str) -> list[str]:
    """Sentences of the events of a kind, in order."""
    rows = Event.objects.filter(kind=kind).order_by("id")
    return list(rows.values_list("sentence", flat=True))


def person(name: str) -> User:
    return User.objects.get(username=name)


def let_stand_in(trial: Conduct, user: User, deputy: User) -> None:
    name_deputy(
        trial.study,
        user=user,
        deputy=deputy,
        reason="as agreed",
        by=trial.manager,
        now=trial.tick(),
    )


def send_away(trial: Conduct, user: User, deputy: User, *, days: float = 7) -> None:
    enter_absence(
        trial.study,
        user=user,
        deputy=deputy,
        starts_at=trial.now,
        ends_at=trial.now + timedelta(days=days),
        reason="on leave",
        by=trial.manager,
        now=trial.tick(),
    )


def give_role(trial: Conduct, user: User, role: str, site: Any = None) -> None:
    grant_role(user, study=trial.study, role=role, site=site, by=None, now=trial.now)
