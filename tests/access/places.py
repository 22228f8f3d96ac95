"""What stands for each variable of an address: the trial's own rows, at its first site."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Final

from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from django.contrib.contenttypes.models import ContentType
from django.db.models import Model

from cohorts.models import Decision, Deviation, Hold, HoldLift, Participant
from dosing.models import LdAdministration, Measurement, Medication, MonitorCall
from ntrust.actions import add_site, create_study, grant_role, make_token
from ntrust.models import (
    Absence,
    Delivery,
    Endpoint,
    LoginAttempt,
    Membership,
    Notification,
    Shift,
    User,
)
from ntrust.notifications.links import acknowledge_url
from ntrust.states import SITE_ROLES, Role, TokenScope
from safety.actions import lock_cut, save_view
from safety.admin import records
from safety.management.conduct import Conduct
from safety.models import (
    AdverseEvent,
    DataCut,
    DataQuery,
    DltReport,
    InboxAlert,
    Review,
    SavedView,
    Superseding,
    Verification,
)
from safety.queries.records import RECORD_LISTS
from tests.access.routes import Route
from tests.factories import PASSWORD, START
from tests.safety.rights import FIRST, build_for_all
from tests.safety.rights.alerts import await_a_word, told

Asked = tuple[str, str]

STUDIES: Final = {"committee", "live", "manage", "site", "studies"}
"""What stands before a study's key."""
OTHER: Final = "other"
ANOTHER: Final = "another"
"""The key of another study, in which there is nobody yet, and the name of who holds every role in
it."""
_PREPARED: Final = (
    "ntrust.take_off_call",
    "ntrust.withdraw_absence",
    "ntrust.try_endpoint",
    "safety.settle_alert",
    "safety.rule_superseding",
    "safety.record_report_sent",
    "cohorts.sign_lift",
    "safety.sign_take_over",
)
"""Actions of whose rows there is none before they are prepared."""
_WORDS: Final[Mapping[Asked, Any]] = {
    ("protocols", "label"): "B",
    ("lots", "code"): "A12",
    ("infusions", "infusion"): 1,
    ("cycles", "cycle"): 1,
    ("lymphodepletion", "dose"): 1,
    ("clocks", "days"): 15,
    ("noise", "form"): "csv",
    ("audit", "form"): "csv",
    ("export", "form"): "csv",
    ("export", "name"): "participants",
    ("name", "form"): "csv",
    ("parts", "names"): "ladder",
    ("docs", "operation"): "get_schema",
    ("records", "app_label"): "cohorts",
    ("records", "url"): "nothing",
    ("admin", "app_label"): "ntrust",
    ("admin", "url"): "nothing",
    ("confirm-email", "key"): "1",
    ("key", "uidb36"): "1",
    ("key", "key"): "1",
}
"""What stands in an address and is no row of the trial's first site."""
_STATES: Final = {
    "seat": "ELIGIBLE",
    "begin": "SLOTTED",
    "verify": "FOLLOW_UP",
    "query": "FOLLOW_UP",
}
"""In which state the participant is of whom these addresses ask; elsewhere one is treated."""


def build() -> Conduct:
    """The trial of the rights, with a row for every variable of every address."""
    add_other_study()
    trial = build_for_all()
    for action in _PREPARED:
        FIRST[action](trial)
    await_a_word(trial)
    mine: dict[str, Any] = {"by": trial.manager, "now": trial.tick()}
    lock_cut(trial.study, purpose="review 1", password=trial.password, **mine)
    until = trial.now + timedelta(days=7)
    make_token(trial.manager, name="a program", scope=TokenScope.READ, ends_at=until, **mine)
    EmailAddress.objects.create(user=trial.manager, email="manager@example.org", primary=True)
    Authenticator.objects.create(
        user=trial.crews[1].pharmacist, type=Authenticator.Type.TOTP, data={}
    )
    for record_list in RECORD_LISTS:
        save_view(record_list, name="mine", query="", **mine)
    return trial


def add_other_study() -> None:
    """A study with a site, and somebody who is everything in it and nothing in the trial."""
    study = create_study(OTHER, title="Another", protocol_number="TEST-002", now=START)
    user = User.objects.create_user(ANOTHER, password=PASSWORD, printed_name="Another")
    common: dict[str, Any] = {"study": study, "by": None, "now": START}
    grant_role(user, role=Role.STUDY_MANAGER, site=None, **common)
    site = add_site(study, code="Z1", name="Zed", by=user, now=START)
    for role in Role:
        if role != Role.STUDY_MANAGER:
            grant_role(user, role=role, site=site if role in SITE_ROLES else None, **common)


