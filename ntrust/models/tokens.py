"""How other systems come in for a person, and what they were answered."""

from __future__ import annotations

from django.db import models
from django.db.models import CheckConstraint, F, Q, UniqueConstraint

from ntrust.history import tracked
from ntrust.models.studies import Study, User
from ntrust.states import TokenScope


@tracked(exclude=["secret_hash"])
class ApiToken(models.Model):
    """A way in for a program, as one person, until `ends_at`; for one study, or all of theirs.

    Of the secret only a hash is kept. It is 256 bits of chance, so a plain hash does.
    """

    user = models.ForeignKey(User, on_delete=models.PROTECT, related_name="api_tokens")
    name = models.CharField(max_length=80)
    scope = models.CharField(max_length=10, choices=TokenScope.choices)
    study = models.ForeignKey(Study, on_delete=models.PROTECT, null=True, related_name="+")
    secret_hash = models.CharField(max_length=64, unique=True)
    made_at = models.DateTimeField()
    ends_at = models.DateTimeField()
    revoked_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-id"]
        constraints = [
            CheckConstraint(
                condition=Q(ends_at__gt=F("made_at")), name="token_ends_after_it_was_made"
            ),
        ]

    def __str__(self) -> str:
        return self.name


class KeyedAnswer(models.Model):
    """What a person's program did under a key of its own choosing, so that it is done once.

    Written with the change it stands for; `body` is the answer, added once it is known.
    """

    user = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    key = models.CharField(max_length=120)
    content_hash = models.CharField(max_length=64)
    study = models.ForeignKey(Study, on_delete=models.PROTECT, null=True, related_name="+")
    revision = models.PositiveBigIntegerField(null=True)
    body = models.JSONField(null=True)
    at = models.DateTimeField()

    class Meta:
        constraints = [UniqueConstraint(fields=["user", "key"], name="one_answer_a_key")]
