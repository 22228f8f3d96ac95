"""Reminders: told once for each moment, by the change that finds it passed and still true."""

from __future__ import annotations

from collections import defaultdict

from ntrust.change import Change
from safety.policies.reminders import HEADINGS, Moment
from safety.queries.reminders import due_reminders, name_moment


def remind(change: Change) -> None:
    """At the end of each change: what is still true then is told, by the service.

    Those of one kind at one site are one event, so that an hour that was missed is no storm of
    mails. What the change itself settled is not told.
    """
    by_site: defaultdict[tuple[str, int | None], list[Moment]] = defaultdict(list)
    for moment in due_reminders(now=change.now, study=change.study):
        by_site[moment.kind, moment.site.pk if moment.site else None].append(moment)
    if not by_site:
        return
    with change.acting_for(None, reason="a moment has passed"):
        for (kind, _), moments in by_site.items():
            _tell(change, kind, sorted(moments, key=lambda one: (one.at, one.about)))


def _tell(change: Change, kind: str, moments: list[Moment]) -> None:
    """Under no subject: what is only told makes no page stale on which somebody acts."""
    levels = {one.level for one in moments}
    change.record(
        kind,
        f"{HEADINGS[kind]}: {'; '.join(one.what for one in moments)}.",
        level=levels.pop() if len(levels) == 1 else None,
        site=moments[0].site,
        told=[name_moment(one) for one in moments],
    )
