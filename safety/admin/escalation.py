"""Record lists of the escalation: levels, cohorts, decisions, reviews, holds, protocol, sites."""

from __future__ import annotations

from django.contrib.admin import register

from cohorts.models import Cohort, Decision, DoseLevel, Hold, ProtocolVersion
from ntrust.models import Site
from safety.admin.base import RecordAdmin
from safety.admin.columns import Column
from safety.admin.filters import among
from safety.admin.site import records
from safety.models import Review


@register(DoseLevel, site=records)
class Levels(RecordAdmin):
    """The ladder."""

    name = "levels"
    title = "Dose levels"
    columns = (
        Column("Level", "ordinal"),
        Column("Dose", "dose"),
        Column("Unit", "unit"),
        Column("Illustrative", "is_illustrative"),
        Column("Study", "study.key"),
    )
    page = ("cohorts:ladder",)
    list_filter = (among("study", "study.key"),)
    ordering = ("study__key", "ordinal", "pk")


@register(Cohort, site=records)
class Cohorts(RecordAdmin):
    """Each group of seats that a decision opened."""

    name = "cohorts"
    title = "Cohorts"
    columns = (
        Column("Cohort", "number"),
        Column("Level", "level", order="level__ordinal"),
        Column("Part", "part"),
        Column("Disease", "disease"),
        Column("Seats", "seats"),
        Column("State", "state"),
        Column("Opened", "opened_at"),
        Column("By decision", "decision.number"),
        Column("Stopped because", "stopped_because"),
        Column("Study", "study.key"),
    )
    page = ("safety:decision", "decision.number")
    search_fields = ("disease", "stopped_because")
    list_filter = (
        among("study", "study.key"),
        among("level", "level.ordinal"),
        among("state", "state"),
        among("part", "part"),
    )
    date_hierarchy = "opened_at"
    ordering = ("study__key", "-number", "-pk")


@register(Decision, site=records)
class Decisions(RecordAdmin):
    """What was signed."""

    name = "decisions"
    title = "Decisions"
    columns = (
        Column("Decision", "number"),
        Column("Verdict", "verdict"),
        Column("Level", "level", order="level__ordinal"),
        Column("Seats", "seats"),
        Column("State", "state"),
        Column("Override", "is_override"),
        Column("Less safe", "is_less_safe"),
        Column("Reason", "reason"),
        Column("Committee", "committee_verdict"),
        Column("Proposed", "proposed_at"),
        Column("Signed", "signed_at"),
        Column("Manager", "manager_signature.printed_name"),
        Column("Medical monitor", "monitor_signature.printed_name"),
        Column("Read everywhere", "circulated_at"),
        Column("Basis changed", "basis_changed_at"),
        Column("Re-review", "re_review_verdict"),
        Column("Study", "study.key"),
    )
    page = ("safety:decision", "number")
    search_fields = ("verdict", "reason", "committee_verdict")
    list_filter = (
        among("study", "study.key"),
        among("state", "state"),
        among("verdict", "verdict"),
        among("level", "level.ordinal"),
        among("override", "is_override"),
    )
    date_hierarchy = "proposed_at"
    ordering = ("-proposed_at", "-pk")


@register(Review, site=records)
class Reviews(RecordAdmin):
    """Meetings of the committee, each over one packet."""

    name = "reviews"
    title = "Reviews"
    columns = (
        Column("Review", "number"),
        Column("State", "state"),
        Column("Data cut", "packet.cut_at"),
        Column("Convened", "convened_at"),
        Column("Convened by", "convened_by", order="convened_by__printed_name"),
        Column("Concluded", "concluded_at"),
        Column("Attendees", "attendees"),
        Column("Agrees", "committee_agrees"),
        Column("Own answer", "answer_verdict"),
        Column("At level", "answer_level", order="answer_level__ordinal"),
        Column("Verdict", "committee_verdict"),
        Column("Minutes", "minutes_reference"),
        Column("Decision", "decision.number"),
        Column("Looks again at", "re_reviews.number"),
        Column("Study", "study.key"),
    )
    page = ("safety:review", "number")
    search_fields = ("committee_verdict", "minutes_reference")
    list_filter = (among("study", "study.key"), among("state", "state"))
    date_hierarchy = "convened_at"
    ordering = ("-convened_at", "-pk")


@register(Hold, site=records)
class Holds(RecordAdmin):
    """Every hold, in force or lifted."""

    name = "holds"
    title = "Holds"
    columns = (
        Column("Scope", "scope"),
        Column("Level", "level", order="level__ordinal"),
        Column("Site", "site.code"),
        Column("Disease", "disease"),
        Column("State", "state"),
        Column("Rule", "rule"),
        Column("Reason", "reason"),
        Column("Placed", "placed_at"),
        Column("Placed by", "placed_by", order="placed_by__printed_name"),
        Column("Lifted", "lifted_at"),
        Column("Lifted because", "lift_reason"),
        Column("Study", "study.key"),
    )
    page = ("cohorts:holds",)
    search_fields = ("reason", "rule", "lift_reason")
    list_filter = (
        among("study", "study.key"),
        among("state", "state"),
        among("scope", "scope"),
        among("level", "level.ordinal"),
        among("site", "site.code"),
        among("rule", "rule"),
    )
    date_hierarchy = "placed_at"
    ordering = ("-placed_at", "-pk")


@register(ProtocolVersion, site=records)
class Protocols(RecordAdmin):
    """Versions of the protocol."""

    name = "protocols"
    title = "Protocol versions"
    columns = (
        Column("Version", "version"),
        Column("State", "state"),
        Column("In force from", "effective_on"),
        Column("Approved", "approved_at"),
        Column("Approved by", "approved_by", order="approved_by__printed_name"),
        Column("Because", "approval_reason"),
        Column("Activated", "activated_at"),
        Column("Hash", "document_hash", order="-"),
        Column("Study", "study.key"),
    )
    page = ("cohorts:protocol", "version")
    search_fields = ("version", "approval_reason")
    list_filter = (among("study", "study.key"), among("state", "state"))
    ordering = ("study__key", "-pk")


@register(Site, site=records)
class Sites(RecordAdmin):
    """Centres."""

    name = "sites"
    title = "Sites"
    columns = (
        Column("Code", "code"),
        Column("Name", "name"),
        Column("Place", "place"),
        Column("State", "state"),
        Column("Suspended because", "suspended_because"),
        Column("In the registry", "registry_status"),
        Column("Time zone", "timezone"),
        Column("Study", "study.key"),
    )
    page = ("cohorts:sites",)
    search_fields = ("code", "name", "place")
    list_filter = (
        among("study", "study.key"),
        among("state", "state"),
        among("registry status", "registry_status"),
    )
    ordering = ("study__key", "code", "pk")
