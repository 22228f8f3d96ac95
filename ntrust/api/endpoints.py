"""An endpoint: who asks, for which study; and the endpoint of an act."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache, partial
from typing import Any, Final, get_args, get_type_hints

from django.conf import settings
from django.http import Http404, QueryDict
from django.utils.module_loading import import_string
from rest_framework.exceptions import PermissionDenied
from rest_framework.permissions import SAFE_METHODS
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from ntrust import clock
from ntrust.actions import Key, keep_answer, note_key, one_at_a_time
from ntrust.acts import Act, ActForm, Done, SignForm
from ntrust.api.asking import fields_of
from ntrust.api.entries import asked_in, asked_of, check_entered, entered_in
from ntrust.api.errors import Unready, no_tag, tag_sent
from ntrust.api.plain import plain, schema_of
from ntrust.api.schema import words_of
from ntrust.api.telling import PREVIEW, ActAsked, ActDone, Told, first_sentence, told_of
from ntrust.change import Made, noting
from ntrust.errors import Refused
from ntrust.models import ApiToken, KeyedAnswer, Study, User
from ntrust.policies import check_member
from ntrust.queries import read_made
from ntrust.signing import content_hash
from ntrust.states import TokenScope

_SECRET: Final = "secret"  # noqa: S105 - a type of field
_WORD: Final = re.compile(r"[\x21-\x7e]{1,120}")


class Endpoint(APIView):
    """Every endpoint. Who may come in at all is in the settings (REST_FRAMEWORK)."""

    is_alert: bool = False

    def tell(self, method: str) -> Told:
        """What the description says of a method: its words, and what `tells` noted."""
        said = getattr(self, method.lower())
        told = told_of(said)
        if told.summary:
            return told
        summary, words = words_of(type(self), said)
        return replace(told, summary=summary, words=words)

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Who asks, how often, and what their token is for."""
        super().initial(request, *args, **kwargs)
        token = self.token
        if token is None:
            return
        if token.study is not None and kwargs.get("key", token.study.key) != token.study.key:
            raise Http404
        if token.scope == TokenScope.READ and request.method not in SAFE_METHODS:
            raise PermissionDenied("This token may only read.", code="read_only_token")

    @property
    def token(self) -> ApiToken | None:
        """The token by which they ask; None with a session."""
        return self.request.auth if isinstance(self.request.auth, ApiToken) else None

    def is_within(self, key: str) -> bool:
        """Whether the study with this key is one that the token is for."""
        return self.token is None or self.token.study is None or self.token.study.key == key

    def once(self, request: Request, entered: QueryDict, do: Callable[[], Response]) -> Response:
        """Do it, and under an Idempotency-Key only once: sent again, the answer is the same.

        A refusal keeps nothing; the key is free then. Tokens need a key, but for alerts.
        """
        word = request.headers.get("Idempotency-Key")
        if word is None:
            if self.token is not None and not self.is_alert:
                raise Unready(400, "key_needed", "Send an Idempotency-Key of your own choosing.")
            return do()
        if not _WORD.fullmatch(word):
            raise Unready(400, "bad_key", "An Idempotency-Key is 1 to 120 letters without blanks.")
        key = Key(self.user, word, _hash_of(request, entered))
        with one_at_a_time(key) as kept:
            if kept is not None:
                return self._again(kept)
            with noting(partial(note_key, key=key)):
                answer = do()
            keep_answer(key, body=_without_secret(answer.data))
        return answer

    def _again(self, kept: KeyedAnswer) -> Response:
        """What was answered; made good where the process was lost before it was kept."""
        body, study = kept.body, kept.study
        if study is not None:
            check_member(self.user, study)
        if body is None and study is not None:
            cover = partial(import_string(settings.NTRUST_COVER), self.user, study)
            made = [Made(study.pk, kept.revision or 0)]
            events = plain(read_made(study, made, user=self.user, cover=cover))
            body = {"said": "This was done.", "told": [], "revision": kept.revision}
            body |= {"events": events, _SECRET: ""}
        return Response(body, headers={"Idempotency-Replayed": "true"})

    @property
    def user(self) -> User:
        """Who asks."""
        assert isinstance(self.request.user, User)  # nobody else gets past the permissions
        return self.request.user


