"""Who is on call, who is away, and who stands in for whom."""

from __future__ import annotations

from django.db import models
from django.db.models import CheckConstraint, F, Q, UniqueConstraint

from ntrust.history import clinical
from ntrust.models.studies import Site, Study, User, paired
from ntrust.states import SITE_ROLES, Role


@clinical
class Shift(models.Model):
    """One person on call in one role, from one moment to another; for a site's role, at the site.

    What was entered wrongly is withdrawn with a reason and entered anew.
    """

    study = models.ForeignKey(Study, on_delete=models.PROTECT, related_name="shifts")
    role = models.CharField(max_length=20, choices=Role.choices)
    site = models.ForeignKey(Site, on_delete=models.PROTECT, null=True)
    user = models.ForeignKey(User, on_delete=models.PROTECT, related_name="shifts")
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField()
    withdrawn_at = models.DateTimeField(null=True)
    withdrawn_by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, related_name="+")

    class Meta:
        ordering = ["starts_at", "id"]
        constraints = [
            CheckConstraint(condition=Q(ends_at__gt=F("starts_at")), name="shift_has_a_length"),
            CheckConstraint(
                condition=Q(role__in=SITE_ROLES, site__isnull=False)
                | ~Q(role__in=SITE_ROLES) & Q(site__isnull=True),
                name="site_shift_has_a_site",
            ),
            paired("withdrawn_at", "withdrawn_by"),
        ]


@clinical
class Absence(models.Model):
    """Somebody is away from a study; the deputy is told meanwhile, as well and at once."""

    study = models.ForeignKey(Study, on_delete=models.PROTECT, related_name="absences")
    user = models.ForeignKey(User, on_delete=models.PROTECT, related_name="absences")
    deputy = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField()
    withdrawn_at = models.DateTimeField(null=True)
    withdrawn_by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, related_name="+")

    class Meta:
        ordering = ["starts_at", "id"]
        constraints = [
            CheckConstraint(condition=Q(ends_at__gt=F("starts_at")), name="absence_has_a_length"),
            CheckConstraint(condition=~Q(deputy=F("user")), name="absent_is_not_their_deputy"),
            paired("withdrawn_at", "withdrawn_by"),
        ]


@clinical
class Deputyship(models.Model):
    """Who is told when this person does not answer. The next one named ends the one before."""

    study = models.ForeignKey(Study, on_delete=models.PROTECT, related_name="deputyships")
    user = models.ForeignKey(User, on_delete=models.PROTECT, related_name="deputyships")
    deputy = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    named_at = models.DateTimeField()
    named_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    ended_at = models.DateTimeField(null=True)
    ended_by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, related_name="+")

    class Meta:
        ordering = ["id"]
        constraints = [
            CheckConstraint(condition=~Q(deputy=F("user")), name="nobody_is_their_own_deputy"),
            UniqueConstraint(
                fields=["study", "user"],
                condition=Q(ended_at__isnull=True),
                name="one_deputy_a_person",
            ),
            paired("ended_at", "ended_by"),
        ]
