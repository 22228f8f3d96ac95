"""Messages to a person's own chat or telephone, through apprise: that something waits, no more.

Only services that the installation allows are used (`CHAT_SERVICES`), each with an address of its
own, which has to be public whenever something is sent. Where a person could name the host, what
apprise connects to could not be held to the address that was checked: such services are not in the
table. What leads to a chat is sealed as soon as it is entered, and neither shown nor logged.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Final
from urllib.parse import urlsplit

from apprise import NotifyBase
from apprise.plugins.custom_json import NotifyJSON
from apprise.plugins.discord import NotifyDiscord
from apprise.plugins.pushover import NotifyPushover
from apprise.plugins.seven import NotifySeven
from apprise.plugins.slack import NotifySlack
from apprise.plugins.telegram import NotifyTelegram
from apprise.plugins.threema import NotifyThreema
from apprise.plugins.twilio import NotifyTwilio
from apprise.plugins.vonage import NotifyVonage
from apprise.plugins.webexteams import NotifyWebexTeams
from cryptography.fernet import Fernet, InvalidToken
from django.conf import settings
from django.urls import reverse
from django.utils.crypto import salted_hmac

from ntrust.errors import Refused
from ntrust.models import Chat, Delivery
from ntrust.notifications.circuits import check_circuit, count_try
from ntrust.notifications.targets import look_up
from ntrust.notifications.undeliverable import Undeliverable

SERVICES: Final[Mapping[str, type[NotifyBase]]] = {
    "slack": NotifySlack,
    "discord": NotifyDiscord,
    "tgram": NotifyTelegram,
    "wxteams": NotifyWebexTeams,
    "pover": NotifyPushover,
    "threema": NotifyThreema,
    "twilio": NotifyTwilio,
    "vonage": NotifyVonage,
    "seven": NotifySeven,
}
"""What reaches a service, by its name; nothing else of apprise is ever called."""
_HERE: Final = "json"
"""A service on this machine itself, where messages may go there: for tests and training."""
_LONGEST: Final = 400
_TLS_PORT: Final = 443


def allowed_services() -> tuple[str, ...]:
    """The services that people may be told by here."""
    here = (_HERE,) if settings.NTRUST_LOOPBACK_TARGETS else ()
    return (*settings.NTRUST_CHAT_SERVICES, *here)


def check_chat(target: str) -> str:
    """The service of a target. Refuses (`bad_chat`) a service that is not allowed here and what is
    no target of it, and (`bad_target`, `private_target`) where it leads inside. Sends nothing."""
    service = target.partition("://")[0].lower()
    allowed = allowed_services()
    if service not in allowed:
        names = ", ".join(allowed) or "none"
        raise Refused("bad_chat", f"This service is not allowed here. Allowed: {names}.")
    _notifier(service, target)
    _check_hosts(service, target)
    return service


def seal_chat(target: str) -> str:
    """A target as it is kept: this service alone can read it."""
    return _box().encrypt(target.encode()).decode()


def send_chat(row: Delivery) -> None:
    """Tell a person by their own chat that something waits for them. Refuses (Undeliverable) where
    it was taken away, and what is not allowed, or leads inside, any more."""
    chat, now = row.chat, row.claimed_at or row.planned_at
    assert chat is not None
    row.target = chat.service
    if not chat.target:
        raise Undeliverable("the chat was taken away")
    check_circuit(chat, now=now)
    try:
        _try(chat, _say(row))
    except Exception:
        count_try(chat, has_failed=True, now=now)
        raise
    count_try(chat, has_failed=False, now=now)


def _try(chat: Chat, words: str) -> None:
    """Nothing of the target comes along with what went wrong."""
    try:
        target = _box().decrypt(chat.target.encode()).decode()
    except InvalidToken:
        raise Undeliverable(
            "what leads to the chat cannot be read any more: enter it anew"
        ) from None
    try:
        service = check_chat(target)
    except Refused as refusal:
        if refusal.code == "bad_target":
            raise ConnectionError(refusal.sentence) from None
        raise Undeliverable(refusal.sentence) from None
    try:
        has_taken_it = bool(_notifier(service, target).notify(body=words, title=""))
    except Exception as error:
        raise ConnectionError(f"{service} could not be asked: {type(error).__name__}") from None
    if not has_taken_it:
        raise ConnectionError(f"{service} did not take it")


def _say(row: Delivery) -> str:
    """Which study something waits in, and where to read it: nothing clinical, and of nobody."""
    mark = "[TRAINING] " if settings.NTRUST_MODE == "training" else ""
    told = row.notification
    if told is None:
        return f"{mark}This is a test from ntrust: {settings.NTRUST_PUBLIC_URL}/"
    study = told.event.study.protocol_number
    inbox = f"{settings.NTRUST_PUBLIC_URL}{reverse('safety:inbox')}"
    return f"{mark}Something urgent waits for you in ntrust, study {study}: {inbox}"


def _notifier(service: str, target: str) -> NotifyBase:
    """What sends to a target. Options are refused: one switches off the check of certificates,
    others lead elsewhere."""
    bad = Refused("bad_chat", f"Write it as {service}://token/…, as apprise documents it.")
    is_plain = target.isascii() and target.isprintable() and not set(target) & set(" ?#;\\")
    if not is_plain or len(target) > _LONGEST:
        raise bad
    plugin = NotifyJSON if service == _HERE else SERVICES[service]
    try:
        found = plugin.parse_url(target)
        made = plugin(**found) if found else None
    except Exception:
        raise bad from None
    if made is None:
        raise bad
    made.redirects = False
    return made


def _check_hosts(service: str, target: str) -> None:
    """Refuses a service whose address is not public; one of this machine has to be just that."""
    if service != _HERE:
        for host in settings.NTRUST_CHAT_SERVICES[service]:
            look_up(host, _TLS_PORT)
        return
    try:
        parts = urlsplit(target)
        found = look_up(parts.hostname or "", parts.port or 80)
    except ValueError:
        raise Refused("bad_target", "Write it as json://name:port/path.") from None
    if not found.is_loopback:
        raise Refused("private_target", "This service is only for this machine itself.")


def _box() -> Fernet:
    key = salted_hmac("ntrust.chats", "seal", algorithm="sha256").digest()
    return Fernet(base64.urlsafe_b64encode(key))