class ActEndpoint(Endpoint):
    """An act: GET says what it asks for and what is in its way, POST does it."""

    act_class: type[Act] = Act

    def tell(self, method: str) -> Told:
        """The title and words of the act, its form, and what it answers."""
        act = self.act_class
        words = f"{first_sentence(act.__doc__)[0]}."
        if method == "GET":
            asked = f"What is asked, and what is in the way. {words}"
            example = {
                "title": act.title,
                "fields": plain(asked_of(fields_of(act.form_class))),
                "has_preview": act.previews,
            }
            return Told(
                f"{act.title}: what it asks", asked, ActAsked, has_tag=True, example=example
            )
        varies = act.make_form is not Act.make_form
        own = [first_sentence(act.form_class.__doc__)[0]] if act.form_class is not ActForm else []
        whole = " ".join([words, *(f"{one}." for one in own if f"{one}." != words)])
        return Told(
            act.title,
            whole,
            ActDone,
            asks=(PREVIEW,) if act.previews else (),
            form=act.form_class,
            form_varies=varies,
            needs_seen=act.refuses_stale and not act.previews,
            has_tag=True,
            is_alert=not act.refuses_stale,
            previews=effect_type() if act.previews else None,
            example={"said": "This was done."},
        )

    def get(self, request: Request, **kwargs: Any) -> Response:
        """What is asked, with the gates. The ETag is what to send as If-Match."""
        act, now = self._open(request), clock.now()
        with act.zone():
            asked = asked_in(act.whole_form(initial=act.initial(now)))
        body = ActAsked(
            title=act.title,
            facts=act.facts(),
            gates=tuple(act.read_gates(act.gates(now))),
            fields=asked,
            timezone=act.site.timezone if act.site else "UTC",
            revision=act.study.revision,
            has_preview=act.previews,
        )
        return _tagged(body, act.study.revision)

    def post(self, request: Request, **kwargs: Any) -> Response:
        """Do it; with `?preview=true` say what it would change, and do nothing."""
        entered, files = entered_in(request)
        if request.query_params.get("preview") == "true":
            return self._act(request, entered, files, is_preview=True)
        return self.once(request, entered, lambda: self._act(request, entered, files))

    def _act(
        self, request: Request, entered: QueryDict, files: Any, *, is_preview: bool = False
    ) -> Response:
        act = self._open(request)
        seen = None if is_preview else self._seen(request)
        with act.zone():
            make = act.form_to_check if is_preview else act.whole_form
            form = make(data=entered, files=files)
            check_entered(form, entered)
        try:
            if is_preview:
                return self._look(act, form)
            done = act.do(form, seen=seen)
        except Refused as refusal:
            raise act.read_refusal(refusal) from refusal
        return self._say(act, done)

    @property
    def is_alert(self) -> bool:  # type: ignore[override]
        """Whether nothing may keep it waiting."""
        return not self.act_class.refuses_stale

    def _open(self, request: Request) -> Act:
        act = self.act_class()
        act.setup(request._request, **self.kwargs)
        act.user = self.user
        act.open()
        return act

    def _seen(self, request: Request) -> int | None:
        """The revision this person has seen. Refuses (428) not to say it, except for an alert."""
        sent = tag_sent(request)
        if sent.isascii() and sent.isdigit() and len(sent) < 19:
            return int(sent)
        if self.is_alert and not sent:
            return None
        raise no_tag()

    def _look(self, act: Act, form: Any) -> Response:
        if not act.previews:
            raise Unready(409, "no_preview", "This act has no preview.")
        found = act.try_out(form)
        return Response({"effect": plain(found.effect), "trouble": found.trouble})

    def _say(self, act: Act, done: Done) -> Response:
        revision = Study.objects.values_list("revision", flat=True).get(pk=act.study.pk)
        events = tuple(read_made(act.study, done.made, user=self.user, cover=act.cover))
        return _tagged(ActDone(done.said, done.told, revision, events, act.secret()), revision)


@dataclass(frozen=True)
class Preview:
    """What an act would change; null, with the trouble, where it could not be worked out."""

    effect: Any
    trouble: str


@cache
def effect_type() -> dict[str, Any]:
    """The schema of a preview: its effect is what the setting NTRUST_EFFECT answers."""
    answer = get_type_hints(import_string(settings.NTRUST_EFFECT))["return"]
    effect = schema_of(get_args(answer)[-1])
    schema = schema_of(Preview)
    schema["properties"]["effect"] = {"anyOf": [effect, {"type": "null"}]}
    return schema


def _tagged(body: ActAsked | ActDone, revision: int) -> Response:
    return Response(plain(body), headers={"ETag": f'"{revision}"'})


def _without_secret(body: dict[str, Any]) -> dict[str, Any]:
    """An answer as it is kept: what is told once is told once."""
    return {**body, _SECRET: ""} if _SECRET in body else body


def _hash_of(request: Request, entered: QueryDict) -> str:
    """What is sent, but for the signature: a code is another one each time."""
    left_out = {*SignForm.SIGNING, *request.FILES}
    said = {name: values for name, values in entered.lists() if name not in left_out}
    files = {name: [_sum_of(file) for file in several] for name, several in request.FILES.lists()}
    return content_hash([request.method, request.path, said, files])


def _sum_of(file: Any) -> str:
    """The hash of a file, which is then read from its beginning again."""
    found = hashlib.sha256(b"".join(file.chunks())).hexdigest()
    file.seek(0)
    return found
