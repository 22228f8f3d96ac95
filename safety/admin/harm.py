"""Record lists of harm: events, DLT reports, statements; and of what was not as planned."""

from __future__ import annotations

from django.contrib.admin import register
from django.db.models import Q

from cohorts.models import Deviation
from safety.admin.base import RecordAdmin
from safety.admin.columns import Column
from safety.admin.filters import among, chosen
from safety.admin.people import NUMBERS, OF_PERSON, PERSON
from safety.admin.site import records
from safety.models import AdverseEvent, DataQuery, DltReport, WindowStatement
from safety.states import DltReportState

_IN_FORCE = Q(superseded_by__isnull=True)


@register(AdverseEvent, site=records)
class AdverseEvents(RecordAdmin):
    """Every adverse event, with its worst grade so far."""

    name = "adverse-events"
    title = "Adverse events"
    study, site = "participant.study", "participant.site"
    columns = (
        *OF_PERSON,
        Column("Term", "term"),
        Column("Grade", "grade"),
        Column("Graded by", "grading_system"),
        Column("Category", "category"),
        Column("Began", "onset_at"),
        Column("Ended", "ended_at"),
        Column("Causality", "causality"),
        Column("Serious", "is_serious"),
        Column("Action taken", "action_taken"),
        Column("Outcome", "outcome"),
        Column("Aware", "aware_at"),
        Column("Entered", "entered_at"),
        Column("Entered by", "entered_by", order="entered_by__printed_name"),
        Column("Question of a DLT", "candidate.state"),
        Column("Study", "participant.study.key"),
    )
    page = ("safety:one_event", "pk")
    search_fields = (*NUMBERS, "term", "narrative")
    list_filter = (
        among("study", "participant.study.key"),
        among("site", "participant.site.code"),
        among("grade", "grade"),
        chosen(
            "seriousness",
            "serious",
            yes=("serious", Q(is_serious=True)),
            no=("not serious", Q(is_serious=False)),
            open=("not yet said", Q(is_serious=None)),
        ),
        among("causality", "causality"),
        chosen(
            "course",
            "course",
            ongoing=("ongoing", Q(ended_at=None)),
            ended=("ended", Q(ended_at__isnull=False)),
        ),
        among("question of a DLT", "candidate.state"),
    )
    date_hierarchy = "onset_at"
    ordering = ("-onset_at", "-pk")


@register(DltReport, site=records)
class DltReports(RecordAdmin):
    """DLT reports; the worklist of the medical monitor is a filter."""

    name = "dlt-reports"
    title = "DLT reports"
    study, site = "event.participant.study", "event.participant.site"
    columns = (
        Column(
            "Participant",
            "event.participant",
            order="event__participant__subject_number",
        ),
        Column("Site", "event.participant.site.code"),
        Column("Level", "event.participant.outcome.level", order="-"),
        Column("Event", "event.term"),
        Column("Grade", "event.grade"),
        Column("Criterion", "criterion"),
        Column("State", "state"),
        Column("Counts from", "counts_at"),
        Column("Reported", "reported_at"),
        Column("Reported by", "reported_by", order="reported_by__printed_name"),
        Column("In the window", "was_in_window"),
        Column("Reason", "reason"),
        Column("Adjudicated", "adjudication.signature.signed_at"),
        Column("Monitor's reason", "adjudication.reason"),
        Column("Superseded by", "superseded_by.pk", order="-"),
        Column("Study", "event.participant.study.key"),
    )
    page = ("safety:one_event", "event.pk")
    search_fields = (
        "event__participant__subject_number",
        "event__participant__screening_number",
        "event__term",
        "criterion",
    )
    list_filter = (
        chosen(
            "worklist",
            "worklist",
            adjudicate=(
                "to be adjudicated",
                _IN_FORCE & Q(state=DltReportState.REPORTED),
            ),
            clock=("provisional, the clock runs", _IN_FORCE & Q(state=DltReportState.PROVISIONAL)),
            force=("in force", _IN_FORCE),
            superseded=("superseded", ~_IN_FORCE),
        ),
        among("study", "event.participant.study.key"),
        among("site", "event.participant.site.code"),
        among("state", "state"),
        among("criterion", "criterion"),
    )
    date_hierarchy = "reported_at"
    ordering = ("-reported_at", "-pk")


@register(WindowStatement, site=records)
class Statements(RecordAdmin):
    """The investigators' signed words at the ends of the windows."""

    name = "statements"
    title = "Window statements"
    study, site = "participant.study", "participant.site"
    columns = (
        *OF_PERSON,
        Column("DLT", "has_dlt"),
        Column("Signed", "signed_at"),
        Column("Signed by", "signed_by", order="signed_by__printed_name"),
        Column("Withdrawn", "withdrawn_at"),
        Column("Withdrawn because", "withdrawn_because"),
        Column("From paper", "is_legacy"),
        Column("Study", "participant.study.key"),
    )
    page = PERSON
    search_fields = NUMBERS
    list_filter = (
        among("study", "participant.study.key"),
        among("site", "participant.site.code"),
        among("a DLT stated", "has_dlt"),
        chosen(
            "force",
            "force",
            yes=("in force", Q(withdrawn_at=None)),
            no=("withdrawn", Q(withdrawn_at__isnull=False)),
        ),
    )
    date_hierarchy = "signed_at"
    ordering = ("-signed_at", "-pk")


@register(Deviation, site=records)
class Deviations(RecordAdmin):
    """What was not done as the protocol says."""

    name = "deviations"
    title = "Deviations"
    site = "site"
    columns = (
        Column("What", "sentence"),
        Column("Kind", "kind"),
        Column("Participant", "participant", order="participant__subject_number"),
        Column("Site", "site.code"),
        Column("State", "state"),
        Column("Severity", "severity"),
        Column("Occurred", "occurred_at"),
        Column("Noted", "noted_at"),
        Column("Noted by", "noted_by", order="noted_by__printed_name"),
        Column("Comment", "comment"),
        Column("Action taken", "action_taken"),
        Column("Closed", "closed_at"),
        Column("Study", "study.key"),
    )
    page = ("cohorts:deviations",)
    search_fields = (*NUMBERS, "sentence", "comment")
    list_filter = (
        among("study", "study.key"),
        among("site", "site.code"),
        among("state", "state"),
        among("severity", "severity"),
        among("kind", "kind"),
    )
    date_hierarchy = "occurred_at"
    ordering = ("-occurred_at", "-pk")


@register(DataQuery, site=records)
class DataQueries(RecordAdmin):
    """Questions of the centre to the sites about data."""

    name = "queries"
    title = "Data queries"
    site = "site"
    columns = (
        Column("Query", "number"),
        Column("About", "about"),
        Column("Participant", "participant", order="participant__subject_number"),
        Column("Site", "site.code"),
        Column("State", "state"),
        Column("Asked", "asked_at"),
        Column("Due", "due_at"),
        Column("Study", "study.key"),
    )
    page = ("safety:query", "number")
    search_fields = (*NUMBERS, "about")
    list_filter = (
        among("study", "study.key"),
        among("site", "site.code"),
        among("state", "state"),
    )
    date_hierarchy = "asked_at"
    ordering = ("-asked_at", "-pk")
