"""Studies, their sites, people with their roles, and what happened."""

from __future__ import annotations

import pgtrigger
from django.contrib.auth.models import AbstractUser
from django.db import models
from django.db.models import CheckConstraint, F, Q, UniqueConstraint
from django.db.models.functions import Lower

from ntrust.history import append_only, clinical, tracked
from ntrust.states import (
    SITE,
    SITE_ROLES,
    STUDY,
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
    """A person who can log in. One person, one account: names and addresses are unique in any case.

    The database notes itself when the password changed.
    """

    printed_name = models.CharField(max_length=200, blank=True)
    is_demo = models.BooleanField(default=False)
    password_changed_at = models.DateTimeField(null=True, editable=False)

    class Meta(AbstractUser.Meta):
        constraints = [
            UniqueConstraint(Lower("username"), name="one_account_a_username"),
            UniqueConstraint(Lower("email"), condition=~Q(email=""), name="one_account_an_address"),
        ]
        triggers = [
            pgtrigger.Trigger(
                name="password_changed",
                operation=pgtrigger.Insert | pgtrigger.Update,
                when=pgtrigger.Before,
                func=pgtrigger.Func(
                    "IF TG_OP = 'INSERT' OR NEW.password IS DISTINCT FROM OLD.password THEN "
                    "NEW.password_changed_at = CLOCK_TIMESTAMP(); END IF; RETURN NEW;"
                ),
            )
        ]

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
    data_protection = models.JSONField(default=dict)
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
