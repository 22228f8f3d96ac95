"""Alerts are never kept waiting by a lock: what cannot be applied now is kept, and applied first.

A page raises an alert with `raise_alert`. When the study stays locked for `LOCK_LIMIT` the alert is
written to the inbox, which needs no lock, and the next change of the study applies it before
anything else, under its author's name. Beat and the worker open such a change when nobody else
does.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any, Final

import structlog
from django.apps import apps
from django.db import transaction
from django.db.models import Model

from cohorts.actions import place_hold
from ntrust import clock
from ntrust.change import BUSY, Change, is_rehearsal, study_change, waiting_at_most
from ntrust.errors import Refused
from ntrust.models import Study, User
from ntrust.notifications import ask_worker
from ntrust.policies import check_role
from ntrust.signing import content_hash
from ntrust.states import Role
from safety.actions.events import report_event
from safety.actions.reports import report_dlt
from safety.models import InboxAlert, InboxResult
from safety.policies import EventDetails
from safety.states import AlertKind, AlertResult

log = structlog.get_logger(__name__)

LOCK_LIMIT: Final = timedelta(seconds=5)
PASS_TIME_TASK: Final = "safety.tasks.pass_time"  # noqa: S105 - a task
_ACTIONS: Final[Mapping[str, Callable[..., Any]]] = {
    AlertKind.EVENT: report_event,
    AlertKind.DLT: report_dlt,
    AlertKind.HOLD: place_hold,
}
_NOTHING_NEW: Final = ("already_entered", "already_held")
"""Refusals of an alert that came in by another way meanwhile: nothing is lost."""


@dataclass(frozen=True)
class Received:
    """What an alert led to: what its action answered, or the alert in the inbox."""

    done: Any = None
    kept: InboxAlert | None = None

    @property
    def said(self) -> str:
        """What the person is told of an alert that was kept."""
        if self.kept is None:
            return ""
        if self.kept.trouble:
            return (
                "The alert is received, but could not be applied. Study manager and medical "
                "monitor are told: call them as well."
            )
        return "The alert is received. It will be applied first, before any other change."


def raise_alert(
    kind: str,
    about: Model,
    *,
    by: User,
    limit: timedelta = LOCK_LIMIT,
    now: datetime | None = None,
    **entered: Any,
) -> Received:
    """Report an event or a DLT, or place a hold; kept in the inbox when the study stays locked.

    `about` is what the action takes first: participant, event or study. Refuses what the action
    refuses. An alert that breaks the action is kept too, and a person looks at it.
    """
    action = _ACTIONS[kind]
    try:
        with waiting_at_most(limit):
            return Received(done=action(about, by=by, now=now, **entered))
    except Refused as refusal:
        if refusal.code != BUSY or is_rehearsal():
            raise
        trouble = ""
    except Exception as error:
        if is_rehearsal():
            raise
        log.exception("alert_not_applied", kind=kind)
        trouble = type(error).__name__
    content = {"about": _pack(about), "entered": _pack(entered)}
    kept = InboxAlert.objects.create(
        study=_study_of(about),
        kind=kind,
        content=content,
        content_hash=content_hash(content),
        trouble=trouble,
        received_at=now or clock.now(),
        received_by=by,
    )
    transaction.on_commit(lambda: ask_worker(PASS_TIME_TASK), robust=True)
    return Received(kept=kept)


def apply_inbox(change: Change) -> None:
    """Apply what waits in the inbox, in the order in which it came, each alert as its author's."""
    waiting = InboxAlert.objects.filter(study=change.study, results__isnull=True)
    for alert in waiting.select_related("received_by").order_by("id"):
        said, result = _apply(change, alert)
        with transaction.atomic(), change.acting_for(None, reason="alert from the inbox"):
            if result == AlertResult.FAILED:
                what = f"An alert of {alert.received_by} could not be applied: look at it now."
                change.record("ALERT_NOT_APPLIED", what, alert=alert.pk)
            InboxResult.objects.create(alert=alert, result=result, said=said, at=change.now)


