"""How a person wants to be told."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import available_timezones

from django.db import transaction

from ntrust import clock
from ntrust.errors import Refused
from ntrust.models import Preference, User


def set_preferences(  # noqa: PLR0913 - what a person may choose
    user: User,
    *,
    digest_hour: int,
    timezone: str = "",
    mails_at_once: bool = False,
    by: User,
    now: datetime | None = None,
) -> Preference:
    """Keep when a person's digest comes and what comes at once; urgent mail always does.

    Refuses another person's (`wrong_role`), an hour that no day has, and an unknown time zone.
    """
    if by.pk != user.pk:
        raise Refused("wrong_role", "Everybody chooses for themselves how they are told.")
    if not 0 <= digest_hour <= 23:
        raise Refused("no_such_hour", "A day has the hours 0 to 23.")
    if timezone and timezone not in available_timezones():
        raise Refused("unknown_zone", f"There is no time zone {timezone}.")
    chosen = {"digest_hour": digest_hour, "timezone": timezone, "mails_at_once": mails_at_once}
    with transaction.atomic():
        User.objects.select_for_update(no_key=True).get(pk=user.pk)
        moment = now or clock.now()
        row = Preference.objects.filter(user=user).first()
        if row is None:
            return Preference.objects.create(user=user, changed_at=moment, **chosen)
        changed = [name for name, value in chosen.items() if getattr(row, name) != value]
        if changed:
            for name in changed:
                setattr(row, name, chosen[name])
            row.changed_at = moment
            row.save(update_fields=[*changed, "changed_at"])
    return row
