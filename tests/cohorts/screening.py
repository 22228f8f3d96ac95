"""A small protocol section and a candidate, for tests of screening."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from cohorts.actions import enter_results, plan_treatment_dates
from cohorts.models import Participant, Screening
from cohorts.policies import Entry
from safety.management.conduct import Conduct
from tests.factories import DISEASE, PASSWORD, make_trial

ELIGIBILITY: dict[str, Any] = {
    "groups": {"LN": DISEASE},
    "anchors": {
        "consent": "consent",
        "screening": "the screening visit",
        "lymphodepletion": "planned lymphodepletion",
        "first_infusion": "infusion 1",
    },
    "fields": [
        {
            "key": "egfr",
            "label": "eGFR",
            "kind": "number",
            "unit": "mL/min",
            "decimals": 1,
            "lowest": "1",
            "highest": "200",
            "accepts": {"mL/s": "60"},
            "valid_days": 28,
        },
        {
            "key": "ast",
            "label": "AST",
            "kind": "number",
            "unit": "U/L",
            "lowest": "1",
            "highest": "20000",
            "has_upper_limit": True,
            "upper_limit_lowest": "15",
            "upper_limit_highest": "100",
            "valid_days": 7,
        },
        {"key": "infection", "label": "Last infection", "kind": "date", "may_be_never": True},
        {"key": "biopsy", "label": "Biopsy", "kind": "yes_no", "groups": ["LN"]},
        {"key": "other", "label": "Other condition", "kind": "judgement"},
    ],
    "criteria": [
        {
            "id": "GI1",
            "group": "LN",
            "kind": "inclusion",
            "text": "A biopsy was taken",
            "check": {"field": "biopsy", "is": "yes"},
        },
        {
            "id": "GE1",
            "group": "general",
            "kind": "exclusion",
            "text": "eGFR < 45",
            "check": {"field": "egfr", "below": "45"},
        },
        {
            "id": "GE2",
            "group": "general",
            "kind": "exclusion",
            "text": "AST at least 3 times the upper limit",
            "check": {"field": "ast", "at_least": "3", "times_upper_limit": True},
        },
        {
            "id": "GE3",
            "group": "general",
            "kind": "exclusion",
            "text": "Infection within 30 days of lymphodepletion",
            "check": {
                "field": "infection",
                "within": {"days": 30, "before": "lymphodepletion"},
            },
        },
        {
            "id": "GE4",
            "group": "general",
            "kind": "exclusion",
            "text": "Any other condition",
            "check": {"field": "other", "is": "yes"},
        },
    ],
}


def screening_trial() -> Conduct:
    """Two sites and a protocol with criteria; nobody screened."""
    return make_trial(sites=2, eligibility=ELIGIBILITY)


def entry(trial: Conduct, field: str, **changed: Any) -> Entry:
    """A good entry of a field, measured today."""
    today = trial.now.date()
    good: dict[str, dict[str, Any]] = {
        "egfr": {"value": "74", "unit": "mL/min", "measured_on": today},
        "ast": {"value": "24", "unit": "U/L", "measured_on": today, "upper_limit": "40"},
        "infection": {"value": "never"},
        "biopsy": {"value": "yes"},
        "other": {"value": "no", "comment": "none known"},
    }
    return Entry(field, **{**good[field], **changed})


def enter(trial: Conduct, person: Participant, *entries: Entry, reason: str = "") -> Screening:
    return enter_results(
        person,
        entries=entries,
        reason=reason,
        by=trial.investigator_of(person),
        now=trial.tick(),
    )


def plan(trial: Conduct, person: Participant, **changed: Any) -> Screening:
    """The visit today, lymphodepletion in four days, infusion 1 in nine."""
    today = trial.now.date()
    days = {
        "visit_date": today,
        "lymphodepletion_date": today + timedelta(days=4),
        "first_infusion_date": today + timedelta(days=9),
        **changed,
    }
    return plan_treatment_dates(person, by=trial.investigator_of(person), now=trial.tick(), **days)


def candidate(trial: Conduct, *, crew: int = 0, **changed: dict[str, Any]) -> Participant:
    """Somebody with all dates and results; `changed` by field."""
    person = trial.consent(disease=DISEASE, crew=crew)
    plan(trial, person)
    fields = ("egfr", "ast", "infection", "biopsy", "other")
    enter(trial, person, *(entry(trial, key, **changed.get(key, {})) for key in fields))
    return person


def signing(trial: Conduct, person: Participant) -> dict[str, Any]:
    return {"by": trial.investigator_of(person), "password": PASSWORD, "now": trial.tick()}