def _apply(change: Change, alert: InboxAlert) -> tuple[str, AlertResult]:
    """Apply one alert in a savepoint of its own: a bad one is left out, and nothing else is."""
    if alert.trouble:
        return alert.trouble, AlertResult.FAILED
    if content_hash(alert.content) != alert.content_hash:
        return "The content is not what was received.", AlertResult.FAILED
    happened = len(change.happenings)
    author, at = alert.received_by, alert.received_at
    try:
        with transaction.atomic(), change.acting_for(author, reason="alert", at=at):
            about, entered = _unpack(alert.content["about"]), _unpack(alert.content["entered"])
            _ACTIONS[alert.kind](about, by=author, **entered)
    except Refused as refusal:
        del change.happenings[happened:]
        is_known = refusal.code in _NOTHING_NEW
        return refusal.sentence, AlertResult.APPLIED if is_known else AlertResult.FAILED
    except Exception as error:
        del change.happenings[happened:]
        log.exception("alert_not_applied", alert=alert.pk)
        return type(error).__name__, AlertResult.FAILED
    return "Applied.", AlertResult.APPLIED


def settle_alert(
    alert: InboxAlert, *, reason: str, by: User, now: datetime | None = None
) -> InboxResult:
    """State that an alert which could not be applied is dealt with, and how.

    Study manager or medical monitor. Refuses a blank reason, and an alert that did not fail or is
    settled already (`not_failed`).
    """
    check_role(by, alert.study, [Role.STUDY_MANAGER, Role.MEDICAL_MONITOR])
    with study_change(alert.study, by=by, reason=reason, now=now) as change:
        results = set(alert.results.values_list("result", flat=True))
        if results != {AlertResult.FAILED}:
            raise Refused("not_failed", "This alert was applied, or is settled already.")
        settled = InboxResult.objects.create(
            alert=alert, result=AlertResult.SETTLED, said=reason, at=change.now, by=by
        )
        what = f"The alert that could not be applied is settled: {reason}"
        change.record("ALERT_SETTLED", what, alert=alert.pk, detail=reason)
    return settled


def _study_of(about: Any) -> Study:
    if isinstance(about, Study):
        return about
    participant = getattr(about, "participant", about)
    study: Study = participant.study
    return study


def _pack(value: Any) -> Any:
    """An argument of an action as plain data. Refuses (TypeError) what has no plain form."""
    if value is None or isinstance(value, str | bool | int):
        return str(value) if isinstance(value, str) else value
    for kind, name in ((datetime, "moment"), (date, "day")):
        if isinstance(value, kind):
            return {"is": name, "value": value.isoformat()}
    if isinstance(value, Decimal):
        return {"is": "number", "value": str(value)}
    if isinstance(value, Model):
        return {"is": "row", "of": value._meta.label, "value": value.pk}
    if isinstance(value, EventDetails):
        said = {field.name: getattr(value, field.name) for field in fields(value)}
        return {"is": "details", "value": _pack(said)}
    if isinstance(value, Mapping):
        return {"is": "mapping", "value": {key: _pack(one) for key, one in value.items()}}
    if isinstance(value, list | tuple):
        return [_pack(one) for one in value]
    raise TypeError(f"{type(value).__name__} cannot be kept in the inbox")


def _unpack(packed: Any) -> Any:
    """What `_pack` was given; a list comes back as a tuple."""
    if isinstance(packed, list):
        return tuple(_unpack(one) for one in packed)
    if not isinstance(packed, dict):
        return packed
    value = packed["value"]
    if packed["is"] == "row":
        return apps.get_model(packed["of"])._default_manager.get(pk=value)
    return _MADE_FROM[packed["is"]](value)


def _mapping(value: Mapping[str, Any]) -> dict[str, Any]:
    return {key: _unpack(one) for key, one in value.items()}


_MADE_FROM: Final[Mapping[str, Callable[[Any], Any]]] = {
    "moment": datetime.fromisoformat,
    "day": date.fromisoformat,
    "number": Decimal,
    "details": lambda value: EventDetails(**_unpack(value)),
    "mapping": _mapping,
}
