"""Every refusal as JSON: a code, a sentence, and the gates or fields concerned."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import Http404
from rest_framework import exceptions
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import exception_handler

from ntrust.acts import STATUS
from ntrust.api.plain import plain
from ntrust.change import STALE
from ntrust.errors import Refused

SENTENCES = {
    400: "This cannot be read.",
    401: "Log in, or send a token.",
    403: "This is not yours to do.",
    404: "There is no such thing, or it is not yours.",
}
"""What is said where nothing more is known."""
_ALWAYS = (401, 404)


_STATUS = {**STATUS, STALE: 412, "key_reused": 422}


class Invalid(exceptions.APIException):
    """What was sent is not understood, field by field. Sentences are those of the form."""

    status_code = 422

    def __init__(self, errors: Mapping[str, Sequence[str]]) -> None:
        super().__init__("Look at the fields named.", code="invalid")
        self.errors = {name: [str(one) for one in said] for name, said in errors.items()}


class Unready(exceptions.APIException):
    """A request that cannot be acted on as it is: `status`, code and sentence."""

    def __init__(self, status: int, code: str, sentence: str) -> None:
        super().__init__(sentence, code=code)
        self.status_code = status


def tag_sent(request: Request) -> str:
    """The ETag that was sent as If-Match, without its marks; "" where there is none."""
    return request.headers.get("If-Match", "").strip().removeprefix("W/").strip('"')


def no_tag() -> Unready:
    """Nobody acts on what they have not read."""
    return Unready(
        428,
        "if_match_needed",
        "Send If-Match with the ETag of what you have read, so that nothing newer is missed.",
    )


def refuse_stale(request: Request, tag: str) -> None:
    """Refuse (428) not to say what was read, and (412, `stale_page`) what is not as it was."""
    sent = tag_sent(request)
    if not sent:
        raise no_tag()
    if sent != tag:
        raise Refused(STALE, "This has changed since you have read it: look again.")


def refusal_status(refusal: Refused) -> int:
    """Refusals about the person are 403, of a stale page 412, every other one 409."""
    return _STATUS.get(refusal.code, 409)


def body_of(code: str, sentence: str, **more: Any) -> dict[str, Any]:
    """The one shape of a refusal."""
    return {"code": code, "sentence": sentence, "gates": [], "errors": {}, **more}


def answer_error(error: Exception, context: dict[str, Any]) -> Response | None:
    """What an endpoint raised, as JSON; None for what nobody foresaw. What is not there and what
    is somebody else's are answered alike."""
    if isinstance(error, Refused) and error.code == "not_found":
        error = Http404()
    if isinstance(error, Refused):
        gates = plain(list(error.gates))
        body = body_of(error.code, error.sentence, gates=gates)
        return Response(body, status=refusal_status(error))
    answer = exception_handler(error, context)
    if answer is None:
        return None
    code, sentence = _said(error)
    errors = error.errors if isinstance(error, Invalid) else {}
    if answer.status_code in _ALWAYS:
        sentence = SENTENCES[answer.status_code]
    answer.data = body_of(code, sentence, errors=errors)
    return answer


def _said(error: Exception) -> tuple[str, str]:
    if isinstance(error, exceptions.APIException):
        code = error.get_codes()
        return code if isinstance(code, str) else error.default_code, str(error.detail)
    if isinstance(error, Http404):
        return "not_found", ""
    assert isinstance(error, PermissionDenied)
    return "permission_denied", SENTENCES[403]
