"""The act itself, whoever asks for it: found, checked, entered, tried out, done.

Knows no request and no page. `ntrust.acts.pages` shows it as a page, `ntrust.api` as an endpoint;
neither checks anything of its own, so that they cannot differ.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property
from typing import Any, ClassVar, Final

from django import forms
from django.http import Http404
from django.utils import timezone

from ntrust.acts.forms import ActForm, SignForm
from ntrust.change import Made, as_seen, changes_made
from ntrust.errors import Gate, Refused
from ntrust.models import Site, Study, User
from ntrust.policies import check_role
from ntrust.previews import Found, look_ahead, read_told, signatures_of
from ntrust.states import Role

STATUS: Final = {"wrong_role": 403, "other_site": 403}
"""Refusals that are about the person; every other one is a 409."""


@dataclass(frozen=True)
class Done:
    """What an act did: the sentence to show, what it changed and who is told, the changes made."""

    said: str
    told: tuple[str, ...]
    made: tuple[Made, ...]


class Deed:
    """See the package's text. `find` sets `thing`, `study`, and where they apply `site` and
    `subjects`, the numbers by which events name the participant concerned."""

    title: ClassVar[str]
    button: ClassVar[str]
    roles: ClassVar[Sequence[Role]]
    form_class: ClassVar[type[forms.Form]] = ActForm
    refuses_stale: ClassVar[bool] = True
    previews: ClassVar[bool] = False

    user: User
    kwargs: dict[str, Any]
    thing: Any
    study: Study
    site: Site | None = None
    subjects: Sequence[str] = ()

    def find(self) -> None:
        """Set what the act is about from `self.kwargs`; Http404 where it is not theirs."""
        raise NotImplementedError

    def gates(self, now: datetime) -> list[Gate]:
        """What must be clear; shown with the form. The action checks them again."""
        return []

    def facts(self) -> Mapping[str, Any]:
        """What to show above the form, label to value."""
        return {}

    def initial(self, now: datetime) -> dict[str, Any]:
        """What the form starts with."""
        return {}

    def make_form(self, **kwargs: Any) -> forms.Form:
        """The form, bound or not."""
        return self.form_class(**kwargs)

    def cover(self, sentence: str) -> str:
        """A sentence of a gate or a refusal as this person may read it."""
        return sentence

    def run(self, **entered: Any) -> str:
        """Call the action; the sentence to show afterwards."""
        raise NotImplementedError

    def secret(self) -> str:
        """What `run` made that is told this once, to whoever did it; "" for most."""
        return ""

    def done_url(self) -> str:
        """Where to go afterwards."""
        raise NotImplementedError

    def open(self) -> None:
        """Find it, and check the role. What is not theirs to know is not there (Http404)."""
        try:
            self.find()
            check_role(self.user, self.study, self.roles, site=self.site)
        except Refused as refusal:
            if refusal.code not in STATUS:
                raise Http404 from refusal
            raise

    def whole_form(self, **kwargs: Any) -> forms.Form:
        """The form with all that this person has to sign with."""
        form = self.make_form(**kwargs)
        if isinstance(form, SignForm):
            form.ask(self.user)
        return form

    def form_to_check(self, **kwargs: Any) -> forms.Form:
        """The form as it is sent to be checked: without the signature."""
        form = self.whole_form(**kwargs)
        for name in self.signatures:
            del form.fields[name]
        return form

    @cached_property
    def signatures(self) -> tuple[str, ...]:
        """Fields that are given after the check; none where there is no check."""
        return signatures_of(self.whole_form()) if self.previews else ()

    def try_out(self, form: forms.Form, *, seen: int | None = None) -> Found:
        """What it would change, done and undone, with `seen` the revision it was looked at.

        Refuses what the act refuses; nothing is kept.
        """
        unsigned = {"password": ""} if self.signatures else {}
        entered = {**form.cleaned_data, **unsigned}
        with self._as_seen(seen):
            return look_ahead(self.study, lambda: self.run(**entered), user=self.user)

    def do(self, form: forms.Form, *, seen: int | None) -> Done:
        """Call the action with what was entered. Refuses what it refuses, and (`stale_page`) when
        the participant has changed after the revision `seen`."""
        with self._as_seen(seen), changes_made() as made:
            said = self.run(**form.cleaned_data)
        told = read_told(self.study, made, user=self.user) if self.previews else ()
        return Done(said, tuple(told), tuple(made))

    @contextmanager
    def _as_seen(self, revision: int | None) -> Iterator[None]:
        if revision is None:
            yield
            return
        subjects = self.subjects if self.refuses_stale else ()
        with as_seen(self.study, subjects=subjects, revision=revision):
            yield

    def read_gates(self, gates: Sequence[Gate]) -> list[Gate]:
        """Gates as this person may read them."""
        return [replace(gate, sentence=self.cover(gate.sentence)) for gate in gates]

    def read_refusal(self, refusal: Refused) -> Refused:
        """A refusal as this person may read it."""
        gates = self.read_gates(refusal.gates)
        return Refused(refusal.code, self.cover(refusal.sentence), gates)

    def zone(self) -> timezone.override:
        """Times are read and shown as at the site."""
        return timezone.override(self.site.timezone if self.site else "UTC")
