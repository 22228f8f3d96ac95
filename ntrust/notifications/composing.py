"""What a person is sent, in words: plain text, and the same as simple HTML.

Subjects are named by number at most, and by none where the protocol lets none stand in a mail
(`data_protection`); of another site's people nothing is said. What a person typed and what
clinically happened (`detail` of the event) stays out: it is read after a log-in.
"""

from __future__ import annotations

import re
from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parseaddr
from itertools import groupby
from typing import Any, Final
from zoneinfo import ZoneInfo

import structlog
from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.module_loading import import_string

from ntrust import clock
from ntrust.models import Digest, Membership, Notification, Study, User
from ntrust.notifications.chains import without_detail
from ntrust.notifications.links import acknowledge_url
from ntrust.notifications.places import next_step, page_of
from ntrust.states import Role

log = structlog.get_logger(__name__)

_LONGEST_SUBJECT: Final = 180
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f\x85\u2028\u2029]+")


@dataclass(frozen=True)
class Said:
    """One event as a mail tells it."""

    sentence: str
    at: datetime
    is_urgent: bool
    page: str
    next_step: str


def compose(
    row: Notification, *, key: str = "", kept: dict[Hashable, str] | None = None
) -> EmailMultiAlternatives:
    """The mail of a notification, with the gates before the next seat as they are when it is sent.

    `key` is that of the delivery: a message that is sent twice has it twice, and one Message-ID.
    `kept` is the sender's, for one run: of one change many are told, and the gates are read once
    for those of the same roles and sites.
    """
    study, said = row.event.study, say_event(row)
    subject = f"{'[URGENT] ' if row.is_urgent else ''}{study.protocol_number}: {said.sentence}"
    content = {
        "said": said,
        "study": study,
        "told_as": _told_as(row),
        "instead": _instead(row),
        "acknowledge_by": _in_both_zones(row),
        "acknowledge_at": _acknowledge_at(row),
        "gates": _protect(study, _gates(row, {} if kept is None else kept)),
    }
    message = _mail("event", subject, content, to=row.recipient, key=key)
    message.extra_headers["X-Ntrust-Notification"] = str(row.pk)
    return message


def compose_digest(digest: Digest, *, key: str = "") -> EmailMultiAlternatives:
    """What could wait, for one person and one day of theirs: a section a study, in its order."""
    rows = digest.notifications.select_related("event__study", "recipient", "site").order_by(
        "event__study__protocol_number", "event__study_id", "event_id"
    )
    sections = [
        (study, [say_event(row) for row in told])
        for study, told in groupby(rows, key=lambda row: row.event.study)
    ]
    count = sum(len(told) for _, told in sections)
    things = "1 thing" if count == 1 else f"{count} things"
    numbers = ", ".join(study.protocol_number for study, _ in sections)
    subject = f"{numbers}: {things} to know, {digest.day:%d-%b-%Y}"
    content = {
        "digest": digest,
        "sections": sections,
        "things": things,
        "preferences": public_url(reverse("safety:preferences")),
    }
    message = _mail("digest", subject, content, to=digest.user, key=key)
    message.extra_headers["X-Ntrust-Digest"] = str(digest.pk)
    return message


def say_event(row: Notification, *, is_public: bool = False) -> Said:
    """The event of a notification as it may be told outside the service; `is_public`: to whoever
    holds a link, so without anybody's number whatever may stand in a mail."""
    event = row.event
    cover = import_string(settings.NTRUST_COVER)
    sentence = cover(row.recipient, event.study, without_detail(event))
    protect = _hide if is_public else _protect
    sentence = _on_one_line(protect(event.study, sentence))
    return Said(
        sentence=sentence[:1].upper() + sentence[1:],
        at=event.at,
        is_urgent=row.is_urgent,
        page=public_url(page_of(row)),
        next_step=next_step(row),
    )


def public_url(path: str) -> str:
    """A page's address as people open it."""
    return f"{settings.NTRUST_PUBLIC_URL}{path}"


