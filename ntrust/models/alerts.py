"""Who is to be told of an event, and what was sent to tell them."""

from __future__ import annotations

import uuid
from datetime import datetime

import pgtrigger
from django.db import models
from django.db.models import CheckConstraint, Exists, OuterRef, Q, QuerySet, UniqueConstraint

from ntrust.history import tracked, written_once
from ntrust.models.chats import Chat
from ntrust.models.endpoints import Endpoint
from ntrust.models.studies import Event, Site, User
from ntrust.states import DELIVERY, AcknowledgedWhere, Channel, DeliveryState, Role

OUTBOX_CHANNEL = "ntrust_outbox"
"""Where PostgreSQL says, at each commit that planned a delivery, that there is one."""


def _says_so() -> pgtrigger.Trigger:
    return pgtrigger.Trigger(
        name="says_so",
        operation=pgtrigger.Insert,
        level=pgtrigger.Statement,
        when=pgtrigger.After,
        func=f"PERFORM pg_notify('{OUTBOX_CHANNEL}', ''); RETURN NULL;",
    )


@written_once
class Digest(models.Model):
    """What could wait, for one person and one day of theirs, in one mail."""

    user = models.ForeignKey(User, on_delete=models.PROTECT, related_name="digests")
    day = models.DateField()
    made_at = models.DateTimeField()

    class Meta:
        ordering = ["id"]
        constraints = [UniqueConstraint(fields=["user", "day"], name="one_digest_a_day")]


@tracked()
class Notification(models.Model):
    """One person who has to know of one event. Planned with the event; their inbox shows it.

    `role` and `site` are those in which they are told: one word from anybody of a role at a site is
    the word of all. `acknowledge_by`: until when, none: nobody waits for it. `in_place_of` is the
    notification that nobody acknowledged, or that could not be delivered, and `step` how often that
    has happened. `waits_for_digest`: it is sent with the person's next digest, not by itself.
    `seen_to_at`: since when nobody has to see to its silence: the group has answered, others were
    told in its place, or nobody was left to tell. `answer`: whose word it was that answered for
    all of its group, and for those told in their place.
    """

    event = models.ForeignKey(Event, on_delete=models.PROTECT, related_name="notifications")
    recipient = models.ForeignKey(User, on_delete=models.PROTECT, related_name="notifications")
    role = models.CharField(max_length=20, choices=Role.choices, blank=True)
    site = models.ForeignKey(Site, on_delete=models.PROTECT, null=True)
    is_urgent = models.BooleanField(default=False)
    waits_for_digest = models.BooleanField(default=False)
    digest = models.ForeignKey(
        Digest, on_delete=models.PROTECT, null=True, related_name="notifications"
    )
    planned_at = models.DateTimeField()
    acknowledge_by = models.DateTimeField(null=True)
    step = models.PositiveSmallIntegerField(default=0)
    in_place_of = models.ForeignKey(
        "self", on_delete=models.PROTECT, null=True, related_name="passed_on"
    )
    seen_to_at = models.DateTimeField(null=True)
    read_at = models.DateTimeField(null=True)
    answer = models.ForeignKey("self", on_delete=models.PROTECT, null=True, related_name="+")
    acknowledged_at = models.DateTimeField(null=True)
    acknowledged_where = models.CharField(
        max_length=10, choices=AcknowledgedWhere.choices, blank=True
    )

    class Meta:
        ordering = ["id"]
        constraints = [
            UniqueConstraint(fields=["event", "recipient"], name="one_notification_a_person"),
            CheckConstraint(
                condition=Q(acknowledged_at__isnull=True, acknowledged_where="")
                | Q(acknowledged_at__isnull=False) & ~Q(acknowledged_where=""),
                name="acknowledged_in_some_way",
            ),
            CheckConstraint(
                condition=Q(step=0, in_place_of__isnull=True)
                | Q(step__gt=0, in_place_of__isnull=False),
                name="a_later_step_is_in_place_of_another",
            ),
        ]
        indexes = [
            models.Index(
                fields=["acknowledge_by"],
                condition=Q(acknowledge_by__isnull=False, seen_to_at__isnull=True),
                name="notifications_awaited",
            ),
            models.Index(
                fields=["recipient"],
                condition=Q(waits_for_digest=True, digest__isnull=True),
                name="notifications_for_a_digest",
            ),
        ]


