"""Who proved to be whom, signatures, and the seals over history."""

from __future__ import annotations

from django.db import models
from django.db.models import UniqueConstraint

from ntrust.history import append_only, tracked, written_once
from ntrust.models.studies import Study, User
from ntrust.states import AccountEventKind, AttemptOutcome, Door, Role


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
    has_second_factor = models.BooleanField(default=False)

    class Meta:
        ordering = ["id"]


@written_once
class LoginAttempt(models.Model):
    """One try to prove who one is, at the log-in or at a signature, and how it ended.

    `key` is what counts together: the account, or the name as typed where there is none such.
    """

    key = models.CharField(max_length=254)
    user = models.ForeignKey(User, on_delete=models.PROTECT, null=True, related_name="attempts")
    identifier = models.CharField(max_length=254)
    door = models.CharField(max_length=20, choices=Door.choices)
    outcome = models.CharField(max_length=20, choices=AttemptOutcome.choices)
    study = models.ForeignKey(Study, on_delete=models.PROTECT, null=True)
    at = models.DateTimeField()

    class Meta:
        ordering = ["id"]
        indexes = [models.Index(fields=["key", "-id"], name="attempts_of_one_account")]

    def __str__(self) -> str:
        return f"{self.identifier}: {AttemptOutcome(self.outcome).label}"


@tracked()
class AccountLock(models.Model):
    """An account that many wrong tries have locked, and whether its owner was told."""

    user = models.ForeignKey(User, on_delete=models.PROTECT, related_name="locks")
    locked_at = models.DateTimeField()
    until = models.DateTimeField()
    told_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["id"]


@written_once
class UsedCode(models.Model):
    """A code of an authenticator app that was used, by its time step: it is good once."""

    user = models.ForeignKey(User, on_delete=models.PROTECT)
    authenticator = models.PositiveBigIntegerField()
    step = models.PositiveBigIntegerField()
    used_at = models.DateTimeField()

    class Meta:
        constraints = [UniqueConstraint(fields=["authenticator", "step"], name="a_code_once")]


@written_once
class Seal(models.Model):
    """A stretch of one table, sealed: digests of its rows, chained under a key kept elsewhere.

    Rows of `table` above `after` up to `upto`, over `columns`; `digests` is one entry a row.
    `previous` is the `mac` of the seal with the number before. See ntrust/seals.py.
    """

    number = models.PositiveBigIntegerField(primary_key=True)
    sealed_at = models.DateTimeField()
    key_id = models.CharField(max_length=16)
    table = models.CharField(max_length=63)
    columns = models.JSONField()
    after = models.BigIntegerField(null=True)
    upto = models.BigIntegerField()
    rows = models.PositiveIntegerField()
    digests = models.BinaryField()
    previous = models.CharField(max_length=64, blank=True)
    mac = models.CharField(max_length=64)

    class Meta:
        ordering = ["number"]
        constraints = [
            UniqueConstraint(
                fields=["table", "after"], nulls_distinct=False, name="one_seal_a_stretch"
            ),
        ]

    def __str__(self) -> str:
        return f"seal {self.number}"


@written_once
class AccountEvent(models.Model):
    """Something that happened to an account, beside what `LoginAttempt` and row history keep."""

    user = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    kind = models.CharField(max_length=30, choices=AccountEventKind.choices)
    at = models.DateTimeField()
    request = models.CharField(max_length=64, blank=True)

    class Meta:
        ordering = ["id"]
