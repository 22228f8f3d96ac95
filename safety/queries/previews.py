"""What a change would do, read before it is kept; and what one did, with whom it tells."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

from django.db.models import Q, QuerySet

from cohorts.models import Cohort, Decision, Hold, Recommendation
from cohorts.queries import Viewer, viewer_of
from cohorts.queries.advice import latest_recommendation, name_counts
from cohorts.queries.viewers import Mask, mask_for
from cohorts.queries.words import HARM, Mark, name_answer, name_bounds, name_level
from cohorts.states import CohortState, DecisionState, HoldScope, HoldState, ParticipantState
from dosing.models import Infusion
from dosing.states import InfusionState
from ntrust.models import Event, Membership, Notification, Study, User

_ENDINGS: Final = {1: "st", 2: "nd", 3: "rd"}
_NO_ANSWER: Final = Mark("nothing: no protocol version is active", HARM, "■")


@dataclass(frozen=True)
class InFlight:
    """Somebody whose lymphodepletion has begun, with a dose that would be held."""

    who: str
    site: str
    level: int
    what: str
    planned_on: date


@dataclass(frozen=True)
class Effect:
    """What would change. `bounds` are every answer still reachable afterwards; `in_flight` the
    conditioned this person may know, `in_flight_hidden` how many more."""

    before: Mark
    after: Mark
    counts_before: str
    counts_after: str
    bounds: tuple[Mark, ...]
    holds: tuple[str, ...]
    lifted: tuple[str, ...]
    decisions: tuple[str, ...]
    cohorts: tuple[str, ...]
    in_flight: tuple[InFlight, ...]
    in_flight_hidden: int
    people: int
    sites: int
    dlts: tuple[str, ...] = ()

    @property
    def headline(self) -> str:
        """What matters most, in one sentence; empty when no DLT is added and nothing held."""
        where = [hold.partition(":")[0] for hold in self.holds]
        held = [f"dosing at {place} will be held" for place in dict.fromkeys(where)]
        if not (self.dlts or held):
            return ""
        told = f"{self.told} told"
        said = "; ".join([*self.dlts, ", ".join([*held, told])])
        return f"{said[:1].upper()}{said[1:]}."

    @property
    def is_same_answer(self) -> bool:
        """Whether the rules would say what they say now."""
        return self.before == self.after

    @property
    def changes_nothing(self) -> bool:
        """Whether nothing but the record itself would change."""
        news = (self.holds, self.lifted, self.decisions, self.cohorts)
        return self.is_same_answer and self.counts_before == self.counts_after and not any(news)

    @property
    def told(self) -> str:
        """How many would be told, in words."""
        return _name_told(self.people, self.sites)


@dataclass(frozen=True)
class _Standing:
    """What stands before the change."""

    advice: Recommendation | None
    holds: frozenset[int]
    changed: frozenset[tuple[int, str]]
    cohorts: dict[int, str]
    event: int


def look_at(study: Study, user: User) -> Callable[[], Effect]:
    """Remember what stands now; the answer tells what has changed since, as `user` may know it."""
    viewer = viewer_of(user, study.key)
    assert viewer is not None  # a page looks ahead for members only
    standing = _Standing(
        advice=latest_recommendation(study),
        holds=frozenset(_holds(study).values_list("pk", flat=True)),
        changed=frozenset(_changed(study).values_list("pk", "basis_change")),
        cohorts=dict(Cohort.objects.filter(study=study).values_list("pk", "state")),
        event=Event.objects.filter(study=study).values_list("pk", flat=True).last() or 0,
    )
    return lambda: _read(study, standing, viewer)


def _read(study: Study, was: _Standing, viewer: Viewer) -> Effect:
    mask, advice = mask_for(viewer), latest_recommendation(study)
    placed = list(_holds(study).exclude(pk__in=was.holds))
    lifted = Hold.objects.filter(pk__in=was.holds, state=HoldState.LIFTED)
    changed = [
        decision for decision in _changed(study)
        if (decision.pk, decision.basis_change) not in was.changed
    ]  # fmt: skip
    flights = list(_in_flight(study, placed))
    known = [flight for flight in flights if viewer.sees(flight.course.participant.site_id)]
    events = Event.objects.filter(study=study, pk__gt=was.event)
    people, sites = _told_of(study, events)
    return Effect(
        before=_answer(was.advice),
        after=_answer(advice),
        counts_before=name_counts(was.advice.counts) if was.advice else "",
        counts_after=name_counts(advice.counts) if advice else "",
        bounds=name_bounds(advice.bounds) if advice else (),
        holds=tuple(_name_hold(hold, mask) for hold in placed),
        lifted=tuple(_name_hold(hold, mask) for hold in lifted.select_related("level", "site")),
        decisions=tuple(
            mask.cover(f"Decision #{one.number}: {one.basis_change}.") for one in changed
        ),
        cohorts=tuple(_cohorts(study, was.cohorts)),
        in_flight=tuple(_flight(flight) for flight in known),
        in_flight_hidden=len(flights) - len(known),
        people=people,
        sites=sites,
        dlts=tuple(_more_dlts(was.advice, advice)),
    )


def _answer(advice: Recommendation | None) -> Mark:
    if advice is None:
        return _NO_ANSWER
    return name_answer(advice.verdict, advice.level, advice.outcome, advice.mtd)


def _more_dlts(was: Recommendation | None, now: Recommendation | None) -> Iterable[str]:
    """Which DLT it would be, at each level where there would be more: "2nd DLT at DL1"."""
    for level, tally in sorted((now.counts if now else {}).items()):
        before = was.counts.get(level, {}).get("x", 0) if was else 0
        if tally["x"] > before:
            yield f"{_nth(tally['x'])} DLT at {name_level(int(level))}"


def _nth(number: int) -> str:
    last = 0 if number % 100 in (11, 12, 13) else number % 10
    return f"{number}{_ENDINGS.get(last, 'th')}"


def _holds(study: Study) -> QuerySet[Hold]:
    rows = Hold.objects.filter(study=study, state=HoldState.PLACED)
    return rows.select_related("level", "site")


def _changed(study: Study) -> QuerySet[Decision]:
    return Decision.objects.filter(study=study, state=DecisionState.BASIS_CHANGED)


def _name_hold(hold: Hold, mask: Mask) -> str:
    if hold.scope == HoldScope.LEVEL and hold.level is not None:
        where = f"{name_level(hold.level.ordinal)} and above"
    elif hold.scope == HoldScope.PART_2:
        where = f"Part 2, {hold.disease}" if hold.disease else "Part 2"
    else:
        where = f"Site {hold.site.code}" if hold.site else "The whole study"
    return f"{where}: {mask.cover(hold.reason)}"


def _cohorts(study: Study, was: dict[int, str]) -> Iterable[str]:
    for cohort in Cohort.objects.filter(study=study).select_related("level").order_by("number"):
        before = was.get(cohort.pk)
        if before == cohort.state:
            continue
        came = f"{CohortState(before).label} → " if before else ""
        where = name_level(cohort.level.ordinal)
        yield f"Cohort {cohort.number} at {where}: {came}{CohortState(cohort.state).label}"


def _in_flight(study: Study, holds: Sequence[Hold]) -> Iterable[Infusion]:
    """The next planned dose of everybody conditioned whom one of the holds would stop."""
    if not holds:
        return []
    reach = Q()
    for hold in holds:
        if hold.level is not None:
            reach |= Q(course__level__ordinal__gte=hold.level.ordinal)
        elif hold.site is not None:
            reach |= Q(course__participant__site=hold.site)
        elif hold.scope == HoldScope.PART_2:
            held = Q(course__participant__outcome__part=2)
            if hold.disease:
                held &= Q(course__participant__disease=hold.disease)
            reach |= held
        else:
            reach |= Q(course__participant__study=study)
    rows = Infusion.objects.filter(
        reach,
        course__participant__study=study,
        course__participant__state__in=[
            ParticipantState.CONDITIONING,
            ParticipantState.TREATED,
            ParticipantState.FOLLOW_UP,
        ],
        state=InfusionState.PLANNED,
    ).select_related("course__participant__site", "course__level")
    next_of = {one.course.participant_id: one for one in rows.order_by("-planned_date", "-number")}
    return sorted(next_of.values(), key=lambda one: (one.planned_date, one.pk))


def _flight(infusion: Infusion) -> InFlight:
    person = infusion.course.participant
    return InFlight(
        who=str(person),
        site=person.site.code,
        level=infusion.course.level.ordinal,
        what=f"infusion {infusion.number}",
        planned_on=infusion.planned_date,
    )


def _told_of(study: Study, events: QuerySet[Event]) -> tuple[int, int]:
    """How many people are told of these events, and at how many sites."""
    told = Notification.objects.filter(event__in=events).values_list("recipient_id", flat=True)
    people = set(told)
    at = Membership.objects.filter(
        study=study, user__in=people, site__isnull=False, revoked_at__isnull=True
    )
    return len(people), len(set(at.values_list("site_id", flat=True)))


def _name_told(people: int, sites: int) -> str:
    if not people:
        return "nobody"
    words = f"{people} {'person' if people == 1 else 'people'}"
    return f"{words} at {sites} site{'' if sites == 1 else 's'}" if sites else words


def tell(study: Study, revisions: Sequence[int], user: User) -> list[str]:
    """What the changes with these revisions did, a sentence an event, and who is told. Of what
    happened at a site that `user` may not know, only that of which they hear anyhow: a change also
    applies what waited elsewhere."""
    viewer = viewer_of(user, study.key)
    events = Event.objects.filter(study=study, revision__in=revisions).order_by("id")
    if viewer is None or not events:
        return []
    mask = mask_for(viewer)
    mailed = set(Notification.objects.filter(event__in=events, recipient=user).values_list("event"))
    said = dict.fromkeys(
        mask.cover(event.sentence)
        for event in events
        if event.site_id is None or viewer.sees(event.site_id) or (event.pk,) in mailed
    )
    return [*said, f"Told: {_name_told(*_told_of(study, events))}."]
