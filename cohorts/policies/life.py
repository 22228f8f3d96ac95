"""The study's own life cycle: is it open, and has it an RDE that stands?"""

from __future__ import annotations

from typing import Final

from django.db.models import QuerySet

from cohorts.models import Decision, Participant
from cohorts.states import ENDED, SELECT_RDE, DecisionState, OutcomeLetter, ParticipantState
from ntrust.errors import Gate, Refused, refuse_unless_clear
from ntrust.models import Study
from ntrust.states import StudyState

ON_STUDY: Final = "nobody_on_study"
SHORTEST_REASON: Final = 20
_IN_TREATMENT: Final = (
    ParticipantState.SLOTTED,
    ParticipantState.CONDITIONING,
    ParticipantState.TREATED,
)
_SIGNED = (
    DecisionState.SIGNED,
    DecisionState.CIRCULATED,
    DecisionState.BASIS_CHANGED,
    DecisionState.RE_REVIEWED,
)


def is_in_part_2(study: Study) -> bool:
    """Whether the next seat is one of Part 2."""
    return study.state in (StudyState.RDE_SELECTED, StudyState.EXPANDING)


def last_rde(study: Study) -> Decision | None:
    """The RDE decision signed last, whether it still stands or not."""
    return (
        Decision.objects.filter(study=study, verdict=SELECT_RDE, state__in=_SIGNED)
        .select_related("level")
        .order_by("number")
        .last()
    )


def stands(decision: Decision) -> bool:
    """Whether a signed decision still rests on what was signed."""
    return decision.state == DecisionState.SIGNED or decision.is_in_force


def rde_gate(decision: Decision | None) -> Gate:
    """The RDE is signed, acknowledged everywhere, and rests on what was signed."""
    rule, who = "rde_signed", "study manager and medical monitor"
    if decision is None:
        return Gate(rule, False, "No signed decision has selected the RDE.", None, who)
    what = f"Decision #{decision.number}, the RDE,"
    if decision.state == DecisionState.SIGNED:
        sentence = f"{what} is signed, not yet acknowledged everywhere."
        return Gate(rule, False, sentence, None, "sites and pharmacies")
    if not stands(decision):
        sentence = f"{what} no longer stands: {decision.basis_change}."
        return Gate(rule, False, sentence, None, who)
    return Gate(rule, True, f"{what} is signed and circulated.")


def open_gate(study: Study) -> Gate:
    """A study that has ended enrols and doses nobody; safety is reported for ever after."""
    label = StudyState(study.state).label
    is_open = study.state not in (StudyState.COMPLETE, StudyState.TERMINATED)
    return Gate("study_open", is_open, f"The study is in state: {label}.")


def check_study_open(study: Study) -> None:
    """Refuse (`study_over`) what only a study that goes on may do."""
    gate = open_gate(study)
    if not gate.is_clear:
        raise Refused("study_over", gate.sentence, [gate])


def gates_for_completion(study: Study) -> list[Gate]:
    """What has to be over before a study is complete. The last gate may be passed with a reason."""
    people = Participant.objects.filter(study=study)
    treated = people.filter(state__in=_IN_TREATMENT)
    owed = people.filter(
        outcome__letter=OutcomeLetter.PENDING, outcome__first_infused_at__isnull=False
    )
    left = people.exclude(state__in=[*ENDED, *_IN_TREATMENT])
    return [
        _nobody("nobody_treated", "in treatment", treated, who="investigator"),
        _nobody("nobody_pending", "pending, a window open or not answered for", owed),
        _nobody(ON_STUDY, "still in screening, eligible or in follow-up", left),
    ]


def check_complete(study: Study, *, still_on_study: str) -> None:
    """Refuse (`not_complete`) with the gates; a reason of substance passes the last one alone.

    Refuses a short one (`reason_of_substance`), and one where nobody is left (`nothing_to_pass`).
    """
    gates = gates_for_completion(study)
    shut = {gate.rule for gate in gates if not gate.is_clear}
    reason = still_on_study.strip()
    if shut - {ON_STUDY} or (shut and not reason):
        refuse_unless_clear("not_complete", gates)
    if reason and not shut:
        raise Refused("nothing_to_pass", "Everybody is off study: leave that reason empty.", gates)
    if shut and len(reason) < SHORTEST_REASON:
        raise Refused(
            "reason_of_substance",
            f"Say in at least {SHORTEST_REASON} characters why it ends with people still on study.",
            gates,
        )


def _nobody(
    rule: str, what: str, people: QuerySet[Participant], *, who: str = "investigator"
) -> Gate:
    names = [str(person) for person in people.order_by("id")]
    if not names:
        return Gate(rule, True, f"Nobody is {what}.")
    shown = ", ".join(names[:5]) + (" and others" if len(names) > 5 else "")
    verb = "is" if len(names) == 1 else "are"
    return Gate(rule, False, f"{len(names)} {verb} {what}: {shown}.", None, who)
