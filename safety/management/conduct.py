"""Conducting a trial from a script: each method is what people would do, one action a step.

Replays of published trials, the demo and tests go through it. It holds who acts and what time it
is; it writes no rows and knows no rules.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from types import MappingProxyType

from cohorts.actions import (
    Conclusion,
    acknowledge_decision,
    confirm_eligibility,
    confirm_slot,
    enter_results,
    plan_treatment_dates,
    reserve_slot,
    screen_participant,
    sign_decision,
    sign_screening,
)
from cohorts.engine.design import Verdict
from cohorts.models import Decision, DoseLevel, Participant, Recommendation
from cohorts.policies import day_at
from dosing.actions import (
    begin_lymphodepletion,
    complete_lymphodepletion,
    enter_safety_check,
    give_infusion,
    receive_lot,
    release_lot,
)
from dosing.models import Course, Infusion, ProductLot
from dosing.policies import cells_left, questions_before
from dosing.states import InfusionState, LotState
from ntrust.actions import grant_role
from ntrust.change import study_change
from ntrust.models import Site, Study, User
from ntrust.states import SITE_ROLES, Role
from safety.actions import (
    adjudicate_dlt,
    conclude_review,
    convene_review,
    report_dlt,
    report_event,
    sign_window_statement,
)
from safety.management.committee import minutes_of
from safety.management.demo_results import Answers
from safety.management.doses import INFUSED_FOR, give_doses, prepare
from safety.models import DltReport

MINUTE = timedelta(minutes=1)
FINISHED = "SCRIPT_FINISHED"


def finished(key: str) -> Study | None:
    """The study of this key, or numbered after it, whose script ran to its end."""
    studies = Study.objects.filter(key__startswith=key, events__kind=FINISHED)
    return next((study for study in studies if is_key(study.key, key)), None)


def is_key(key: str, wanted: str) -> bool:
    """Whether a key is the wanted one, or the wanted one with a number."""
    rest = key.removeprefix(wanted)
    return rest == "" or (rest.startswith("-") and rest[1:].isdigit())


def enlist(  # noqa: PLR0913 - an account and its role
    username: str,
    *,
    study: Study,
    role: Role,
    password: str,
    now: datetime,
    site: Site | None = None,
    is_demo: bool = False,
) -> User:
    """An account with this password and role; made when there is none."""
    user, _ = User.objects.get_or_create(
        username=username,
        defaults={
            "printed_name": username.replace("-", " ").capitalize(),
            "email": f"{username}@example.org",
            "is_demo": is_demo,
        },
    )
    if not user.check_password(password):
        user.set_password(password)
        user.save(update_fields=["password"])
    bound = site if role in SITE_ROLES else None
    grant_role(user, study=study, role=role, by=None, site=bound, now=now)
    return user


@dataclass(frozen=True)
class Crew:
    """The people of a site."""

    site: Site
    investigator: User
    pharmacist: User


@dataclass
class Conduct:
    """A study, its people, and the time, which moves on by a minute with each action."""

    study: Study
    manager: User
    monitor: User
    password: str
    regimen: str
    now: datetime
    crews: list[Crew] = field(default_factory=list)
    screened: int = 0
    answers: Answers | None = None
    """What participants bring to screening, for a protocol that asks."""

    def tick(self) -> datetime:
        """A minute later: no two actions at the same moment."""
        self.now += MINUTE
        return self.now

    def level(self, ordinal: int) -> DoseLevel:
        return DoseLevel.objects.get(study=self.study, ordinal=ordinal)

    def advice(self) -> Recommendation:
        """What the service says now."""
        return Recommendation.objects.filter(study=self.study).latest("id")

    def decide(
        self,
        verdict: Verdict,
        level: int | None,
        *,
        seats: int | None = None,
        reason: str = "",
        committee_verdict: str = "agrees",
    ) -> Decision:
        """A review, a decision with two signatures, and its circulation to every site."""
        decision = self.propose(
            Conclusion(
                verdict=verdict,
                level=None if level is None else self.level(level),
                committee_verdict=committee_verdict,
                reason=reason,
                seats=seats,
            )
        )
        return self.circulate(self.sign(decision))

    def propose(self, conclusion: Conclusion, *, attendees: int = 3) -> Decision:
        """A review convened and concluded."""
        review = convene_review(self.study, by=self.manager, now=self.tick())
        return conclude_review(
            review,
            conclusion=conclusion,
            minutes=minutes_of(
                self.study, attendees=attendees, reference=f"minutes of review {review.number}"
            ),
            by=self.manager,
            now=self.tick(),
        )

    def sign(self, decision: Decision) -> Decision:
        for signer in (self.manager, self.monitor):
            decision = sign_decision(decision, by=signer, password=self.password, now=self.tick())
        return decision

    def circulate(self, decision: Decision) -> Decision:
        for crew in self.crews:
            for reader in (crew.investigator, crew.pharmacist):
                decision = acknowledge_decision(
                    decision, site=crew.site, by=reader, now=self.tick()
                )
        return decision

    def screen(self, *, disease: str, crew: int = 0) -> Participant:
        """Consent and confirmed eligibility."""
        person = self.consent(disease=disease, crew=crew)
        self.fill_in(person)
        self.sign_eligibility(person)
        return confirm_eligibility(person, by=self.manager, now=self.tick())

    def consent(self, *, disease: str, crew: int = 0) -> Participant:
        """A candidate's consent, under the site's next number where results are entered too."""
        self.screened += 1
        return screen_participant(
            self.crews[crew].site,
            screening_number="" if self.answers else f"S-{self.screened:03d}",
            disease=disease,
            consented_at=self.now,
            by=self.crews[crew].investigator,
            now=self.tick(),
        )

    def fill_in(self, person: Participant, *, which: str = "eligible") -> None:
        """The dates of a screening and its results, measured today; nothing without `answers`."""
        if self.answers is None:
            return
        by, today = self.investigator_of(person), day_at(person.site, self.now)
        plan_treatment_dates(
            person,
            visit_date=today,
            lymphodepletion_date=today + timedelta(days=4),
            first_infusion_date=today + timedelta(days=9),
            by=by,
            now=self.tick(),
        )
        consent = day_at(person.site, person.consented_at)  # it may be another day by now
        entries = self.answers(person.disease, consent=consent, measured_on=today, which=which)
        enter_results(person, entries=entries, by=by, now=self.tick())

    def renew(self, person: Participant) -> None:
        """Repeat what goes out of date; signed and confirmed again."""
        if self.answers is None:
            return
        consent, today = (day_at(person.site, t) for t in (person.consented_at, self.now))
        entries = self.answers(person.disease, consent=consent, measured_on=today)
        by = self.investigator_of(person)
        enter_results(person, entries=entries, by=by, now=self.tick())
        self.sign_eligibility(person)
        confirm_eligibility(person, by=self.manager, now=self.tick())

    def sign_eligibility(self, person: Participant) -> None:
        """The investigator's signature under the screening."""
        by = self.investigator_of(person)
        sign_screening(person, by=by, password=self.password, now=self.tick())

    def seat(self, level: int, *, disease: str, crew: int = 0) -> Participant:
        """From consent to a confirmed seat."""
        person = self.screen(disease=disease, crew=crew)
        slot = reserve_slot(person, level=self.level(level), by=self.manager, now=self.tick())
        confirm_slot(slot, by=self.manager, now=self.tick())
        return person

    def condition(
        self,
        people: Sequence[Participant],
        *,
        day_0: datetime,
        regimen: str = "",
        readings: Mapping[str, Decimal] = MappingProxyType({}),
        reason: str = "",
    ) -> None:
        """Lymphodepletion as planned, complete two days later."""
        courses = self.begin(people, day_0=day_0, regimen=regimen, readings=readings, reason=reason)
        self.now += timedelta(days=2)
        if any(course.surface_m2 for course in courses):
            self.now += INFUSED_FOR
        with self._same_day(people):
            for course in courses:
                give_doses(course, by=self.investigator_of(course.participant), now=self.now)
                complete_lymphodepletion(
                    course, ended_at=self.now, by=self.investigator_of(course.participant)
                )

    def begin(
        self,
        people: Sequence[Participant],
        *,
        day_0: datetime,
        regimen: str = "",
        readings: Mapping[str, Decimal] = MappingProxyType({}),
        reason: str = "",
    ) -> list[Course]:
        """Lymphodepletion begun for all; with drugs, on an invented size and invented readings."""
        with self._same_day(people):
            return [
                begin_lymphodepletion(
                    person,
                    regimen=regimen or self.regimen,
                    started_at=self.now,
                    first_infusion_on=day_0,
                    preparation=prepare(
                        person, regimen or self.regimen, readings, reason, now=self.now
                    ),
                    by=self.investigator_of(person),
                )
                for person in people
            ]

    def stock(
        self, code: str, *, total_cells: Decimal, viability: Decimal, lasts: timedelta
    ) -> ProductLot:
        """A product lot received by a pharmacist and released by the manager."""
        lot = receive_lot(
            self.study,
            code=code,
            received_at=self.now,
            total_cells=total_cells,
            viability=viability,
            expires_on=(self.now + lasts).date(),
            by=self.crews[0].pharmacist,
            now=self.tick(),
        )
        return release_lot(lot, by=self.manager, now=self.tick())

    def infuse(
        self, people: Sequence[Participant], *, day_0: datetime, days: Iterable[int]
    ) -> None:
        """The infusions still planned, on these days after Day 0, full doses, checked before."""
        for day in days:
            self.now = max(self.now, day_0 + timedelta(days=day))
            with self._same_day(people):
                for person in people:
                    given = Infusion.objects.filter(
                        course__participant=person, state=InfusionState.PLANNED
                    ).earliest("number")
                    self._check_safety(given)
                    give_infusion(
                        given,
                        given_at=self.now,
                        given_cells=given.assigned_cells,
                        lot=self._lot_for(given),
                        by=self.investigator_of(person),
                    )

    def _check_safety(self, infusion: Infusion) -> None:
        """All answers yes, where the protocol asks."""
        if questions := questions_before(infusion):
            enter_safety_check(
                infusion,
                checked_at=self.now,
                answers={question.id: True for question in questions},
                by=self.investigator_of(infusion.course.participant),
            )

    def _lot_for(self, infusion: Infusion) -> ProductLot | None:
        """The first released lot with enough left; None where the study has no lots."""
        lots = ProductLot.objects.filter(study=self.study, state=LotState.RELEASED)
        return next((lot for lot in lots if cells_left(lot) >= infusion.assigned_cells), None)

    @contextmanager
    def _same_day(self, people: Sequence[Participant]) -> Iterator[None]:
        """One change for what is entered together: the rules run once, at its end."""
        by = self.investigator_of(people[0])
        with study_change(self.study, by=by, reason="entered together", now=self.tick()):
            yield

    def report(
        self, person: Participant, *, criterion: str = "", term: str, grade: int
    ) -> DltReport:
        """An adverse event now, stated to be dose-limiting."""
        by = self.investigator_of(person)
        event = report_event(
            person,
            term=term,
            onset_at=self.now,
            grade=grade,
            grading_system="CTCAE v5.0",
            causality="POSSIBLE",
            is_serious=True,
            aware_at=self.now,
            by=by,
            now=self.tick(),
        )
        return report_dlt(event, criterion=criterion, by=by, now=self.tick())

    def adjudicate(
        self, report: DltReport, *, is_confirmed: bool = True, reason: str = "reviewed"
    ) -> DltReport:
        return adjudicate_dlt(
            report,
            is_confirmed=is_confirmed,
            reason=reason,
            by=self.monitor,
            password=self.password,
            now=self.tick(),
        )

    def sign_no_dlt(self, person: Participant) -> None:
        """The investigator's statement at the window's end."""
        sign_window_statement(
            person,
            has_dlt=False,
            by=self.investigator_of(person),
            password=self.password,
            now=self.tick(),
        )

    def finish(self, sentence: str) -> None:
        """Leave a mark that the script ran to its end (see `finished`)."""
        with study_change(self.study, by=None, reason="script ended", now=self.tick()) as change:
            change.record(FINISHED, sentence)

    def investigator_of(self, person: Participant) -> User:
        return next(c.investigator for c in self.crews if c.site.pk == person.site_id)