def _mail(
    name: str, subject: str, content: Mapping[str, Any], *, to: User, key: str
) -> EmailMultiAlternatives:
    is_training = settings.NTRUST_MODE == "training"
    context = {**content, "is_training": is_training, "service": settings.NTRUST_PUBLIC_URL}
    subject = _on_one_line(f"{'[TRAINING] ' if is_training else ''}{subject}")
    message = EmailMultiAlternatives(
        subject=subject[:_LONGEST_SUBJECT],
        body=_tidy(render_to_string(f"mail/{name}.txt", context)),
        to=[to.email],
        headers={"Auto-Submitted": "auto-generated", "X-Ntrust-Key": key, **_message_id(key)},
    )
    html = render_to_string(f"mail/{name}.html", {**context, "subject": subject})
    message.attach_alternative(html, "text/html")
    return message


def _message_id(key: str) -> dict[str, str]:
    """The same for every try of a delivery, so that a mailbox can tell."""
    domain = parseaddr(settings.DEFAULT_FROM_EMAIL)[1].rpartition("@")[2] or "localhost"
    return {"Message-ID": f"<{key}@{domain}>"} if key else {}


def _protect(study: Study, words: str) -> str:
    """Without participants' numbers, unless the protocol lets them stand in a mail."""
    if not words or study.data_protection.get("mail") == "numbers":
        return words
    return _hide(study, words)


def _hide(study: Study, words: str) -> str:
    """Without any participant's number."""
    hide = import_string(settings.NTRUST_HIDE_NUMBERS)
    return str(hide(study, words))


def _told_as(row: Notification) -> str:
    """The role in which somebody is told, and of which site."""
    if not row.role:
        return ""
    site = f" at {row.site.code}" if row.site else ""
    return f"{Role(row.role).label}{site}"


def _instead(row: Notification) -> str:
    """In whose place somebody is told; empty for those who were told first."""
    before = row.in_place_of
    if before is None:
        return ""
    who = _told_as(before) or "recipient"
    late = before.acknowledge_by is not None and before.acknowledge_by <= row.planned_at
    why = "has not answered" if late else "could not be reached"
    return f"The {who} {why}: you are asked in their place."


def _in_both_zones(row: Notification) -> str:
    """Until when to acknowledge: at the site where they are, and UTC."""
    moment = row.acknowledge_by
    if moment is None:
        return ""
    utc = f"{moment.astimezone(UTC):%d-%b-%Y %H:%M} UTC"
    zone = row.site.timezone if row.site else "UTC"
    here = moment.astimezone(ZoneInfo(zone))
    return utc if zone == "UTC" else f"{here:%d-%b-%Y %H:%M} {here:%Z} ({utc})"


def _acknowledge_at(row: Notification) -> str:
    """The link by which this person says that they know; none where nobody waits for it."""
    return acknowledge_url(row) if row.acknowledge_by is not None and row.pk else ""


def _gates(row: Notification, kept: dict[Hashable, str]) -> str:
    """The gates in words. An alert goes out without them rather than not at all."""
    in_words = import_string(settings.NTRUST_GATES)
    study, now = row.event.study, clock.now()
    roles = Membership.objects.filter(user=row.recipient, study=study, revoked_at__isnull=True)
    reads = tuple(roles.order_by("role", "site_id").values_list("role", "site_id"))
    made_from = (study.pk, study.revision, reads, f"{now:%Y-%m-%dT%H:%M}")
    try:
        if made_from not in kept:
            kept[made_from] = str(in_words(row.recipient, study, now=now))
        return kept[made_from]
    except Exception:
        log.exception("gates_not_in_mail", notification=row.pk)
        return ""


def _on_one_line(words: str) -> str:
    """Without line breaks and control characters: nothing typed becomes a header."""
    return " ".join(_CONTROL.sub(" ", words).split())


def _tidy(text: str) -> str:
    """Without the blank lines that a template leaves."""
    return re.sub(r"\n{3,}", "\n\n", text).strip() + "\n"
