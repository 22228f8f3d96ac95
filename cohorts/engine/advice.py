"""The one function the trial asks: given these counts, what now?"""

from __future__ import annotations

from cohorts.engine.bounds import bounds
from cohorts.engine.design import (
    MINUS_ONE,
    NOBODY,
    Answer,
    Design,
    DesignError,
    Recommendation,
    Tallies,
    Tally,
    Verdict,
)
from cohorts.engine.flags import flags
from cohorts.engine.rules import (
    Rule,
    Situation,
    cap,
    find_toxic,
    find_undecided,
    find_working,
    first_rule,
    is_closed,
    may_escalate_with_pending,
    target,
    waits_for_toxic,
)


def recommend(design: Design, tallies: Tallies, current: int) -> Recommendation:
    """What the rules say in this state, with the rule, counts, bounds, flags and reasons.

    `tallies`: level to counts, one entry for each level where a participant was dosed.
    `current`: the level now being dosed, the last one opened.
    Raises DesignError for a level off the ladder or counts that cannot be.
    """
    _check(design, tallies, current)
    reachable = bounds(design, tallies, current)
    situation = read(design, tallies, current, is_certain=len(reachable) == 1)
    rule = first_rule(situation)
    return Recommendation(
        answer=rule.answer(situation),
        rule=rule.name,
        working_level=situation.working,
        counts=situation.tally,
        bounds=reachable,
        flags=flags(design, tallies, situation.toxic, situation.working),
        reasons=_reasons(rule, situation, tallies, reachable),
    )


def answer_completed(design: Design, tallies: Tallies, current: int) -> Answer:
    """The answer when nobody is pending, without its defence; for walks over many states."""
    situation = read(design, tallies, current, is_certain=True)
    return first_rule(situation).answer(situation)


def read(design: Design, tallies: Tallies, current: int, *, is_certain: bool) -> Situation:
    """The situation the rule table looks at (protocol rules 1 and 2)."""
    toxic = find_toxic(tallies)
    undecided = find_undecided(design, tallies, toxic)
    working = find_working(design, tallies, toxic, undecided)
    tally = tallies.get(working, NOBODY) if working else NOBODY
    return Situation(
        design=design,
        toxic=toxic,
        working=working,
        tally=tally,
        is_current_closed=is_closed(current, toxic),
        waits_for_toxic=waits_for_toxic(design, tallies, toxic),
        is_certain=is_certain,
        is_passable=may_escalate_with_pending(design, tallies, toxic, undecided),
    )


def _check(design: Design, tallies: Tallies, current: int) -> None:
    for level in {*tallies, current}:
        if level not in design.levels:
            raise DesignError(f"Level {level} is not on this ladder ({name_levels(design)}).")
    for level, (n, x, pending) in tallies.items():
        if not 0 <= x <= n or pending < 0:
            raise DesignError(
                f"Level {level} cannot have {x} with a DLT among {n} evaluable, {pending} pending."
            )


def name_levels(design: Design) -> str:
    """The ladder in words, e.g. "levels 1 to 3, and -1"."""
    main = "level 1" if design.doses == 1 else f"levels 1 to {design.doses}"
    return f"{main}, and {MINUS_ONE}" if design.level_minus_one else main


def _reasons(
    rule: Rule, situation: Situation, tallies: Tallies, reachable: tuple[Answer, ...]
) -> tuple[str, ...]:
    s = situation
    level = s.working or 0
    because = rule.because.format(
        toxic=s.toxic,
        level=s.working,
        counts=name_counts(s.tally),
        target=target(s.design, level, s.tally.x, s.toxic),
        cap=cap(s.design, level, s.tally, s.toxic),
    )
    pending = sum(tally.pending for tally in tallies.values())
    return (because, *_certainty(pending, reachable))


def _certainty(pending: int, reachable: tuple[Answer, ...]) -> tuple[str, ...]:
    if not pending:
        return ()
    who = "the participant pending" if pending == 1 else f"the {pending} participants pending"
    if len(reachable) == 1:
        return (f"Whatever {who} will show, the answer then is: {name_answer(reachable[0])}.",)
    options = "; ".join(name_answer(answer) for answer in reachable)
    return (f"It depends on {who}. Still possible: {options}.",)


def name_counts(tally: Tally) -> str:
    """Counts in a clinician's words, e.g. "3 evaluable, 1 with a DLT, 2 pending"."""
    dlt = "no DLT" if tally.x == 0 else f"{tally.x} with a DLT"
    return f"{tally.n} evaluable, {dlt}, {tally.pending} pending"


_WORDS = {
    Verdict.ENROL: "enrol at level {level}",
    Verdict.WAIT: "wait at level {level}",
    Verdict.EXPAND_COHORT: "expand the cohort at level {level}",
    Verdict.ESCALATE: "escalate to level {level}",
    Verdict.DE_ESCALATE: "de-escalate to level {level}",
}
_ENDS = {
    "MTD": "stop, the MTD is level {mtd}",
    "MTD_NOT_REACHED": "stop, level {mtd} is tolerated and the MTD was not reached",
    "NO_TOLERATED_DOSE": "stop, no tolerated dose",
}


def name_answer(answer: Answer) -> str:
    """An answer in words, e.g. "escalate to level 3"."""
    words = _WORDS.get(answer.verdict) or _ENDS[str(answer.outcome)]
    return words.format(level=answer.level, mtd=answer.mtd)
