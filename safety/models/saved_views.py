"""A filter of a record list that somebody named, to come back to."""

from __future__ import annotations

from django.db import models
from django.db.models import CheckConstraint, Q, UniqueConstraint

from ntrust.models import User


class SavedView(models.Model):
    """One person's name for the filter of one record list. Nobody else sees it.

    Not a clinical row: it says how somebody looks, not what was done. `query` is the filter as it
    stands in the address of the list.
    """

    owner = models.ForeignKey(User, on_delete=models.CASCADE, related_name="saved_views")
    record_list = models.CharField(max_length=40)
    name = models.CharField(max_length=60)
    query = models.CharField(max_length=2000)
    saved_at = models.DateTimeField()

    class Meta:
        ordering = ["name", "id"]
        constraints = [
            UniqueConstraint(fields=["owner", "record_list", "name"], name="one_view_a_name"),
            CheckConstraint(condition=~Q(name=""), name="view_has_a_name"),
        ]

    def __str__(self) -> str:
        return self.name
