"""Cohorts, participants, their seats, and what each counts as."""

from __future__ import annotations

import pgtrigger
from django.db import models
from django.db.models import CheckConstraint, F, Q, UniqueConstraint

from cohorts.models.decisions import SEATS_IN_A_COHORT, Decision
from cohorts.models.ladder import DoseLevel, ProtocolVersion
from cohorts.states import (
    COHORT,
    PARTICIPANT,
    SLOT,
    TAKEN_SLOTS,
    CohortState,
    DltStatus,
    OutcomeLetter,
    ParticipantState,
    SlotState,
)
from ntrust.history import clinical
from ntrust.models import Site, Study, User, paired

_SEAT_EXISTS = """
    IF NEW.state IN ('RESERVED', 'CONFIRMED') AND NEW.seat >
        (SELECT seats FROM cohorts_cohort WHERE id = NEW.cohort_id)
    THEN RAISE EXCEPTION 'cohort % has no seat %', NEW.cohort_id, NEW.seat; END IF;
    RETURN NEW;
"""


_RESCREENS_A_FAILURE = """
    IF NEW.rescreens_id IS NOT NULL AND NOT EXISTS
        (SELECT 1 FROM cohorts_participant AS earlier WHERE earlier.id = NEW.rescreens_id
         AND earlier.site_id = NEW.site_id AND earlier.state = 'SCREEN_FAILED')
    THEN RAISE EXCEPTION 'only a screen failure of the same site is screened again'; END IF;
    RETURN NEW;
"""


@clinical
class Cohort(models.Model):
    """Up to three seats at a level, opened by one signed decision.

    One of Part 2 is an expansion cohort: of one disease, at the RDE, with the protocol's seats.
    """

    study = models.ForeignKey(Study, on_delete=models.PROTECT, related_name="cohorts")
    level = models.ForeignKey(DoseLevel, on_delete=models.PROTECT, related_name="cohorts")
    number = models.PositiveSmallIntegerField()
    seats = models.PositiveSmallIntegerField(default=SEATS_IN_A_COHORT)
    part = models.PositiveSmallIntegerField(default=1)
    disease = models.CharField(max_length=40, blank=True)
    decision = models.ForeignKey(Decision, on_delete=models.PROTECT, related_name="cohorts")
    state = models.CharField(
        max_length=20, choices=CohortState.choices, default=CohortState.PLANNED
    )
    opened_at = models.DateTimeField(null=True)
    stopped_because = models.TextField(blank=True)

    class Meta:
        ordering = ["number"]
        constraints = [
            UniqueConstraint(fields=["study", "number"], name="one_cohort_a_number"),
            CheckConstraint(
                condition=Q(part=1, disease="", seats__gte=1, seats__lte=SEATS_IN_A_COHORT)
                | (Q(part=2, seats__gte=1) & ~Q(disease="")),
                name="three_seats_or_a_disease",
            ),
            UniqueConstraint(
                fields=["decision", "disease"], name="one_cohort_a_decision_and_disease"
            ),
            CheckConstraint(
                condition=~Q(state=CohortState.STOPPED) | ~Q(stopped_because=""),
                name="stopped_has_a_reason",
            ),
            CheckConstraint(
                condition=Q(state=CohortState.PLANNED)
                | Q(opened_at__isnull=False)
                | Q(state=CohortState.STOPPED),
                name="open_has_its_time",
            ),
        ]
        triggers = [COHORT.guard()]

    def __str__(self) -> str:
        return f"cohort {self.number}"


@clinical
class Participant(models.Model):
    """A person in the study, known by numbers only.

    `rescreens`: the earlier attempt of the same person, which was a screen failure. `is_legacy`:
    taken over from paper, where their screening and consent are.
    """

    study = models.ForeignKey(Study, on_delete=models.PROTECT, related_name="participants")
    site = models.ForeignKey(Site, on_delete=models.PROTECT, related_name="participants")
    protocol_version = models.ForeignKey(ProtocolVersion, on_delete=models.PROTECT)
    screening_number = models.CharField(max_length=20)
    subject_number = models.CharField(max_length=20, blank=True)
    disease = models.CharField(max_length=40)
    state = models.CharField(
        max_length=20, choices=ParticipantState.choices, default=ParticipantState.SCREENING
    )
    consented_at = models.DateTimeField()
    rescreens = models.ForeignKey(
        "self", on_delete=models.PROTECT, null=True, related_name="rescreened_as"
    )
    is_legacy = models.BooleanField(default=False)

    class Meta:
        ordering = ["id"]
        constraints = [
            UniqueConstraint(fields=["study", "screening_number"], name="one_screening_number"),
            UniqueConstraint(fields=["rescreens"], name="screened_again_once"),
            UniqueConstraint(
                fields=["study", "subject_number"],
                condition=~Q(subject_number=""),
                name="one_subject_number",
            ),
        ]
        triggers = [
            PARTICIPANT.guard(),
            pgtrigger.Trigger(
                name="rescreens_a_failure",
                operation=pgtrigger.Insert | pgtrigger.UpdateOf("rescreens_id"),
                when=pgtrigger.Before,
                func=_RESCREENS_A_FAILURE,
            ),
        ]

    def __str__(self) -> str:
        return self.subject_number or self.screening_number


