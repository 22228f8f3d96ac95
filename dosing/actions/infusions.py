"""Infusions that were given: in order, or entered once something stood in the way."""

from __future__ import annotations

from dataclasses import fields
from datetime import datetime, timedelta
from typing import Unpack

from cohorts.actions import note_deviation
from cohorts.models import Deviation
from dosing.actions.facts import push_facts, record_course
from dosing.models import Infusion, ProductLot
from dosing.policies import (
    Entered,
    Given,
    check_given,
    check_infusion,
    find_deviations,
    gates_for_infusion,
    site_day,
    was_clear,
)
from dosing.states import INFUSION, InfusionState
from ntrust.change import Change, study_change
from ntrust.errors import Gate, Refused
from ntrust.models import User
from ntrust.policies import check_role
from ntrust.states import Role

LEAST_REASON = 20
"""Characters of a reason that has to tell what happened."""


def give_infusion(
    infusion: Infusion, *, by: User, now: datetime | None = None, **entered: Unpack[Entered]
) -> Infusion:
    """Record an infusion as given, in viable cells. The first opens the DLT window.

    Without a `lot`, the one set aside for it. Refuses (`no_infusion`) with the gates, and what
    cannot be (see `check_given`). Outside its visit window or the protocol's tolerance it is
    written down with a deviation.
    """
    participant = infusion.course.participant
    check_role(by, participant.study, [Role.INVESTIGATOR], site=participant.site)
    with study_change(participant.study, by=by, reason="infusion given", now=now) as change:
        infusion = lock_infusion(infusion)
        given = read_given(infusion, entered)
        check_infusion(infusion, now=change.now, given=given)
        check_given(infusion, given, now=change.now)
        write_given(change, infusion, given)
    return infusion


def record_given_infusion(
    infusion: Infusion,
    *,
    because: str,
    by: User,
    now: datetime | None = None,
    **entered: Unpack[Entered],
) -> Infusion:
    """Record an infusion that really was given though gates are shut: what happened, happened.

    It was given before a hold, a DLT or a departure and is entered after it, or in breach. Each
    gate that is shut becomes a deviation: GIVEN_… in breach, ENTERED_… where it shut only since.
    Manager and monitor are told at once. Refuses (`reason_needed`) fewer than 20 characters of
    reason, what cannot be (see `check_given`), one given already, and (`nothing_in_the_way`) one
    that can be entered in the ordinary way.
    """
    participant = infusion.course.participant
    check_role(by, participant.study, [Role.INVESTIGATOR], site=participant.site)
    if len(because.strip()) < LEAST_REASON:
        raise Refused(
            "reason_needed",
            "Say in 20 characters or more how the infusion came to be given, and entered now.",
        )
    with study_change(participant.study, by=by, reason=because, now=now) as change:
        infusion = lock_infusion(infusion)
        if infusion.state == InfusionState.GIVEN:
            raise Refused("already_given", "This infusion is entered as given: correct it instead.")
        given = read_given(infusion, entered)
        check_given(infusion, given, now=change.now)
        gates = gates_for_infusion(infusion, now=change.now, given=given)
        shut = [gate for gate in gates if not gate.is_clear]
        if not shut:
            raise Refused("nothing_in_the_way", "Nothing is in the way: enter it as given.")
        _note_breaches(change, infusion, given, shut)
        write_given(change, infusion, given)
        _tell_out_of_order(change, infusion, shut, because=because)
    return infusion


def read_given(infusion: Infusion, entered: Entered) -> Given:
    """What was entered, with the lot set aside where none is named; the lot's row is locked."""
    lot = lock_lot(entered.get("lot") or infusion.lot)
    return Given(**(entered | {"lot": lot}))


def _note_breaches(change: Change, infusion: Infusion, given: Given, shut: list[Gate]) -> None:
    """One deviation a rule. An infusion entered as missed by mistake breaks no rule by that."""
    sentences: dict[str, list[str]] = {}
    for gate in shut:
        if gate.rule == "planned" and infusion.state == InfusionState.MISSED:
            continue
        prefix = "ENTERED" if was_clear(infusion, given, gate) else "GIVEN"
        sentences.setdefault(f"{prefix}_{gate.rule.upper()}", []).append(gate.sentence)
    for kind, said in sentences.items():
        how = "given" if kind.startswith("GIVEN") else "given before, but entered after"
        note_deviation(
            change,
            infusion.course.participant,
            kind=kind,
            sentence=f"infusion {infusion.number} was {how}: {' '.join(said)}",
            occurred_at=given.given_at,
        )


def _tell_out_of_order(
    change: Change, infusion: Infusion, shut: list[Gate], *, because: str
) -> None:
    rules = ", ".join(dict.fromkeys(gate.rule.replace("_", " ") for gate in shut))
    record_course(
        change,
        infusion.course,
        "INFUSION_GIVEN_OUT_OF_ORDER",
        f"infusion {infusion.number} was given; in the way when entered: {rules}. {because}",
        detail=because,
        rules=rules,
    )


def write_given(change: Change, infusion: Infusion, given: Given) -> None:
    """Write an infusion as given, note how it deviates, and let everything follow."""
    INFUSION.check(infusion.state, InfusionState.GIVEN)
    infusion.state = InfusionState.GIVEN
    infusion.not_given_because, infusion.is_missed_for_toxicity = "", False
    put_given(infusion, given)
    infusion.save(
        update_fields=["state", "not_given_because", "is_missed_for_toxicity", *GIVEN_FIELDS]
    )
    note_deviations(change, infusion, given)
    _move_later_days(infusion, given)
    push_facts(change, infusion.course)
    what = f"infusion {infusion.number} given."
    lot = given.lot.code if given.lot else ""
    record_course(change, infusion.course, "INFUSION_GIVEN", what, lot=lot)


GIVEN_FIELDS = tuple(field.name for field in fields(Given))


def put_given(infusion: Infusion, given: Given) -> None:
    """Set what was given on the row; it is saved with GIVEN_FIELDS."""
    for name in GIVEN_FIELDS:
        setattr(infusion, name, getattr(given, name))


def note_deviations(change: Change, infusion: Infusion, given: Given) -> None:
    """Write down what is outside window or tolerance, unless the same was said before."""
    participant = infusion.course.participant
    for kind, sentence in find_deviations(infusion, given):
        same = Deviation.objects.filter(participant=participant, kind=kind, sentence=sentence)
        if not same.exists():
            note_deviation(
                change, participant, kind=kind, sentence=sentence, occurred_at=given.given_at
            )


def _move_later_days(infusion: Infusion, given: Given) -> None:
    """Infusion 1 makes Day 0: the later ones, while planned, keep their distance from it."""
    if infusion.number != 1:
        return
    zone = infusion.course.participant.site.timezone
    shift = site_day(given.given_at, zone) - infusion.planned_date
    later = infusion.course.infusions.filter(
        number__gt=1, state__in=[InfusionState.PLANNED, InfusionState.HELD]
    )
    for other in later if shift != timedelta(0) else ():
        other.planned_date += shift
        other.save(update_fields=["planned_date"])


def lock_infusion(infusion: Infusion) -> Infusion:
    """The row as it is now, under the study lock."""
    return Infusion.objects.select_related(
        "course__participant__site",
        "course__participant__study",
        "course__participant__protocol_version",
        "course__level",
        "lot",
    ).get(pk=infusion.pk)


def lock_lot(lot: ProductLot | None) -> ProductLot | None:
    """The lot's row, locked after the study's; None for none."""
    if lot is None:
        return None
    return ProductLot.objects.select_for_update(no_key=True, of=("self",)).get(pk=lot.pk)