def fill(route: Route, rows: Mapping[Asked, Any], *, key: str, paper: str = "paper") -> str:
    """The address about these rows of the study with that key; what a take-over asks for is in the
    study on paper."""
    values = {}
    for before, name in route.asked:
        if name == "key" and before in STUDIES:
            values[name] = paper if "/take-over/" in route.template else key
        elif name == "object_id" and "/manage/records/" in route.template:
            values[name] = _first_of(route)
        elif (before, name) == ("views", "number"):
            values[name] = _view_of(route)
        elif (before, name) == ("participants", "number"):
            values[name] = rows[before, _whose(route)]
        elif (before, name) == ("decisions", "number") and route.name.endswith(
            ":acknowledge_decision"
        ):
            values[name] = rows[before, "CIRCULATED"]
        else:
            values[name] = str(rows[before, name])
    return route.fill({name: str(value) for name, value in values.items()})


def rows_of(trial: Conduct) -> dict[Asked, Any]:
    """The trial's rows by what stands before the variable and the variable's name."""
    site = trial.crews[0].site
    people = Participant.objects.filter(study=trial.study, site=site).order_by("-id")
    token = acknowledge_url(told(trial)).rstrip("/").rpartition("/")[2]
    of_site = {"participant__site": site}
    decisions = Decision.objects.filter(study=trial.study)
    review = Review.objects.filter(study=trial.study).latest("id")
    dose = LdAdministration.objects.select_related("course__participant").earliest("id")
    return {
        **_WORDS,
        **{("participants", person.state): person.screening_number for person in people},
        ("participants", "dose"): dose.course.participant.screening_number,
        ("sites", "code"): site.code,
        ("acknowledge", "token"): token,
        ("holds", "number"): _first(Hold, rule="PERSON"),
        ("lifts", "number"): _first(HoldLift),
        ("deviations", "number"): _first(Deviation),
        ("calls", "number"): _first(MonitorCall),
        ("measurements", "number"): _first(Measurement, **of_site),
        ("medications", "number"): _first(Medication, **of_site),
        ("inbox", "row"): _first(Notification, recipient=trial.manager),
        ("on-call", "row"): _first(Shift),
        ("away", "row"): _first(Absence),
        ("tokens", "number"): trial.manager.api_tokens.earliest("id").pk,
        **dict.fromkeys((("reviews", "number"), ("packets", "number")), review.number),
        ("undelivered", "number"): _first(Delivery),
        ("webhooks", "number"): _first(Endpoint),
        ("reports", "report"): _first(DltReport, event__participant__site=site),
        ("superseding", "superseding"): _first(Superseding),
        ("inbox", "alert"): _first(InboxAlert),
        ("decisions", "number"): decisions.latest("id").number,
        ("decisions", "CIRCULATED"): decisions.filter(state="CIRCULATED").latest("id").number,
        ("data", "number"): DataCut.objects.get().number,
        ("queries", "number"): _first(DataQuery),
        ("verifications", "number"): _first(Verification),
        ("events", "event"): AdverseEvent.objects.get(term="Colitis").pk,
        ("sent", "event"): _first(AdverseEvent, **of_site),
        ("r", "content_type_id"): ContentType.objects.get_for_model(Participant).pk,
        ("content_type_id", "object_id"): people[0].pk,
        **dict.fromkeys((("user", "object_id"), ("user", "id")), trial.manager.pk),
        **_of_people(),
        ("emailaddress", "object_id"): _first(EmailAddress),
        ("authenticator", "object_id"): _first(Authenticator),
    }


def _of_people() -> Mapping[Asked, Any]:
    """Rows of the administration."""
    return {
        ("loginattempt", "object_id"): _first(LoginAttempt),
        ("membership", "object_id"): _first(Membership),
    }


def _whose(route: Route) -> str:
    """Which participant: one about whom it could be done."""
    if ("lymphodepletion", "dose") in route.asked:
        return "dose"
    return next((_STATES[word] for word in route.template.split("/") if word in _STATES), "TREATED")


def _first(model: type[Model], **wanted: Any) -> int:
    """The oldest row's number."""
    return int(model._default_manager.filter(**wanted).earliest("id").pk)


def _listed(route: Route) -> Any:
    """The record list of an address."""
    app, model = route.template.removeprefix("/manage/records/").split("/")[:2]
    for each, listed in records._registry.items():
        if (each._meta.app_label, each._meta.model_name) == (app, model):
            return listed
    raise LookupError(route.template)


def _first_of(route: Route) -> int:
    if "/r/" in route.template:
        return 1
    return _first(_listed(route).model)


def _view_of(route: Route) -> int:
    return _first(SavedView, record_list=_listed(route).name)