@clinical
class Slot(models.Model):
    """A participant's place in the queue, then their seat in a cohort. A seat has one taker at a
    time; a request has none yet. `override_reason`: why the queue was passed over."""

    cohort = models.ForeignKey(Cohort, on_delete=models.PROTECT, null=True, related_name="slots")
    participant = models.ForeignKey(Participant, on_delete=models.PROTECT, related_name="slots")
    seat = models.PositiveSmallIntegerField(null=True)
    state = models.CharField(max_length=20, choices=SlotState.choices, default=SlotState.REQUESTED)
    requested_at = models.DateTimeField(null=True)
    requested_by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, related_name="+")
    reserved_at = models.DateTimeField(null=True)
    expires_at = models.DateTimeField(null=True)
    override_reason = models.TextField(blank=True)
    confirmed_at = models.DateTimeField(null=True)
    freed_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["id"]
        constraints = [
            UniqueConstraint(
                fields=["cohort", "seat"],
                condition=Q(state__in=TAKEN_SLOTS),
                name="one_taker_a_seat",
            ),
            UniqueConstraint(
                fields=["participant"],
                condition=Q(state__in=TAKEN_SLOTS),
                name="one_seat_a_participant",
            ),
            CheckConstraint(condition=Q(seat__gte=1), name="seats_are_counted_from_one"),
            UniqueConstraint(
                fields=["participant"],
                condition=Q(state=SlotState.REQUESTED),
                name="one_request_a_participant",
            ),
            CheckConstraint(
                condition=Q(cohort__isnull=False, seat__isnull=False)
                | Q(
                    state__in=[SlotState.REQUESTED, SlotState.RELEASED],
                    cohort__isnull=True,
                    seat__isnull=True,
                    requested_at__isnull=False,
                ),
                name="only_a_request_has_no_seat",
            ),
            CheckConstraint(
                condition=~Q(state=SlotState.REQUESTED) | Q(cohort__isnull=True),
                name="request_has_no_seat_yet",
            ),
            CheckConstraint(
                condition=Q(expires_at__isnull=True) | Q(expires_at__gt=F("reserved_at")),
                name="reservation_ends_after_it_begins",
            ),
            CheckConstraint(
                condition=~Q(state=SlotState.EXPIRED) | Q(expires_at__isnull=False),
                name="expired_had_an_end",
            ),
            paired("requested_at", "requested_by"),
        ]
        triggers = [
            SLOT.guard(),
            pgtrigger.Trigger(
                name="seat_exists",
                operation=pgtrigger.Insert | pgtrigger.Update,
                when=pgtrigger.Before,
                func=_SEAT_EXISTS,
            ),
        ]


@clinical
class Outcome(models.Model):
    """What one participant counts as, and the facts it was worked out from.

    Facts come down from dosing and safety in the transaction that changed them. `level` is the
    level assigned when infusion 1 was given; before that it follows the seat. `is_counted` is
    about the 3+3 alone: False once the seat was given up before infusion 1, and for `part` 2.
    `has_dlt_elsewhere`: a DLT report in force, or one that may still count, that began outside the
    window: it counts nowhere and is in the way of a later cycle. `doubts`: calls of dosing and
    safety that could be read otherwise, each {source, kind, reads_as, because} and `until` where a
    clock runs.
    """

    participant = models.OneToOneField(
        Participant, on_delete=models.PROTECT, related_name="outcome"
    )
    study = models.ForeignKey(Study, on_delete=models.PROTECT, related_name="outcomes")
    level = models.ForeignKey(DoseLevel, on_delete=models.PROTECT, related_name="outcomes")
    part = models.PositiveSmallIntegerField(default=1)
    is_counted = models.BooleanField(default=True)
    letter = models.CharField(
        max_length=1, choices=OutcomeLetter.choices, default=OutcomeLetter.PENDING
    )
    because = models.TextField(blank=True)
    regimen = models.CharField(max_length=40, blank=True)
    lymphodepletion_given = models.BooleanField(default=False)
    infusions = models.JSONField(default=list)
    first_infused_at = models.DateTimeField(null=True)
    window_closes_at = models.DateTimeField(null=True)
    is_window_over = models.BooleanField(default=False)
    dlt = models.CharField(max_length=12, choices=DltStatus.choices, default=DltStatus.NONE)
    has_open_dlt_question = models.BooleanField(default=False)
    has_dlt_elsewhere = models.BooleanField(default=False)
    has_signed_statement = models.BooleanField(default=False)
    is_toxicity_adjudicated = models.BooleanField(default=False)
    prohibited_medication = models.TextField(blank=True)
    doubts = models.JSONField(default=list)
    not_evaluable_because = models.TextField(blank=True)
    not_evaluable_confirmed_by = models.ForeignKey(
        User, on_delete=models.PROTECT, null=True, related_name="+"
    )

    class Meta:
        ordering = ["participant_id"]
        constraints = [
            CheckConstraint(
                condition=Q(part=1) | Q(part=2, is_counted=False), name="only_part_1_counts"
            ),
            CheckConstraint(
                condition=~Q(letter=OutcomeLetter.NO_DLT)
                | Q(is_window_over=True, has_signed_statement=True, dlt=DltStatus.NONE),
                name="no_dlt_is_signed_after_the_window",
            ),
            CheckConstraint(
                condition=~Q(letter=OutcomeLetter.DLT) | Q(dlt=DltStatus.COUNTED),
                name="dlt_letter_has_a_counted_dlt",
            ),
            CheckConstraint(
                condition=~Q(letter=OutcomeLetter.NOT_EVALUABLE)
                | Q(not_evaluable_confirmed_by__isnull=False),
                name="not_evaluable_is_confirmed",
            ),
            CheckConstraint(
                condition=Q(window_closes_at__isnull=True)
                | Q(first_infused_at__isnull=False, window_closes_at__gt=F("first_infused_at")),
                name="window_closes_after_infusion_1",
            ),
        ]
