"""Record lists of treatment: lymphodepletion, infusions, what is in flight, calls, lots."""

from __future__ import annotations

from django.contrib.admin import register

from dosing.models import InFlight, Infusion, LdAdministration, MonitorCall, ProductLot
from safety.admin.base import RecordAdmin
from safety.admin.columns import Column
from safety.admin.filters import among
from safety.admin.people import NUMBERS, OF_PERSON, PERSON
from safety.admin.site import records


@register(LdAdministration, site=records)
class Lymphodepletion(RecordAdmin):
    """Each dose of lymphodepletion, planned, given or left out."""

    name = "lymphodepletion"
    title = "Lymphodepletion doses"
    study, site = "course.participant.study", "course.participant.site"
    columns = (
        Column(
            "Participant",
            "course.participant",
            order="course__participant__subject_number",
        ),
        Column("Site", "course.participant.site.code"),
        Column("Cycle", "course.cycle"),
        Column("Regimen", "course.regimen"),
        Column("Drug", "drug"),
        Column("Day", "day"),
        Column("Planned on", "planned_date"),
        Column("Planned mg/m2", "planned_mg_per_m2"),
        Column("Planned mg", "planned_mg"),
        Column("State", "state"),
        Column("Given mg", "given_mg"),
        Column("Started", "started_at"),
        Column("Stopped", "stopped_at"),
        Column("Not given because", "not_given_because"),
        Column("Study", "course.participant.study.key"),
    )
    page = ("safety:participant", "course.participant.screening_number")
    search_fields = (
        "course__participant__subject_number",
        "course__participant__screening_number",
        "drug",
    )
    list_filter = (
        among("study", "course.participant.study.key"),
        among("site", "course.participant.site.code"),
        among("state", "state"),
        among("drug", "drug"),
        among("regimen", "course.regimen"),
    )
    date_hierarchy = "planned_date"
    ordering = ("-planned_date", "-pk")


@register(Infusion, site=records)
class Infusions(RecordAdmin):
    """Each infusion, planned, held, given or missed."""

    name = "infusions"
    title = "Infusions"
    study, site = "course.participant.study", "course.participant.site"
    columns = (
        Column(
            "Participant",
            "course.participant",
            order="course__participant__subject_number",
        ),
        Column("Site", "course.participant.site.code"),
        Column("Level", "course.level", order="course__level__ordinal"),
        Column("Cycle", "course.cycle"),
        Column("Infusion", "number"),
        Column("State", "state"),
        Column("Planned on", "planned_date"),
        Column("Given", "given_at"),
        Column("Stopped", "stopped_at"),
        Column("Assigned cells", "assigned_cells"),
        Column("Given cells", "given_cells"),
        Column("Lot", "lot.code"),
        Column("Interrupted minutes", "interrupted_minutes"),
        Column("Reduced because", "reduced_because"),
        Column("Not given because", "not_given_because"),
        Column("Study", "course.participant.study.key"),
    )
    page = ("safety:participant", "course.participant.screening_number")
    search_fields = (
        "course__participant__subject_number",
        "course__participant__screening_number",
        "lot__code",
    )
    list_filter = (
        among("study", "course.participant.study.key"),
        among("site", "course.participant.site.code"),
        among("state", "state"),
        among("level", "course.level.ordinal"),
        among("lot", "lot.code"),
    )
    date_hierarchy = "planned_date"
    ordering = ("-planned_date", "-pk")


@register(InFlight, site=records)
class Flights(RecordAdmin):
    """What each site was asked about infusions that were planned when a hold or a DLT came."""

    name = "in-flight"
    title = "In flight"
    study, site = "infusion.course.participant.study", "infusion.course.participant.site"
    columns = (
        Column(
            "Participant",
            "infusion.course.participant",
            order="infusion__course__participant__subject_number",
        ),
        Column("Site", "infusion.course.participant.site.code"),
        Column("Infusion", "infusion.number"),
        Column("Planned on", "infusion.planned_date"),
        Column("Because", "because"),
        Column("State", "state"),
        Column("Raised", "raised_at"),
        Column("Due", "due_at"),
        Column("Overdue", "overdue_at"),
        Column("Answer", "answer"),
        Column("Reason", "reason"),
        Column("Answered", "answered_at"),
        Column("Answered by", "answered_by", order="answered_by__printed_name"),
        Column("Instruction", "instruction"),
        Column("Study", "infusion.course.participant.study.key"),
    )
    page = ("safety:participant", "infusion.course.participant.screening_number")
    search_fields = (
        "infusion__course__participant__subject_number",
        "infusion__course__participant__screening_number",
        "because",
    )
    list_filter = (
        among("study", "infusion.course.participant.study.key"),
        among("site", "infusion.course.participant.site.code"),
        among("state", "state"),
        among("answer", "answer"),
    )
    date_hierarchy = "raised_at"
    ordering = ("-raised_at", "-pk")


@register(MonitorCall, site=records)
class Calls(RecordAdmin):
    """Questions to the medical monitor about people in lymphodepletion."""

    name = "calls"
    title = "Calls to the medical monitor"
    study, site = "participant.study", "participant.site"
    columns = (
        *OF_PERSON,
        Column("Kind", "kind"),
        Column("State", "state"),
        Column("Raised", "raised_at"),
        Column("Due", "due_at"),
        Column("Answer", "answer"),
        Column("Lower dose", "lower_to", order="lower_to__ordinal"),
        Column("Reason", "reason"),
        Column("Answered", "answered_at"),
        Column("Answered by", "answered_by", order="answered_by__printed_name"),
        Column("Moot because", "moot_because"),
        Column("Study", "participant.study.key"),
    )
    page = PERSON
    search_fields = (*NUMBERS, "reason")
    list_filter = (
        among("study", "participant.study.key"),
        among("site", "participant.site.code"),
        among("state", "state"),
        among("kind", "kind"),
        among("answer", "answer"),
    )
    date_hierarchy = "raised_at"
    ordering = ("-raised_at", "-pk")


@register(ProductLot, site=records)
class Lots(RecordAdmin):
    """Lots of the product."""

    name = "lots"
    title = "Lots"
    columns = (
        Column("Lot", "code"),
        Column("State", "state"),
        Column("Expires", "expires_on"),
        Column("Total cells", "total_cells"),
        Column("Viability", "viability"),
        Column("Viable cells", "viable_cells", order="-"),
        Column("Received", "received_at"),
        Column("Received by", "received_by", order="received_by__printed_name"),
        Column("Study", "study.key"),
    )
    page = ("dosing:lots",)
    search_fields = ("code",)
    list_filter = (among("study", "study.key"), among("state", "state"))
    date_hierarchy = "expires_on"
    ordering = ("expires_on", "code", "pk")
