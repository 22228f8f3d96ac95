"""What an action would change: it is done, looked at, and undone; and what is sealed meanwhile.

    effect = preview(study, lambda: report_event(...), user=user)

Nothing is kept: no row, no revision, no event, no notification, no nudge. What is looked at is
named by the setting NTRUST_EFFECT: called with study and user before the action, it answers a
function that is called after it and tells the difference. `ntrust.acts` shows it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Final

import structlog
from django import forms
from django.conf import settings
from django.core.signing import Signer
from django.http import HttpRequest
from django.utils import timezone
from django.utils.crypto import constant_time_compare
from django.utils.module_loading import import_string

from ntrust.change import BUSY, Made, rehearsal, waiting_at_most
from ntrust.errors import Refused
from ntrust.models import Study, User
from ntrust.signing import canonical

log = structlog.get_logger(__name__)

WAIT: Final = timedelta(seconds=2)
"""A preview waits for the study no longer than this."""
_NOT_CONTENT: Final = {"csrfmiddlewaretoken", "revision", "step", "checked"}
"""Fields of a request that are not what was entered."""


@dataclass(frozen=True)
class Found:
    """What an act would change; None, with what is in the way of saying so."""

    effect: Any
    trouble: str = ""


def preview(study: Study, do: Callable[[], object], *, user: User) -> Any:
    """What `do` would change, as `user` may know it. What `do` refuses is refused here too, and
    (`study_busy`) a study that is not free within WAIT."""
    look_at = import_string(settings.NTRUST_EFFECT)
    with rehearsal(), waiting_at_most(WAIT):
        read = look_at(study, user)
        do()
        return read()


def look_ahead(study: Study, do: Callable[[], object], *, user: User) -> Found:
    """The same for a page, which is shown without an effect rather than not at all."""
    try:
        return Found(preview(study, do, user=user))
    except Refused as refusal:
        if refusal.code != BUSY:
            raise
        return Found(None, refusal.sentence)
    except Exception:
        log.exception("preview_failed", study=study.pk)
        return Found(None, "Something went wrong in working it out; it is logged.")


def read_told(study: Study, made: Sequence[Made], *, user: User) -> list[str]:
    """What changes of a study did and who is told, in sentences that `user` may read."""
    revisions = [one.revision for one in made if one.study == study.pk]
    tell = import_string(settings.NTRUST_TOLD)
    return list(tell(study, revisions, user))


def signatures_of(form: forms.Form) -> tuple[str, ...]:
    """Names of the fields that sign."""
    signing = getattr(form, "SIGNING", ())
    return tuple(name for name in form.fields if name in signing)


def carry(request: HttpRequest, signatures: Iterable[str]) -> list[tuple[str, str]]:
    """Every field as it was sent, to be sent again; signatures left out."""
    left_out = {*_NOT_CONTENT, *signatures}
    return [
        (name, str(value))
        for name, values in sorted(request.POST.lists())
        if name not in left_out
        for value in values
    ]


def seal(request: HttpRequest, signatures: Iterable[str]) -> str:
    """What was entered, where and by whom, sealed by the service."""
    content = [request.user.pk, request.path, *map(list, carry(request, signatures))]
    return Signer(salt="ntrust.previews").signature(canonical(content))


def is_sealed(request: HttpRequest, signatures: Iterable[str]) -> bool:
    """Whether a request sends what was sealed, and nothing else."""
    sent = request.POST.get("checked", "")
    return sent.isascii() and constant_time_compare(sent, seal(request, signatures))


@dataclass(frozen=True)
class Answer:
    """What was entered in one field, in words; `anchor` is where the form asks for it."""

    label: str
    words: str
    anchor: str


def answers_of(form: forms.Form, *, without: Iterable[str]) -> list[Answer]:
    """The entry of every field; hidden ones and those in `without` left out."""
    unseen = {*without, *(field.name for field in form.hidden_fields())}
    return [
        Answer(
            str(field.label or name),
            _in_words(field, form[name].value(), form.cleaned_data.get(name)),
            f"ask-{name}",
        )
        for name, field in form.fields.items()
        if name not in unseen
    ]


def _in_words(field: forms.Field, sent: Any, entered: Any) -> str:
    if isinstance(field, forms.ChoiceField):
        chosen = sent if isinstance(sent, list) else [sent]
        return ", ".join(_choice(field, one) for one in chosen) or "none"
    if isinstance(entered, bool):
        return "yes" if entered else "no"
    if isinstance(entered, datetime):
        return f"{timezone.localtime(entered):%d-%b-%Y %H:%M}"
    if isinstance(entered, date):
        return f"{entered:%d-%b-%Y}"
    return "none" if entered in (None, "") else str(entered)


def _choice(field: forms.ChoiceField, sent: Any) -> str:
    """The label of a choice."""
    labels: dict[str, str] = {}
    for key, label in field.widget.choices:
        pairs = label if isinstance(label, list | tuple) else [(key, label)]
        labels.update((str(one), str(words)) for one, words in pairs)
    return labels.get(str(sent or ""), str(sent or "none"))
