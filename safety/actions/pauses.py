"""Pause rules: looked at after every change, and a hold for each that is met."""

from __future__ import annotations

from cohorts.actions import Fact
from cohorts.actions.holds import place_rule_hold, update_facts
from cohorts.engine.pauses import Met, find_met
from cohorts.models import Hold
from cohorts.policies import active_protocol, document_of
from cohorts.states import HoldState
from ntrust.change import Change
from safety.policies import people_for_pauses

PAUSE = "PAUSE"
"""The rule of a hold of a pause rule begins with it."""


def follow_pause_rules(change: Change) -> None:
    """Before the 3+3 rules run: place the hold of each pause rule that is met, in the transaction
    of the event that meets it.

    Once lifted it is placed again only by another participant, a worse grade or one more event.
    What no longer meets a rule lifts nothing; the hold says what is under it now.
    """
    version = active_protocol(change.study)
    if version is None:
        return
    rules = {it.id: it for it in document_of(version).pause_rules}
    read = [rule for it in rules.values() if (rule := it.rule()) is not None]
    if not read:
        return
    from_grade = min(rule.predicate.from_grade for rule in read)
    people = people_for_pauses(change.study, from_grade=from_grade)
    met = find_met(read, people, now=change.now)
    levels = {level.ordinal: level for level in change.study.levels.all()}
    for one in met:
        detail = f"{rules[one.rule].text}: {_who(one)}."
        place_rule_hold(
            change,
            rule=f"{PAUSE}_{one.rule}",
            reason=f"{one.rule}, {detail}",
            detail=detail,
            level=None if one.level is None else levels[one.level],
            met_by=_facts(one),
        )
    _clear_facts(change, met)


def _facts(met: Met) -> list[Fact]:
    return [Fact(sign.subject, sign.severity, sign.why) for sign in met.signs]


def _who(met: Met) -> str:
    """The participants, and whether it is certain."""
    return ", ".join(
        sign.subject if sign.is_certain else f"{sign.subject} (cannot be excluded)"
        for sign in met.signs
    )


def _clear_facts(change: Change, met: tuple[Met, ...]) -> None:
    """Holds in force whose rule nobody meets any more say so; they stay."""
    still = {(f"{PAUSE}_{one.rule}", one.level) for one in met}
    placed = Hold.objects.filter(
        study=change.study, state=HoldState.PLACED, rule__startswith=f"{PAUSE}_"
    ).select_related("level")
    for hold in placed:
        if (hold.rule, hold.level.ordinal if hold.level else None) not in still:
            update_facts(hold, [])
