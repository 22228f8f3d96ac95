"""Where messages go besides people, and when a way of sending them is out of order."""

from __future__ import annotations

from secrets import token_urlsafe

from django.db import models
from django.db.models import CheckConstraint, Q, UniqueConstraint

from ntrust.history import tracked
from ntrust.models.studies import Study
from ntrust.states import ENDPOINT, Channel, EndpointState


@tracked()
class Endpoint(models.Model):
    """Another system's address that hears of a study's events: a webhook.

    Its secret is worked out from `salt`, unlike any other's, and the service's own key, and stands
    nowhere. `kinds`: the kinds it hears of, none: all. `failures` in a row open its circuit at
    `opened_at`: nothing is sent until a while has passed, then one message tries.
    """

    study = models.ForeignKey(Study, on_delete=models.PROTECT, related_name="endpoints")
    name = models.CharField(max_length=80)
    url = models.CharField(max_length=500)
    kinds = models.JSONField(default=list)
    salt = models.CharField(max_length=64, default=token_urlsafe, editable=False)
    state = models.CharField(
        max_length=20, choices=EndpointState.choices, default=EndpointState.ACTIVE
    )
    failures = models.PositiveIntegerField(default=0)
    opened_at = models.DateTimeField(null=True)
    added_at = models.DateTimeField()

    class Meta:
        ordering = ["id"]
        constraints = [UniqueConstraint(fields=["study", "name"], name="one_name_a_webhook")]
        triggers = [ENDPOINT.guard()]

    def __str__(self) -> str:
        return self.name


@tracked()
class Outage(models.Model):
    """A channel, or one webhook, that cannot send: from the first failure in a row to a success."""

    channel = models.CharField(max_length=10, choices=Channel.choices)
    endpoint = models.ForeignKey(
        Endpoint, on_delete=models.PROTECT, null=True, related_name="outages"
    )
    began_at = models.DateTimeField()
    failures = models.PositiveIntegerField(default=1)
    failure = models.TextField(blank=True)
    ended_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["id"]
        constraints = [
            UniqueConstraint(
                fields=["channel", "endpoint"],
                condition=Q(ended_at__isnull=True),
                nulls_distinct=False,
                name="one_outage_a_channel",
            ),
            CheckConstraint(
                condition=Q(ended_at__isnull=True) | Q(ended_at__gte=models.F("began_at")),
                name="outage_ends_after_it_began",
            ),
        ]
