"""Messages to other systems: what happened, never to whom or what of; signed, in one attempt.

`Ntrust-Signature: t=<seconds>,v1=<hex>` is an HMAC-SHA256 of `<seconds>.<body>` under the
webhook's secret; `Idempotency-Key` is the delivery's and the same in every attempt.
"""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import http.client
import json
import socket
import ssl
import threading
from datetime import datetime
from typing import Any, Final

from django.conf import settings
from django.utils.crypto import salted_hmac

from ntrust.errors import Refused
from ntrust.models import Delivery, Endpoint
from ntrust.notifications.circuits import check_circuit, count_try
from ntrust.notifications.targets import Target, check_target
from ntrust.notifications.undeliverable import Undeliverable
from ntrust.states import EndpointState

PATIENCE_SECONDS: Final = 5
LONGEST_SECONDS: Final = 10
"""However slowly the other side answers."""
_AGENT: Final = "ntrust-webhook/1"
_GONE: Final = 410


def secret_of(endpoint: Endpoint) -> str:
    """The secret of a webhook: shown once, when it is added."""
    digest = salted_hmac("ntrust.webhooks", endpoint.salt, algorithm="sha256").hexdigest()
    return f"whsec_{digest}"


def sign(secret: str, body: bytes, *, at: datetime) -> str:
    """The header by which the other side knows that a message is ours, and new."""
    seconds = int(at.timestamp())
    mac = hmac.new(secret.encode(), f"{seconds}.".encode() + body, hashlib.sha256).hexdigest()
    return f"t={seconds},v1={mac}"


def body_of(row: Delivery) -> bytes:
    """What a webhook is told: which study, which event, of which kind, when. No more."""
    endpoint, event = row.endpoint, row.event
    assert endpoint is not None
    said: dict[str, Any] = {
        "study": endpoint.study.key,
        "event": event.pk if event else None,
        "kind": event.kind if event else "TEST",
        "at": (event.at if event else row.planned_at).isoformat(),
        "revision": event.revision if event else endpoint.study.revision,
        "training": settings.NTRUST_MODE == "training",
    }
    return json.dumps(said, sort_keys=True).encode()


def call(row: Delivery) -> None:
    """Send a delivery to its webhook. Refuses (Undeliverable) what will never arrive: an address
    that is not public any more, a webhook that is paused, or one that says it is gone."""
    endpoint = row.endpoint
    assert endpoint is not None
    row.target, now = endpoint.url, row.claimed_at or row.planned_at
    if endpoint.state == EndpointState.PAUSED:
        raise Undeliverable("the webhook is paused")
    check_circuit(endpoint, now=now)
    try:
        _try(row, endpoint, now)
    except Exception:
        count_try(endpoint, has_failed=True, now=now)
        raise
    count_try(endpoint, has_failed=False, now=now)


def _try(row: Delivery, endpoint: Endpoint, now: datetime) -> None:
    try:
        target = check_target(endpoint.url)
    except Refused as refusal:
        if refusal.code == "private_target":
            raise Undeliverable(refusal.sentence) from refusal
        raise ConnectionError(refusal.sentence) from refusal
    body = body_of(row)
    headers = {
        "Content-Type": "application/json",
        "User-Agent": _AGENT,
        "Idempotency-Key": str(row.key),
        "Ntrust-Signature": sign(secret_of(endpoint), body, at=now),
    }
    status = post(target, body, headers)
    if status == _GONE:
        raise Undeliverable("it answers that it is gone (410)")
    if not 200 <= status < 300:
        raise ConnectionError(f"it answers {status}")


def post(target: Target, body: bytes, headers: dict[str, str]) -> int:
    """The status of one POST to the address that was checked. A redirect is an answer like any."""
    caller = http.client.HTTPConnection(target.host, target.port)
    caller.sock = socket.create_connection((target.ip, target.port), timeout=PATIENCE_SECONDS)
    watch = threading.Timer(LONGEST_SECONDS, _cut, [caller])
    watch.daemon = True
    watch.start()
    try:
        if target.is_tls:
            secure = ssl.create_default_context()
            caller.sock = secure.wrap_socket(caller.sock, server_hostname=target.host)
        caller.request("POST", target.path, body, headers)
        return caller.getresponse().status
    except http.client.HTTPException as error:
        raise ConnectionError(f"no answer that can be read: {type(error).__name__}") from error
    finally:
        watch.cancel()
        caller.close()


def _cut(caller: http.client.HTTPConnection) -> None:
    """Hang up on somebody who keeps us waiting."""
    with contextlib.suppress(OSError, AttributeError):
        caller.sock.shutdown(socket.SHUT_RDWR)
