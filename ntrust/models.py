"""Tables shared by every app: studies, sites, people and their roles, events, notifications."""

from __future__ import annotations

from django.contrib.auth.models import AbstractUser
from django.db import models
from django.db.models import CheckConstraint, F, Q, UniqueConstraint

from ntrust.history import append_only, clinical, tracked
from ntrust.states import (
    NOTIFICATION,
    SITE,
    SITE_ROLES,
    STUDY,
    NotificationState,
    Role,
    SiteState,
    StudyState,
)


def paired(at: str, by: str) -> CheckConstraint:
    """A time and its person are set together."""
    return CheckConstraint(
        condition=Q(**{f"{at}__isnull": True, f"{by}__isnull": True})
        | Q(**{f"{at}__isnull": False, f"{by}__isnull": False}),
        name=f"%(class)s_{at}_with_{by}",
    )


@tracked(exclude=["password", "last_login"])
class User(AbstractUser):
    """A person who can log in. One person, one account."""

    printed_name = models.CharField(max_length=200, blank=True)
    is_demo = models.BooleanField(default=False)

    def __str__(self) -> str:
        return self.printed_name or self.username


@tracked(exclude=["revision"])
class Study(models.Model):
    """A trial. Its row is the lock that every change of its data takes first."""

    key = models.SlugField(max_length=60, unique=True)
    title = models.CharField(max_length=300)
    protocol_number = models.CharField(max_length=60)
    registry_number = models.CharField(max_length=60, blank=True)
    product = models.CharField(max_length=120, blank=True)
    state = models.CharField(max_length=20, choices=StudyState.choices, default=StudyState.SETUP)
    revision = models.PositiveBigIntegerField(default=0)
    is_replay = models.BooleanField(default=False)
    source = models.TextField(blank=True)
    notification_rules = models.JSONField(default=dict)
    created_at = models.DateTimeField()

    class Meta:
        ordering = ["key"]
        triggers = [STUDY.guard()]

    def __str__(self) -> str:
        return self.key


@clinical
class Site(models.Model):
    """A centre of a study, as the registry lists it."""

    study = models.ForeignKey(Study, on_delete=models.PROTECT, related_name="sites")
    code = models.CharField(max_length=12)
    name = models.CharField(max_length=200)
    place = models.CharField(max_length=200, blank=True)
    registry_status = models.CharField(max_length=60, blank=True)
    timezone = models.CharField(max_length=60, default="UTC")
    state = models.CharField(max_length=20, choices=SiteState.choices, default=SiteState.PLANNED)
    suspended_because = models.TextField(blank=True)

    class Meta:
        ordering = ["code"]
        constraints = [
            UniqueConstraint(fields=["study", "code"], name="one_code_a_site"),
            CheckConstraint(
                condition=Q(state=SiteState.SUSPENDED) & ~Q(suspended_because="")
                | ~Q(state=SiteState.SUSPENDED) & Q(suspended_because=""),
                name="suspended_site_has_a_reason",
            ),
        ]
        triggers = [SITE.guard()]

    def __str__(self) -> str:
        return f"{self.code} {self.name}"


@tracked()
class Membership(models.Model):
    """A role a person holds in a study; investigators and pharmacists at one site each row."""

    user = models.ForeignKey(User, on_delete=models.PROTECT, related_name="memberships")
    study = models.ForeignKey(Study, on_delete=models.PROTECT, related_name="memberships")
    role = models.CharField(max_length=20, choices=Role.choices)
    site = models.ForeignKey(Site, on_delete=models.PROTECT, null=True, blank=True)
    granted_at = models.DateTimeField()
    granted_by = models.ForeignKey(
        User, on_delete=models.PROTECT, null=True, related_name="memberships_granted"
    )
    revoked_at = models.DateTimeField(null=True, blank=True)
    revoked_by = models.ForeignKey(
        User, on_delete=models.PROTECT, null=True, blank=True, related_name="memberships_revoked"
    )

    class Meta:
        constraints = [
            CheckConstraint(
                condition=Q(role__in=SITE_ROLES, site__isnull=False)
                | (~Q(role__in=SITE_ROLES) & Q(site__isnull=True)),
                name="site_roles_have_a_site",
            ),
            UniqueConstraint(
                fields=["user", "study", "role", "site"],
                condition=Q(revoked_at__isnull=True),
                nulls_distinct=False,
                name="one_current_membership",
            ),
            CheckConstraint(
                condition=Q(revoked_at__isnull=True) | Q(revoked_at__gte=F("granted_at")),
                name="revoked_after_granted",
            ),
            paired("revoked_at", "revoked_by"),
        ]


@append_only
class Event(models.Model):
    """What happened, in trial words. Feeds notifications, the timeline and live boards."""

    study = models.ForeignKey(Study, on_delete=models.PROTECT, related_name="events")
    revision = models.PositiveBigIntegerField()
    kind = models.CharField(max_length=60)
    sentence = models.TextField()
    level = models.SmallIntegerField(null=True)
    subject = models.CharField(max_length=40, blank=True)
    site = models.ForeignKey(Site, on_delete=models.PROTECT, null=True)
    data = models.JSONField(default=dict)
    at = models.DateTimeField()
    recorded_at = models.DateTimeField(auto_now_add=True)
    by = models.ForeignKey(User, on_delete=models.PROTECT, null=True)

    class Meta:
        ordering = ["id"]
        indexes = [models.Index(fields=["study", "id"])]

    def __str__(self) -> str:
        return self.sentence


@tracked()
class Notification(models.Model):
    """One person to be told of one event. Planned with the event, sent after the commit."""

    event = models.ForeignKey(Event, on_delete=models.PROTECT, related_name="notifications")
    recipient = models.ForeignKey(User, on_delete=models.PROTECT, related_name="notifications")
    is_urgent = models.BooleanField(default=False)
    state = models.CharField(
        max_length=20, choices=NotificationState.choices, default=NotificationState.PLANNED
    )
    planned_at = models.DateTimeField()
    claimed_at = models.DateTimeField(null=True)
    next_try_at = models.DateTimeField()
    attempts = models.PositiveSmallIntegerField(default=0)
    sent_at = models.DateTimeField(null=True)
    failure = models.TextField(blank=True)

    class Meta:
        ordering = ["id"]
        constraints = [
            UniqueConstraint(fields=["event", "recipient"], name="one_notification_a_person"),
            CheckConstraint(
                condition=Q(state=NotificationState.SENT, sent_at__isnull=False)
                | (~Q(state=NotificationState.SENT) & Q(sent_at__isnull=True)),
                name="sent_has_its_time",
            ),
        ]
        indexes = [
            models.Index(
                fields=["next_try_at", "id"],
                condition=~Q(state=NotificationState.SENT),
                name="notifications_to_send",
            )
        ]
        triggers = [NOTIFICATION.guard()]


@append_only
class Signature(models.Model):
    """A person's signature on some content: printed name, meaning, time, and the content's hash."""

    study = models.ForeignKey(Study, on_delete=models.PROTECT, related_name="signatures")
    signer = models.ForeignKey(User, on_delete=models.PROTECT)
    printed_name = models.CharField(max_length=200)
    role = models.CharField(max_length=20, choices=Role.choices)
    meaning = models.CharField(max_length=200)
    signed_at = models.DateTimeField()
    content_hash = models.CharField(max_length=64)

    class Meta:
        ordering = ["id"]
