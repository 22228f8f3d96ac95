"""Record lists of who may, what happened, and who was told."""

from __future__ import annotations

from django.contrib.admin import register
from django.db.models import Q

from ntrust.models import Delivery, Event, Membership, Notification
from safety.admin.base import RecordAdmin
from safety.admin.columns import Column
from safety.admin.filters import among, chosen
from safety.admin.site import records


@register(Event, site=records)
class Events(RecordAdmin):
    """What happened, in trial words; never changed."""

    name = "events"
    title = "Events"
    columns = (
        Column("What", "sentence"),
        Column("Kind", "kind"),
        Column("At", "at"),
        Column("By", "by", order="by__printed_name"),
        Column("Participant", "subject"),
        Column("Level", "level"),
        Column("Site", "site.code"),
        Column("Recorded", "recorded_at"),
        Column("Revision", "revision"),
        Column("Study", "study.key"),
    )
    page = ("cohorts:trail",)
    search_fields = ("sentence", "kind", "subject", "by__printed_name", "by__username")
    list_filter = (
        among("study", "study.key"),
        among("kind", "kind"),
        among("site", "site.code"),
        among("level", "level"),
    )
    date_hierarchy = "at"
    ordering = ("-pk",)


@register(Notification, site=records)
class Notifications(RecordAdmin):
    """Who has to know of what, and whether they said that they do."""

    name = "notifications"
    title = "Notifications"
    study = "event.study"
    columns = (
        Column("Recipient", "recipient", order="recipient__printed_name"),
        Column("Of", "event.sentence"),
        Column("Kind", "event.kind"),
        Column("Urgent", "is_urgent"),
        Column("Told as", "role"),
        Column("Planned", "planned_at"),
        Column("Acknowledge by", "acknowledge_by"),
        Column("Acknowledged", "acknowledged_at"),
        Column("Where", "acknowledged_where"),
        Column("Step", "step"),
        Column("Study", "event.study.key"),
    )
    page = ("cohorts:trail",)
    search_fields = ("recipient__printed_name", "recipient__username", "event__sentence")
    list_filter = (
        among("study", "event.study.key"),
        among("role", "role"),
        among("urgent", "is_urgent"),
        among("kind", "event.kind"),
    )
    date_hierarchy = "planned_at"
    ordering = ("-pk",)


@register(Delivery, site=records)
class Deliveries(RecordAdmin):
    """What was sent, to where, and what kept it."""

    name = "deliveries"
    title = "Deliveries"
    study = "notification.event.study"
    columns = (
        Column("Key", "key"),
        Column("Recipient", "notification.recipient"),
        Column("Of", "notification.event.sentence"),
        Column("Kind", "notification.event.kind"),
        Column("Channel", "channel"),
        Column("Target", "target"),
        Column("Urgent", "is_urgent"),
        Column("State", "state"),
        Column("Planned", "planned_at"),
        Column("Sent", "sent_at"),
        Column("Attempts", "attempts"),
        Column("Failure", "failure"),
        Column("Study", "notification.event.study.key"),
    )
    page = ("cohorts:trail",)
    search_fields = (
        "notification__recipient__printed_name",
        "notification__recipient__username",
        "notification__event__sentence",
    )
    list_filter = (
        among("study", "notification.event.study.key"),
        among("state", "state"),
        among("channel", "channel"),
        among("urgent", "is_urgent"),
    )
    date_hierarchy = "planned_at"
    ordering = ("-pk",)


@register(Membership, site=records)
class Roles(RecordAdmin):
    """Every role that anybody held or holds: given when and by whom, and taken back."""

    name = "roles"
    title = "Roles, with their history"
    columns = (
        Column("Person", "user", order="user__printed_name"),
        Column("Username", "user.username"),
        Column("Role", "role"),
        Column("Site", "site.code"),
        Column("Given", "granted_at"),
        Column("Given by", "granted_by", order="granted_by__printed_name"),
        Column("Taken back", "revoked_at"),
        Column("Taken back by", "revoked_by", order="revoked_by__printed_name"),
        Column("Account open", "user.is_active"),
        Column("Study", "study.key"),
    )
    page = ("safety:accounts",)
    search_fields = ("user__printed_name", "user__username")
    list_filter = (
        among("study", "study.key"),
        among("role", "role"),
        among("site", "site.code"),
        chosen(
            "force",
            "force",
            yes=("held now", Q(revoked_at=None)),
            no=("taken back", Q(revoked_at__isnull=False)),
        ),
    )
    date_hierarchy = "granted_at"
    ordering = ("-granted_at", "-pk")
