"""What people are told: their inbox, the page behind a mail's link, and how much it is."""

from __future__ import annotations

from collections import Counter

from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.views.decorators.http import (
    require_GET,
    require_http_methods,
    require_POST,
)

from cohorts.queries import Viewer
from ntrust import clock
from ntrust.actions import acknowledge, mark_read
from ntrust.errors import Refused
from ntrust.limits import is_too_often
from ntrust.models import Notification, User
from ntrust.notifications import read_link
from ntrust.notifications.inboxes import inbox_of
from ntrust.notifications.places import page_of
from ntrust.policies import check_acknowledge
from ntrust.states import AcknowledgedWhere, Role
from safety.exports import FORMS, Sheet, send_sheet
from safety.queries.alerts import read_alert_of_link, read_inbox
from safety.queries.noise import HEADINGS, WEEKS, may_read_noise, read_noise
from safety.queries.on_call import may_read_on_call, read_on_call
from safety.views.viewers import viewer_for

_STATUS = {"not_ours": 404, "expired": 410}
_TOO_OFTEN = (
    "Too many links were opened from where you are. Wait a minute and open it once more, or log "
    "in: your inbox takes your word at once."
)


@require_http_methods(["GET", "HEAD", "POST"])
def acknowledge_by_link(request: HttpRequest, token: str) -> HttpResponse:
    """What the link of a mail is about, and the button by which its reader says that they know.

    Without a log-in, so without anything clinical. Programs open links before people do: to open
    it changes nothing. What cannot be acknowledged is said in words, and nothing is written. 429
    for an address that asks too often: the inbox takes the word all the same.
    """
    now, row = clock.now(), None
    most = settings.ACKNOWLEDGE_LINKS_A_MINUTE
    if is_too_often(request, door="link", most=most, now=now):
        answer = _answer(request, None, refusal=Refused("too_often", _TOO_OFTEN), status=429)
        answer["Retry-After"] = "60"
        return answer
    try:
        row = _row_of(token)
        if request.method == "POST":
            row = acknowledge(row, by=row.recipient, where=AcknowledgedWhere.MAIL, now=now)
            return _answer(request, row, is_done=True)
        check_acknowledge(row, by=row.recipient)
    except Refused as refusal:
        is_reading = request.method != "POST" and refusal.code not in _STATUS
        status = 200 if is_reading else _STATUS.get(refusal.code, 409)
        known = row if refusal.code not in ("role_ended", "expired") else None
        return _answer(request, known, refusal=refusal, status=status)
    return _answer(request, row)


def _row_of(token: str) -> Notification:
    """The notification that a link names. Refuses (`not_ours`, `expired`) in words."""
    link = read_link(token)
    rows = Notification.objects.select_related("event__study", "recipient", "site")
    row = rows.filter(pk=link.notification).first() if link else None
    if link is None or row is None:
        raise Refused(
            "not_ours",
            "This link is not one of ours, or was cut off: open it from the mail once more.",
        )
    if link.ends_at <= clock.now():
        raise Refused("expired", f"This link ended on {link.ends_at:%d-%b-%Y %H:%M} UTC.")
    return row


def _answer(
    request: HttpRequest,
    row: Notification | None,
    *,
    refusal: Refused | None = None,
    is_done: bool = False,
    status: int = 200,
) -> HttpResponse:
    context = {
        "alert": read_alert_of_link(row) if row is not None else None,
        "refusal": refusal,
        "is_done": is_done,
    }
    answer = render(request, "safety/alerts/link.html", context, status=status)
    # The address is a key: nobody else is told it, and nobody keeps the page.
    answer["Referrer-Policy"] = "strict-origin"
    answer["Cache-Control"] = "private, no-store"
    answer["X-Robots-Tag"] = "noindex, nofollow"
    return answer


@require_GET
def show_inbox(request: HttpRequest) -> HttpResponse:
    """What somebody was told of, over all their studies: what waits for a word first."""
    now = clock.now()
    context = {"inbox": read_inbox(_user(request), now=now), "as_of": now}
    return render(request, "safety/alerts/inbox.html", context)


@require_POST
def open_alert(request: HttpRequest, row: int) -> HttpResponse:
    """Note that it was read, and lead to the page of its event. Others' are not there."""
    one = _own(request, row)
    mark_read(one, by=_user(request), now=clock.now())
    return redirect(page_of(one))


@require_POST
def acknowledge_alert(request: HttpRequest, row: int) -> HttpResponse:
    """Say that one knows, and see the inbox again. A second word is no harm: it says whose was the
    first. A decision leads to its own page. Others' alerts are not there."""
    one = _own(request, row)
    try:
        acknowledge(one, by=_user(request), where=AcknowledgedWhere.INBOX, now=clock.now())
    except Refused as refusal:
        if refusal.code == "read_it_first":
            return redirect(
                "safety:acknowledge_decision", one.event.study.key, one.event.data["decision"]
            )
        messages.warning(request, refusal.sentence)
    else:
        messages.success(request, "Acknowledged: you know of this, and see to it.")
    return redirect("safety:inbox")


@require_GET
def show_noise(request: HttpRequest, key: str) -> HttpResponse:
    """Alerts a person and week, how many were answered, and how soon."""
    viewer, now = _noise_reader(request, key), clock.now()
    rows = read_noise(viewer, now=now)
    context = {"study": viewer.study, "rows": rows, "weeks": WEEKS, "as_of": now}
    return render(request, "safety/alerts/noise.html", context)


@require_POST
def export_noise(request: HttpRequest, key: str, form: str) -> HttpResponseBase:
    """The same as a file; that is an event."""
    viewer, now = _noise_reader(request, key), clock.now()
    if form not in FORMS:
        raise Http404
    rows = read_noise(viewer, now=now)
    sheet = Sheet(
        name="noise",
        title="Alerts a person and week",
        studies=(key,),
        by=_user(request),
        at=now,
        asked=(("weeks", str(WEEKS)),),
        headings=HEADINGS,
        rows=(row.cells for row in rows),
        counted=Counter({key: len(rows)}),
    )
    return send_sheet(request, sheet, form)


@require_GET
def show_on_call(request: HttpRequest, key: str) -> HttpResponse:
    """Who is on call now and next, who is away, and where nobody is."""
    viewer, now = viewer_for(request, key), clock.now()
    if not may_read_on_call(viewer):
        raise Http404
    context = {
        "study": viewer.study,
        "page": read_on_call(viewer, now=now),
        "is_manager": viewer.holds([Role.STUDY_MANAGER]),
        "as_of": now,
    }
    return render(request, "safety/alerts/on_call.html", context)


def _noise_reader(request: HttpRequest, key: str) -> Viewer:
    viewer = viewer_for(request, key)
    if not may_read_noise(viewer):
        raise Http404
    return viewer


def _user(request: HttpRequest) -> User:
    assert isinstance(request.user, User)  # the log-in middleware lets nobody else through
    return request.user


def _own(request: HttpRequest, row: int) -> Notification:
    rows = inbox_of(_user(request)).select_related("event__study", "recipient", "site")
    found = rows.filter(pk=row).first()
    if found is None:
        raise Http404
    return found
