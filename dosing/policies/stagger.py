"""The stagger: how long after one participant's infusion 1 the next may begin at the same level."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from cohorts.models import DoseLevel, Outcome, Participant
from cohorts.policies import active_protocol, document_of
from cohorts.queries import SOMEBODY
from cohorts.states import ParticipantState
from dosing.models import Course, Infusion
from dosing.states import InfusionState
from ntrust.errors import Gate, Refused

_RULE = "stagger"
_AHEAD = (InfusionState.PLANNED, InfusionState.HELD)


def stagger_before_lymphodepletion(
    participant: Participant, level: DoseLevel, *, now: datetime
) -> list[Gate]:
    """The gate before lymphodepletion; none without a stagger.

    Clear where the longest regimen of the protocol, begun now, would lead to an infusion 1 late
    enough; the day that is planned is looked at by `check_planned_day`.
    """
    days = stagger_days(participant)
    if not days:
        return []
    regimens = document_of(participant.protocol_version).lymphodepletion
    longest = timedelta(days=max(max(0, -min(regimen.days)) for regimen in regimens))
    courses = _others_at(participant, level)
    return [_gate(participant, level, courses, days, earliest=now + longest, lead=longest)]


def stagger_before_infusion(infusion: Infusion, *, now: datetime) -> list[Gate]:
    """The gate before a participant's first cells, by actual times; none for one treated already.

    The first cells may be infusion 2, where infusion 1 was missed. Of two in lymphodepletion at
    once, the one who began first goes first.
    """
    course = infusion.course
    participant = course.participant
    days = stagger_days(participant)
    if not days or participant.state == ParticipantState.TREATED:
        return []
    if infusion.number != 1 and course.infusions.filter(given_at__isnull=False).exists():
        return []
    others = _others_at(participant, course.level)
    ahead = [
        other
        for other in others
        if other.participant.state != ParticipantState.CONDITIONING
        or (other.started_at, other.pk) < (course.started_at, course.pk)
    ]
    return [_gate(participant, course.level, ahead, days, earliest=now, lead=timedelta(0))]


def stagger_then(infusion: Infusion, *, at: datetime) -> list[Gate]:
    """Shut where infusion 1, given at that moment, is too near to another's at the level."""
    course = infusion.course
    participant = course.participant
    days = stagger_days(participant)
    if not days or infusion.number != 1 or course.cycle != 1:
        return []
    others = _others_at(participant, course.level)
    known = [one.participant.outcome.first_infused_at for one in others]
    if all(one is None or abs(one - at) >= timedelta(days=days) for one in known):
        return []
    where = f"level {course.level.ordinal}"
    sentence = f"Stagger: another infusion 1 at {where} is less than {days} days away."
    return [Gate(_RULE, False, sentence)]


def check_planned_day(
    participant: Participant, level: DoseLevel, *, first_infusion_on: date | datetime
) -> None:
    """Refuse (`too_early`) a planned day of infusion 1 that the stagger does not allow."""
    days = stagger_days(participant)
    last = _last_infused(_others_at(participant, level)) if days else None
    if last is None or last.first_infused_at is None:
        return
    zone = ZoneInfo(participant.site.timezone)
    soonest = (last.first_infused_at + timedelta(days=days)).astimezone(zone).date()
    planned = first_infusion_on
    if isinstance(planned, datetime):
        planned = planned.astimezone(zone).date()
    if planned < soonest:
        raise Refused(
            "too_early",
            f"Infusion 1 is planned on {planned:%d-%b-%Y}; the stagger of {days} days at level "
            f"{level.ordinal} allows {soonest:%d-%b-%Y} at the earliest.",
        )


def stagger_days(participant: Participant) -> int:
    """Days by the protocol version in force; 0 is no stagger."""
    version = active_protocol(participant.study)
    return document_of(version).stagger.days if version else 0


def _others_at(participant: Participant, level: DoseLevel) -> list[Course]:
    """First cycles of everybody else at this level, in the order they began."""
    return list(
        Course.objects.filter(level=level, cycle=1)
        .exclude(participant=participant)
        .select_related("participant__outcome")
        .prefetch_related("infusions")
        .order_by("started_at", "id")
    )


def _last_infused(courses: list[Course]) -> Outcome | None:
    """What is known of the one who was given infusion 1 last."""
    outcomes = [course.participant.outcome for course in courses]
    dosed = [(one.first_infused_at, one.pk, one) for one in outcomes if one.first_infused_at]
    return max(dosed)[2] if dosed else None


def _gate(  # noqa: PLR0913 - each is part of the question
    participant: Participant,
    level: DoseLevel,
    courses: list[Course],
    days: int,
    *,
    earliest: datetime,
    lead: timedelta,
) -> Gate:
    """Shut by somebody in lymphodepletion, an open question, or the days that are missing."""
    waiting = next((course for course in courses if _is_in_lymphodepletion(course)), None)
    if waiting is not None:
        sentence = (
            f"Stagger: {_name(waiting.participant, participant)} is in lymphodepletion at level "
            f"{level.ordinal} and infusion 1 is not given."
        )
        return Gate(_RULE, False, sentence, None, "investigator")
    last = _last_infused(courses)
    if last is None or last.first_infused_at is None:
        return Gate(_RULE, True, f"Stagger: nobody was infused before at level {level.ordinal}.")
    who = _name(last.participant, participant)
    if last.has_open_dlt_question:
        sentence = f"Stagger: an event of {who} may be a DLT and is not adjudicated."
        return Gate(_RULE, False, sentence, None, "medical monitor")
    cleared_at = last.first_infused_at + timedelta(days=days)
    sentence = (
        f"Stagger: {who} was given infusion 1 at level {level.ordinal} on "
        f"{last.first_infused_at:%d-%b-%Y %H:%M} UTC; {days} days until the next."
    )
    if earliest < cleared_at:
        return Gate(_RULE, False, sentence, cleared_at - lead)
    return Gate(_RULE, True, sentence)


def _name(other: Participant, participant: Participant) -> str:
    """Another site's people have no number in a sentence that this site reads."""
    return str(other) if other.site_id == participant.site_id else SOMEBODY


def _is_in_lymphodepletion(course: Course) -> bool:
    """Begun, and an infusion still to come before any was given."""
    return course.participant.state == ParticipantState.CONDITIONING and any(
        infusion.state in _AHEAD for infusion in course.infusions.all()
    )
