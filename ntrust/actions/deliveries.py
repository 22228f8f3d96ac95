"""Messages that could not be sent, sent again."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from django.db import transaction

from ntrust.change import Change, study_change
from ntrust.errors import Refused
from ntrust.models import Delivery, Study, User
from ntrust.notifications import nudge
from ntrust.policies import check_role
from ntrust.queries import deliveries_of
from ntrust.states import DELIVERY, DeliveryState, Role


def send_again(
    delivery: Delivery, *, study: Study, reason: str, by: User, now: datetime | None = None
) -> Delivery:
    """Plan a message that has failed once more, with its attempts anew and under the same key.

    Refuses a blank reason, one that is not the study's (`not_found`), and one that has not failed.
    """
    check_role(by, study, [Role.STUDY_MANAGER])
    if not reason.strip():
        raise Refused("reason_needed", "Say why.")
    with study_change(study, by=by, reason=reason, now=now) as change:
        row = deliveries_of(study).filter(pk=delivery.pk).first()
        if row is None:
            raise Refused("not_found", "There is no such message in this study.")
        DELIVERY.check(row.state, DeliveryState.PLANNED)
        if row.state != DeliveryState.FAILED:
            raise Refused("not_failed", "This message has not failed: it is still being sent.")
        _plan(change, [row])
    return Delivery.objects.get(pk=row.pk)


def send_all_again(
    study: Study, *, reason: str, by: User, now: datetime | None = None
) -> list[Delivery]:
    """Plan every message of the study that has failed once more. Refuses a blank reason, and when
    there is none (`nothing_failed`)."""
    check_role(by, study, [Role.STUDY_MANAGER])
    if not reason.strip():
        raise Refused("reason_needed", "Say why.")
    with study_change(study, by=by, reason=reason, now=now) as change:
        rows = list(deliveries_of(study).filter(state=DeliveryState.FAILED).order_by("id"))
        if not rows:
            raise Refused("nothing_failed", "Every message has been sent, or is still being tried.")
        _plan(change, rows)
    return rows


def _plan(change: Change, rows: Iterable[Delivery]) -> None:
    """Back to planned; whoever sends a row meanwhile is waited for."""
    locked = Delivery.objects.select_for_update().filter(pk__in=[row.pk for row in rows])
    count = 0
    for row in locked.filter(state=DeliveryState.FAILED).order_by("id"):
        row.state, row.attempts = DeliveryState.PLANNED, 0
        row.next_try_at, row.claimed_at = change.now, None
        row.save(update_fields=["state", "attempts", "next_try_at", "claimed_at"])
        count += 1
    messages = "1 message is" if count == 1 else f"{count} messages are"
    change.record("SENT_AGAIN", f"{messages} sent again: {change.reason}", detail=change.reason)
    transaction.on_commit(nudge, robust=True)
