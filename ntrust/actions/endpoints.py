"""Webhooks: other systems that hear of a study's events."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from django.db import transaction

from ntrust.change import study_change
from ntrust.errors import Refused
from ntrust.models import Delivery, Endpoint, Study, User
from ntrust.notifications import check_target, nudge
from ntrust.policies import check_role
from ntrust.states import ENDPOINT, EVENT_KINDS, Channel, EndpointState, Role


def add_endpoint(  # noqa: PLR0913 - what a webhook is
    study: Study,
    *,
    name: str,
    url: str,
    kinds: Iterable[str] = (),
    reason: str,
    by: User,
    now: datetime | None = None,
) -> Endpoint:
    """Let another system hear of a study's events, of all `kinds` or of these.

    Refuses a blank reason, a kind that is never recorded (`unknown_kind`), an address that is not
    https or not public (`bad_target`, `private_target`), and a name that is taken.
    """
    check_role(by, study, [Role.STUDY_MANAGER])
    wanted = sorted(set(kinds))
    if not name.strip() or not reason.strip():
        raise Refused("reason_needed", "Give it a name, and say why.")
    if unknown := set(wanted) - EVENT_KINDS:
        raise Refused("unknown_kind", f"Nothing of the kind {min(unknown)} is ever recorded.")
    check_target(url)
    with study_change(study, by=by, reason=reason, now=now) as change:
        if Endpoint.objects.filter(study=study, name=name.strip()).exists():
            raise Refused("webhook_exists", f"There is a webhook {name} already.")
        endpoint = Endpoint.objects.create(
            study=change.study, name=name.strip(), url=url, kinds=wanted, added_at=change.now
        )
        said = f"Webhook {endpoint.name} added: {reason}"
        change.record("WEBHOOK_ADDED", said, endpoint=endpoint.pk, detail=reason)
    return endpoint


def pause_endpoint(
    endpoint: Endpoint, *, reason: str, by: User, now: datetime | None = None
) -> Endpoint:
    """Plan nothing for a webhook; what is planned already fails, and can be sent again later."""
    return _move(endpoint, to=EndpointState.PAUSED, reason=reason, by=by, now=now)


def resume_endpoint(
    endpoint: Endpoint, *, reason: str, by: User, now: datetime | None = None
) -> Endpoint:
    """Let a paused webhook hear again, with its circuit closed. Refuses an address that is not
    public any more."""
    check_role(by, endpoint.study, [Role.STUDY_MANAGER])
    check_target(endpoint.url)
    return _move(endpoint, to=EndpointState.ACTIVE, reason=reason, by=by, now=now)


def try_endpoint(
    endpoint: Endpoint, *, reason: str, by: User, now: datetime | None = None
) -> Delivery:
    """Plan a message of the kind TEST for a webhook. Refuses one that is paused."""
    check_role(by, endpoint.study, [Role.STUDY_MANAGER])
    if not reason.strip():
        raise Refused("reason_needed", "Say why.")
    with study_change(endpoint.study, by=by, reason=reason, now=now) as change:
        endpoint = Endpoint.objects.get(pk=endpoint.pk)
        if endpoint.state != EndpointState.ACTIVE:
            raise Refused("webhook_paused", f"Webhook {endpoint.name} is paused: resume it.")
        made = Delivery.objects.create(
            endpoint=endpoint,
            channel=Channel.WEBHOOK,
            planned_at=change.now,
            next_try_at=change.now,
        )
        said = f"Webhook {endpoint.name} is tried: {reason}"
        change.record("WEBHOOK_TESTED", said, endpoint=endpoint.pk, detail=reason)
        transaction.on_commit(nudge, robust=True)
    return made


def _move(
    endpoint: Endpoint, *, to: EndpointState, reason: str, by: User, now: datetime | None
) -> Endpoint:
    check_role(by, endpoint.study, [Role.STUDY_MANAGER])
    if not reason.strip():
        raise Refused("reason_needed", "Say why.")
    with study_change(endpoint.study, by=by, reason=reason, now=now) as change:
        row = Endpoint.objects.select_for_update().get(pk=endpoint.pk)
        ENDPOINT.check(row.state, to)
        row.state, row.failures, row.opened_at = to, 0, None
        row.save(update_fields=["state", "failures", "opened_at"])
        kind, word = _SAID[to]
        said = f"Webhook {row.name} {word}: {reason}"
        change.record(kind, said, endpoint=row.pk, detail=reason)
    return row


_SAID = {
    EndpointState.PAUSED: ("WEBHOOK_PAUSED", "paused"),
    EndpointState.ACTIVE: ("WEBHOOK_RESUMED", "hears again"),
}
