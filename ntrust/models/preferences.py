"""How a person wants to be told; what is urgent is mailed whatever they want."""

from __future__ import annotations

from django.db import models
from django.db.models import CheckConstraint, Q

from ntrust.history import tracked
from ntrust.models.studies import User


@tracked()
class Preference(models.Model):
    """One person's own: the hour of their digest, in which zone, and what comes at once as well.

    Without a row, or with a blank `timezone`: that of their site, or UTC.
    """

    user = models.OneToOneField(User, on_delete=models.PROTECT, related_name="preference")
    digest_hour = models.PositiveSmallIntegerField()
    timezone = models.CharField(max_length=60, blank=True)
    mails_at_once = models.BooleanField(default=False)
    changed_at = models.DateTimeField()

    class Meta:
        constraints = [
            CheckConstraint(condition=Q(digest_hour__lte=23), name="digest_hour_is_of_a_day"),
        ]
