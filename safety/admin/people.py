"""Record lists of people on their way to treatment: participants, screenings, seats."""

from __future__ import annotations

from typing import Final

from django.contrib.admin import register

from cohorts.models import Participant, Screening, Slot
from safety.admin.base import RecordAdmin
from safety.admin.columns import Column
from safety.admin.filters import among
from safety.admin.site import records

NUMBERS: Final = ("participant__subject_number", "participant__screening_number")
PERSON: Final = ("safety:participant", "participant.screening_number")
OF_PERSON: Final = (
    Column("Participant", "participant", order="participant__subject_number"),
    Column("Site", "participant.site.code"),
)


@register(Participant, site=records)
class Participants(RecordAdmin):
    """Everybody who consented."""

    name = "participants"
    title = "Participants"
    site = "site"
    columns = (
        Column("Screening number", "screening_number"),
        Column("Subject number", "subject_number"),
        Column("Site", "site.code"),
        Column("Disease", "disease"),
        Column("State", "state"),
        Column("Level", "outcome.level", order="outcome__level__ordinal"),
        Column("Counts as", "outcome.letter"),
        Column("First infused", "outcome.first_infused_at"),
        Column("Window closes", "outcome.window_closes_at"),
        Column("Protocol", "protocol_version.version"),
        Column("Consented", "consented_at"),
        Column("Study", "study.key"),
    )
    page = ("safety:participant", "screening_number")
    search_fields = ("subject_number", "screening_number", "disease", "site__code", "site__name")
    list_filter = (
        among("study", "study.key"),
        among("site", "site.code"),
        among("state", "state"),
        among("level", "outcome.level.ordinal"),
        among("what it counts as", "outcome.letter"),
        among("disease", "disease"),
        among("protocol", "protocol_version.version"),
    )
    date_hierarchy = "consented_at"
    ordering = ("-consented_at", "-pk")


@register(Screening, site=records)
class Screenings(RecordAdmin):
    """The screening log."""

    name = "screenings"
    title = "Screening log"
    study, site = "participant.study", "participant.site"
    columns = (
        Column("Screening number", "participant.screening_number"),
        Column("Site", "participant.site.code"),
        Column("Disease", "participant.disease"),
        Column("State", "state"),
        Column("Consented", "participant.consented_at"),
        Column("Visit", "visit_date"),
        Column("Lymphodepletion planned", "lymphodepletion_date"),
        Column("First infusion planned", "first_infusion_date"),
        Column("Runs out", "expires_on"),
        Column("Failed criteria", "failed_criteria", order="-"),
        Column("Failed because", "failed_because"),
        Column("Confirmed", "confirmed_at"),
        Column("Confirmed by", "confirmed_by", order="confirmed_by__printed_name"),
        Column("Screens again", "participant.rescreens", order="-"),
        Column("Study", "participant.study.key"),
    )
    page = PERSON
    search_fields = (*NUMBERS, "failed_because")
    list_filter = (
        among("study", "participant.study.key"),
        among("site", "participant.site.code"),
        among("state", "state"),
        among("disease", "participant.disease"),
    )
    date_hierarchy = "visit_date"
    ordering = ("-participant__consented_at", "-pk")


@register(Slot, site=records)
class Slots(RecordAdmin):
    """Seats asked for, reserved, confirmed and given back."""

    name = "slots"
    title = "Seats and requests"
    study, site = "participant.study", "participant.site"
    columns = (
        *OF_PERSON,
        Column("State", "state"),
        Column("Level", "cohort.level", order="cohort__level__ordinal"),
        Column("Cohort", "cohort.number"),
        Column("Seat", "seat"),
        Column("Requested", "requested_at"),
        Column("Requested by", "requested_by", order="requested_by__printed_name"),
        Column("Reserved", "reserved_at"),
        Column("Expires", "expires_at"),
        Column("Confirmed", "confirmed_at"),
        Column("Freed", "freed_at"),
        Column("Out of turn because", "override_reason"),
        Column("Study", "participant.study.key"),
    )
    page = PERSON
    search_fields = (*NUMBERS, "override_reason")
    list_filter = (
        among("study", "participant.study.key"),
        among("site", "participant.site.code"),
        among("state", "state"),
        among("level", "cohort.level.ordinal"),
    )
    date_hierarchy = "requested_at"
    ordering = ("-requested_at", "-pk")