class Deliveries(models.Manager["Delivery"]):
    """Of the outbox, what may be claimed."""

    def due(
        self, *, now: datetime, given_up: datetime, ahead: datetime | None = None
    ) -> QuerySet[Delivery]:
        """Planned and due, or claimed before `given_up` by a sender that died.

        Due as well is what was planned later than `ahead`: the clock has been set back since. Of a
        lane only the first that is not over; the others wait for it.
        """
        before = self.filter(
            lane=OuterRef("lane"),
            channel=OuterRef("channel"),
            pk__lt=OuterRef("pk"),
            state__in=[DeliveryState.PLANNED, DeliveryState.SENDING],
        )
        planned = Q(state=DeliveryState.PLANNED, next_try_at__lte=now)
        if ahead is not None:
            planned |= Q(state=DeliveryState.PLANNED, attempts=0, planned_at__gt=ahead)
        stuck = Q(state=DeliveryState.SENDING, claimed_at__lte=given_up)
        return self.filter(planned | stuck).filter(Q(lane="") | ~Exists(before))


@tracked()
class Delivery(models.Model):
    """One message by one channel. Its `key` goes with it: the same message sent twice has one key.

    Of a notification, of a digest, or of an event to a webhook: one without an event tries it. To a
    person's chat it is of a notification, or of nothing: that tries it.
    Deliveries of one `lane` leave in the order in which they were planned. `target` is where it
    went when it was last tried.
    """

    key = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    notification = models.ForeignKey(
        Notification, on_delete=models.PROTECT, null=True, related_name="deliveries"
    )
    digest = models.ForeignKey(
        Digest, on_delete=models.PROTECT, null=True, related_name="deliveries"
    )
    endpoint = models.ForeignKey(
        Endpoint, on_delete=models.PROTECT, null=True, related_name="deliveries"
    )
    event = models.ForeignKey(Event, on_delete=models.PROTECT, null=True, related_name="deliveries")
    chat = models.ForeignKey(Chat, on_delete=models.PROTECT, null=True, related_name="deliveries")
    channel = models.CharField(max_length=10, choices=Channel.choices)
    target = models.CharField(max_length=500, blank=True)
    is_urgent = models.BooleanField(default=False)
    lane = models.CharField(max_length=80, blank=True)
    state = models.CharField(
        max_length=20, choices=DeliveryState.choices, default=DeliveryState.PLANNED
    )
    planned_at = models.DateTimeField()
    claimed_at = models.DateTimeField(null=True)
    next_try_at = models.DateTimeField()
    attempts = models.PositiveSmallIntegerField(default=0)
    sent_at = models.DateTimeField(null=True)
    failure = models.TextField(blank=True)

    objects = Deliveries()

    class Meta:
        ordering = ["id"]
        verbose_name_plural = "deliveries"
        constraints = [
            UniqueConstraint(fields=["notification", "channel"], name="one_delivery_a_channel"),
            UniqueConstraint(fields=["digest", "channel"], name="one_digest_a_channel"),
            UniqueConstraint(fields=["endpoint", "event"], name="one_delivery_a_webhook"),
            CheckConstraint(
                condition=Q(notification__isnull=False, digest__isnull=True, endpoint__isnull=True)
                | Q(notification__isnull=True, digest__isnull=False, endpoint__isnull=True)
                | Q(notification__isnull=True, digest__isnull=True, endpoint__isnull=False)
                | Q(
                    notification__isnull=True,
                    digest__isnull=True,
                    endpoint__isnull=True,
                    chat__isnull=False,
                ),
                name="delivery_is_of_one_thing",
            ),
            CheckConstraint(
                condition=Q(chat__isnull=False, channel=Channel.CHAT, digest__isnull=True)
                | (Q(chat__isnull=True) & ~Q(channel=Channel.CHAT)),
                name="chats_hear_of_notifications",
            ),
            CheckConstraint(
                condition=Q(endpoint__isnull=False, channel=Channel.WEBHOOK)
                | (Q(endpoint__isnull=True, event__isnull=True) & ~Q(channel=Channel.WEBHOOK)),
                name="webhooks_hear_of_events",
            ),
            CheckConstraint(
                condition=Q(state=DeliveryState.SENT, sent_at__isnull=False)
                | (~Q(state=DeliveryState.SENT) & Q(sent_at__isnull=True)),
                name="sent_has_its_time",
            ),
        ]
        indexes = [
            models.Index(
                models.F("is_urgent").desc(),
                "id",
                condition=Q(state__in=[DeliveryState.PLANNED, DeliveryState.SENDING]),
                name="deliveries_to_send",
            ),
            models.Index(
                fields=["lane", "id"],
                condition=~Q(lane="") & Q(state__in=[DeliveryState.PLANNED, DeliveryState.SENDING]),
                name="deliveries_in_lanes",
            ),
            models.Index(
                fields=["notification"],
                condition=Q(state=DeliveryState.FAILED),
                name="deliveries_failed",
            ),
        ]
        triggers = [DELIVERY.guard(), _says_so()]
