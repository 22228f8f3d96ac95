"""A trial with at least one row in every clinical table, for tests about all tables."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

from cohorts.actions import add_consent_form, enter_results, note_deviation, place_hold
from cohorts.models import Decision, Participant
from cohorts.policies import Entry
from dosing.actions import (
    Prescription,
    Reading,
    enter_safety_check,
    record_measurement,
    record_medication,
)
from dosing.models import Infusion
from ntrust.actions import (
    add_endpoint,
    enter_absence,
    make_token,
    name_deputy,
    note_account_event,
    put_on_call,
    set_preferences,
)
from ntrust.change import study_change
from ntrust.models import AccountLock, Chat, Digest, Outage, UsedCode
from ntrust.sealing import seal_history
from ntrust.states import AccountEventKind
from safety.actions import (
    conclude_re_review,
    convene_review,
    lock_cut,
    pass_time_everywhere,
    raise_query,
    stage_take_over,
    supersede_dlt,
    verify_rows,
    withdraw_take_over,
)
from safety.management.conduct import Conduct
from safety.models import DltReport, InboxAlert, PacketFile
from safety.policies import source_rows
from safety.states import PacketForm
from safety.takeover import SHEETS, Line
from tests.factories import (
    ASKED,
    CRITERIA,
    DISEASE,
    make_trial,
    open_level,
    report_dlt_of,
    run_cohort,
)
from tests.lifting import propose
from tests.re_reviewing import REVIEW, SECOND_LOOK, marked_trial, minutes_of


def build_everything() -> Conduct:
    """A new table gets its row here."""
    asked = [{"id": "fever", "text": "No fever"}]
    trial = make_trial(
        infusion_days=(0, 7),
        infusions={"safety_check": asked},
        eligibility=ASKED,
        conduct={"dlt_criteria": [{**one, "reads": {"from_grade": 3}} for one in CRITERIA]},
    )
    add_form(trial)
    add_take_over(trial)
    add_re_review()
    open_level(trial)
    lasts = timedelta(days=90)
    trial.stock("A12", total_cells=Decimal(9), viability=Decimal("0.9"), lasts=lasts)
    people = run_cohort(trial, 1, "TNU")
    enter_safety_check(
        Infusion.objects.get(course__participant=people[1], number=2),
        checked_at=trial.now,
        answers={"fever": True},
        by=trial.investigator_of(people[1]),
        now=trial.tick(),
    )
    trial.adjudicate(people[0].adverse_events.get().dlt_reports.get())
    report_dlt_of(trial, people[0])
    trial.regimen = "in_mg"
    trial.condition(people[2:], day_0=trial.now + timedelta(days=5))
    add_hold(trial)
    with study_change(trial.study, by=trial.manager, reason="by hand", now=trial.tick()) as change:
        note_deviation(change, people[0], kind="VISIT_MISSED", sentence="visit 2 was missed")
    candidate = trial.consent(disease=DISEASE)
    enter_results(
        candidate,
        entries=[Entry("smokes", "no")],
        by=trial.investigator_of(candidate),
        now=trial.tick(),
    )
    add_records(trial, people[1])
    add_superseding(trial, people[0])
    add_account_rows(trial)
    add_data_quality(trial, people[1])
    add_rota(trial)
    seal_history(patience=0)
    return trial


def add_rota(trial: Conduct) -> None:
    """Somebody on call, away, and with a deputy."""
    span = {"starts_at": trial.now, "ends_at": trial.now + timedelta(days=7)}
    common: dict[str, Any] = {"reason": "the rota", "by": trial.manager}
    instead = {"user": trial.monitor, "deputy": trial.manager}
    put_on_call(
        trial.study,
        user=trial.monitor,
        role="MEDICAL_MONITOR",
        **span,
        **common,
        now=trial.tick(),
    )
    enter_absence(trial.study, **instead, **span, **common, now=trial.tick())
    name_deputy(trial.study, **instead, **common, now=trial.tick())


def add_account_rows(trial: Conduct) -> None:
    """What is of no participant: a log-out, a lock, a used code, a preference, a chat, a
    digest, a webhook."""
    note_account_event(AccountEventKind.LOGGED_OUT, user=trial.manager, at=trial.now)
    until = trial.now + timedelta(days=7)
    mine: dict[str, Any] = {"scope": "READ", "by": trial.manager, "now": trial.now}
    make_token(trial.manager, name="a program", ends_at=until, **mine)
    set_preferences(trial.manager, digest_hour=6, by=trial.manager, now=trial.now)
    asked: dict[str, Any] = {"url": "https://8.8.8.8/hook", "reason": "they asked"}
    add_endpoint(trial.study, name="theirs", by=trial.manager, now=trial.tick(), **asked)
    Digest.objects.create(user=trial.manager, day=trial.now.date(), made_at=trial.now)
    Chat.objects.create(user=trial.manager, service="slack", target="sealed", changed_at=trial.now)
    Outage.objects.create(channel="MAIL", began_at=trial.now)
    AccountLock.objects.create(user=trial.manager, locked_at=trial.now, until=trial.now)
    UsedCode.objects.create(user=trial.manager, authenticator=1, step=1, used_at=trial.now)


def add_form(trial: Conduct) -> None:
    """A consent form."""
    add_consent_form(
        trial.study,
        label="1.0",
        effective_on=trial.now.date(),
        version=trial.study.protocol_versions.get(),
        by=trial.manager,
        now=trial.tick(),
    )


def add_hold(trial: Conduct) -> None:
    """A person's hold, and the proposal to lift it."""
    held = place_hold(
        trial.study, scope="STUDY", reason="a signal", by=trial.monitor, now=trial.tick()
    )
    propose(held, by=trial.manager, now=trial.tick())


