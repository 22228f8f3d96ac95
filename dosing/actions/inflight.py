"""What is in flight: listed when a hold lands or a DLT is reported, answered by each site."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from cohorts.actions.holds import DLT_NEWS
from cohorts.models import Hold, Outcome, Participant
from cohorts.policies import document_of, holds_on_each
from cohorts.states import DltStatus, HoldState
from dosing.actions.facts import record_course, refuse_future
from dosing.actions.infusions import lock_infusion
from dosing.actions.planning import hold_infusion
from dosing.models import Course, InFlight, Infusion
from dosing.policies import (
    check_instruction,
    check_proceeding,
    open_questions,
    planned_infusions,
)
from dosing.states import IN_FLIGHT, InFlightAnswer, InFlightState, InfusionState
from ntrust.change import Change, study_change
from ntrust.errors import Refused
from ntrust.models import Signature, Site, User
from ntrust.policies import check_role
from ntrust.signing import content_hash, sign
from ntrust.states import Role

_ANSWER = ["state", "answer", "reason", "given_at", "signature", "answered_at", "answered_by"]
_INSTRUCTION = ["instruction", "instruction_signature", "instructed_at", "instructed_by"]


def follow_in_flight(change: Change) -> None:
    """After the rules: drop questions that are over, and ask once about each hold, and each DLT
    reported in this change, for every planned or held infusion at its level and above.

    Whoever comes under a hold later is asked then. Each site is told of its own in one event.
    """
    _drop_moot(change)
    news = _dlts_reported(change)
    is_held = Hold.objects.filter(study=change.study, state=HoldState.PLACED).exists()
    if not (is_held or news):
        return
    rows = list(planned_infusions(change.study))
    open_or_answered = InFlight.objects.filter(infusion__in=rows).exclude(state=InFlightState.MOOT)
    asked = set(open_or_answered.values_list("infusion_id", "hold_id"))
    waiting = set(
        open_or_answered.filter(state=InFlightState.OPEN).values_list("infusion_id", "dlt_of_id")
    )
    holds = _holds_of(change, [row.course for row in rows]) if is_held else {}
    raised = [
        _raise(change, row, hold=hold)
        for row in rows
        for hold in holds.get(row.course_id, ())
        if (row.pk, hold.pk) not in asked
    ]
    raised += [
        _raise(change, row, dlt_of=person)
        for row in rows
        for person, level in news
        if row.course.level.ordinal >= level and (row.pk, person.pk) not in waiting
    ]
    _tell_sites(change, raised)


def _holds_of(change: Change, courses: Iterable[Course]) -> dict[int, list[Hold]]:
    """The holds in force on each course, by its key."""
    people = {course.pk: (course.level.ordinal, course.participant) for course in courses}
    return holds_on_each(change.study, people)


def _dlts_reported(change: Change) -> list[tuple[Participant, int]]:
    """Who had a DLT reported in this change, and the level they count at."""
    levels = {
        it.subject: it.level
        for it in change.happenings
        if it.kind in DLT_NEWS and it.level is not None
    }
    if not levels:
        return []
    people = Participant.objects.filter(study=change.study, subject_number__in=levels)
    return [(person, levels[person.subject_number]) for person in people]


def _raise(
    change: Change,
    infusion: Infusion,
    *,
    hold: Hold | None = None,
    dlt_of: Participant | None = None,
) -> InFlight:
    hours = document_of(infusion.course.participant.protocol_version).holds.answer_hours
    return InFlight.objects.create(
        infusion=infusion,
        hold=hold,
        dlt_of=dlt_of,
        because=hold.reason if hold else f"{dlt_of}: a DLT was reported.",
        raised_at=change.now,
        due_at=change.now + timedelta(hours=hours),
    )


def _tell_sites(change: Change, raised: Iterable[InFlight]) -> None:
    """One event a site: which of its infusions are asked about, and until when."""
    by_site: dict[Site, dict[int, InFlight]] = {}
    for question in raised:
        site = question.infusion.course.participant.site
        by_site.setdefault(site, {}).setdefault(question.infusion_id, question)
    for site, questions in by_site.items():
        which = ", ".join(
            f"{it.infusion.course.participant} infusion {it.infusion.number}"
            for it in questions.values()
        )
        due_at = min(question.due_at for question in questions.values())
        change.record(
            "IN_FLIGHT_LISTED",
            f"Site {site.code} says for each planned infusion whether it is held, by "
            f"{due_at:%d-%b-%Y %H:%M} UTC: {which}.",
            site=site,
        )


def _drop_moot(change: Change) -> None:
    """Open questions that nobody need answer any more, each with the reason."""
    rows = InFlight.objects.filter(
        infusion__course__participant__study=change.study, state=InFlightState.OPEN
    ).select_related(
        "hold", "infusion__course__participant__site", "infusion__course__level", "dlt_of"
    )
    if not rows:
        return
    held = [it.infusion.course for it in rows if it.hold and it.hold.state == HoldState.PLACED]
    holds = _holds_of(change, held)
    standing = set(
        Outcome.objects.filter(study=change.study)
        .exclude(dlt=DltStatus.NONE)
        .values_list("participant_id", flat=True)
    )
    for question in rows:
        concerned = {hold.pk for hold in holds.get(question.infusion.course_id, ())}
        because = _why_over(question, standing, concerned)
        if because:
            IN_FLIGHT.check(question.state, InFlightState.MOOT)
            question.state, question.moot_because = InFlightState.MOOT, because
            question.save(update_fields=["state", "moot_because"])


def _why_over(question: InFlight, with_dlt: set[int], concerned: set[int]) -> str:
    infusion, hold = question.infusion, question.hold
    if infusion.given_at is not None:
        return f"It was given on {infusion.given_at:%d-%b-%Y %H:%M} UTC."
    if infusion.state == InfusionState.MISSED:
        return f"It will not be given: {infusion.not_given_because}."
    if hold is None:
        return "" if question.dlt_of_id in with_dlt else "The DLT no longer stands."
    if hold.state == HoldState.LIFTED:
        return "The hold was lifted."
    return "" if hold.pk in concerned else "The hold no longer concerns it."


def flag_overdue(change: Change) -> None:
    """Questions not answered in time: manager and monitor are told, once an infusion."""
    waiting = InFlight.objects.filter(
        infusion__course__participant__study=change.study,
        state=InFlightState.OPEN,
        due_at__lte=change.now,
    )
    late = waiting.filter(overdue_at__isnull=True).select_related(
        "infusion__course__participant__site", "infusion__course__level"
    )
    if not late:
        return
    told = set(waiting.filter(overdue_at__isnull=False).values_list("infusion_id", flat=True))
    for question in late:
        question.overdue_at = change.now
        question.save(update_fields=["overdue_at"])
        infusion = question.infusion
        if infusion.pk not in told:
            told.add(infusion.pk)
            what = f"no answer about infusion {infusion.number}, which is planned; it was due "
            due = f"{question.due_at:%d-%b-%Y %H:%M} UTC."
            record_course(change, infusion.course, "IN_FLIGHT_OVERDUE", what + due)


def answer_in_flight(  # noqa: PLR0913 - the site's word, signed
    infusion: Infusion,
    *,
    answer: str,
    reason: str,
    by: User,
    password: str,
    given_at: datetime | None = None,
    now: datetime | None = None,
) -> Infusion:
    """The site's signed answer to everything that is asked about an infusion. Investigator's.

    Held puts a planned infusion off. Already given says when; it is entered next, as given though
    gates are shut. Proceeding needs the medical monitor's answered call or signed instruction
    (`no_instruction`). Refuses a blank reason, an answer when nothing is asked (`question_over`),
    and a time that is missing, idle or in the future.
    """
    participant = infusion.course.participant
    study = participant.study
    role = check_role(by, study, [Role.INVESTIGATOR], site=participant.site)
    word = _read_answer(answer, reason, given_at)
    with study_change(study, by=by, reason=reason, now=now) as change:
        infusion, questions = _lock(infusion)
        if given_at is not None:
            _check_time(change, infusion, given_at)
        if word == InFlightAnswer.PROCEEDING:
            check_proceeding(infusion, questions)
        content = {"answer": word, "given_at": given_at, "why": reason.strip()}
        signature = sign(
            change,
            signer=by,
            role=role,
            password=password,
            meaning=f"{questions[0]}: {word.label}",
            hash_of=_hash(questions, content),
        )
        for question in questions:
            question.reason, question.given_at = reason.strip(), given_at
            _close(change, question, word, signature, by=by)
        if word == InFlightAnswer.HELD and infusion.state == InfusionState.PLANNED:
            infusion = hold_infusion(infusion, reason=reason.strip(), by=by)
        what = f"the site's answer about infusion {infusion.number}: {word.label}: {reason}"
        record_course(change, infusion.course, "IN_FLIGHT_ANSWERED", what, detail=reason)
    return infusion


def _read_answer(answer: str, reason: str, given_at: datetime | None) -> InFlightAnswer:
    if not reason.strip():
        raise Refused("reason_needed", "Say what was done, and on whose word.")
    word = InFlightAnswer(answer)
    if (word == InFlightAnswer.ALREADY_GIVEN) != (given_at is not None):
        raise Refused("given_at", "Say when it was given, and only then.")
    return word


def _check_time(change: Change, infusion: Infusion, given_at: datetime) -> None:
    refuse_future(change, given_at)
    if given_at < infusion.course.started_at:
        raise Refused("impossible_order", "It was given after lymphodepletion began.")


def _hash(questions: Iterable[InFlight], content: dict[str, Any]) -> str:
    """Of what is signed: the questions, and the word on them."""
    return content_hash({"questions": [question.pk for question in questions], **content})


def _close(
    change: Change, question: InFlight, word: InFlightAnswer, signature: Signature, *, by: User
) -> None:
    IN_FLIGHT.check(question.state, InFlightState.ANSWERED)
    question.state, question.answer = InFlightState.ANSWERED, word
    question.signature, question.answered_at, question.answered_by = signature, change.now, by
    question.save(update_fields=_ANSWER)


def instruct_infusion(
    infusion: Infusion, *, reason: str, by: User, password: str, now: datetime | None = None
) -> Infusion:
    """The medical monitor's signed word that an infusion may go on after a DLT was reported.

    Refuses a blank reason, while a hold is in force (`held`), a dose that DLTs have closed
    (`level_closed`), and when nothing is asked (`question_over`).
    """
    participant = infusion.course.participant
    study = participant.study
    role = check_role(by, study, [Role.MEDICAL_MONITOR])
    if not reason.strip():
        raise Refused("reason_needed", "Say why it may go on.")
    with study_change(study, by=by, reason=reason, now=now) as change:
        infusion, questions = _lock(infusion)
        check_instruction(infusion, questions)
        signature = sign(
            change,
            signer=by,
            role=role,
            password=password,
            meaning=f"{questions[0]} may proceed",
            hash_of=_hash(questions, {"why": reason.strip()}),
        )
        for question in questions:
            question.instruction, question.instruction_signature = reason.strip(), signature
            question.instructed_at, question.instructed_by = change.now, by
            question.save(update_fields=_INSTRUCTION)
        what = f"the medical monitor signed that infusion {infusion.number} may proceed: {reason}"
        record_course(change, infusion.course, "IN_FLIGHT_INSTRUCTED", what, detail=reason)
    return infusion


def _lock(infusion: Infusion) -> tuple[Infusion, list[InFlight]]:
    """The infusion as it is now and what is asked about it; refuses when nothing is."""
    infusion = lock_infusion(infusion)
    questions = open_questions(infusion)
    if not questions:
        raise Refused("question_over", "Nothing is asked about this infusion any more.")
    return infusion, questions