def add_re_review() -> None:
    """In a study of its own: a committee looks at a decision again."""
    other = marked_trial(conduct={"review": REVIEW})
    review = convene_review(
        other.study, re_reviews=Decision.objects.latest("id"), by=other.manager, now=other.tick()
    )
    conclude_re_review(
        review, look=SECOND_LOOK, minutes=minutes_of(), by=other.manager, now=other.tick()
    )
    PacketFile.objects.create(
        packet=review.packet, edition="first", form=PacketForm.PDF, started_at=other.now
    )


def add_take_over(trial: Conduct) -> None:
    """One staged before anybody was there, and withdrawn."""
    decision = {
        "number": "1",
        "decided_on": str(trial.now.date()),
        "verdict": "ENROL",
        "level": "1",
        "seats": "3",
        "reference": "minutes 1",
    }
    book = {**{name: [] for name in SHEETS}, "decisions": [Line(2, decision)]}
    take_over = stage_take_over(trial.study, book=book, by=trial.manager, now=trial.tick())
    withdraw_take_over(take_over, reason="by mistake", by=trial.manager, now=trial.tick())


def add_superseding(trial: Conduct, person: Participant) -> None:
    """A DLT report to be superseded, and an alert that waited in the inbox."""
    report = DltReport.objects.filter(event__participant=person).latest("id")
    who: dict[str, Any] = {"by": trial.investigator_of(person), "now": trial.tick()}
    supersede_dlt(report, kind="WITHDRAWN", reason="by mistake", **who)
    with study_change(trial.study, by=trial.manager, now=trial.tick()):
        InboxAlert.objects.create(
            study=trial.study,
            kind="EVENT",
            content={},
            content_hash="",
            trouble="unknown",
            received_at=trial.now,
            received_by=trial.manager,
        )
    pass_time_everywhere(now=trial.tick())


def add_records(trial: Conduct, person: Participant) -> None:
    """A measurement and a medicine."""
    who: dict[str, Any] = {"by": trial.investigator_of(person), "now": trial.tick()}
    day = trial.now.date()
    reading = Reading(Decimal(1), "g/g", measured_on=day)
    record_measurement(person, measurement="upcr", reading=reading, **who)
    prescription = Prescription("Ibuprofen", route="ORAL", indication="pain", started_on=day)
    record_medication(person, prescription=prescription, **who)


def add_data_quality(trial: Conduct, person: Participant) -> None:
    """A row verified, a query, a locked cut."""
    one = source_rows(trial.study, people=[person])[0]
    seen = [(one.table, one.row, one.facts_hash)]
    verify_rows(person, rows=seen, source="chart", by=trial.monitor, now=trial.tick())
    raise_query(person, text="Which day?", by=trial.manager, now=trial.tick())
    signed: dict[str, Any] = {"by": trial.manager, "password": trial.password}
    lock_cut(trial.study, purpose="review 1", now=trial.tick(), **signed)
