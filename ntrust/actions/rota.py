"""Who is on call, who is away, and who is told when somebody does not answer."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

from ntrust.change import Change, study_change
from ntrust.errors import Refused
from ntrust.models import Absence, Deputyship, Membership, Shift, Site, Study, User
from ntrust.policies import check_role
from ntrust.states import SITE_ROLES, Role

ON_CALL_ROLES: Final = (
    Role.MEDICAL_MONITOR,
    Role.STUDY_MANAGER,
    Role.INVESTIGATOR,
    Role.PHARMACIST,
)
"""Who may be on call, and who may stand in for somebody: those who act."""


def put_on_call(  # noqa: PLR0913 - who, as what, where and when
    study: Study,
    *,
    user: User,
    role: str,
    starts_at: datetime,
    ends_at: datetime,
    reason: str,
    by: User,
    site: Site | None = None,
    now: datetime | None = None,
) -> Shift:
    """Put somebody on call in a role, for a site's role at the site. The manager's.

    Refuses a role that nobody is called in (`not_on_call`), somebody who does not hold it
    (`not_in_role`), a shift that is over or has no length (`wrong_times`), one person on call twice
    at a time (`already_on_call`), and a blank reason.
    """
    check_role(by, study, [Role.STUDY_MANAGER])
    if role not in ON_CALL_ROLES:
        raise Refused("not_on_call", "Nobody is called in this role.")
    with study_change(study, by=by, reason=reason, now=now) as change:
        _check_times(change, starts_at, ends_at)
        held = _in_force(study).filter(user=user, role=role, site=site)
        if (role in SITE_ROLES) != (site is not None) or not held.exists():
            raise Refused("not_in_role", f"{user} is no {Role(role).label} there.")
        same = Shift.objects.filter(study=study, user=user, role=role, site=site)
        if _overlapping(same, starts_at, ends_at).exists():
            raise Refused("already_on_call", f"{user} is on call in that time already.")
        shift = Shift.objects.create(
            study=change.study,
            role=role,
            site=site,
            user=user,
            starts_at=starts_at,
            ends_at=ends_at,
        )
        what = f"{user} is on call as {_named(role, site)}, {_span(starts_at, ends_at)}."
        change.record("ON_CALL_CHANGED", what, site=site)
    return shift


def take_off_call(shift: Shift, *, reason: str, by: User, now: datetime | None = None) -> Shift:
    """Withdraw a shift. The manager's. Refuses one that is withdrawn, and a blank reason."""
    check_role(by, shift.study, [Role.STUDY_MANAGER])
    with study_change(shift.study, by=by, reason=reason, now=now) as change:
        shift = Shift.objects.select_related("user", "site").get(pk=shift.pk)
        _withdraw(change, shift)
        what = f"{shift.user} is no longer on call as {_named(shift.role, shift.site)}"
        when = f"{_span(shift.starts_at, shift.ends_at)}: {reason}"
        change.record("ON_CALL_CHANGED", f"{what}, {when}", site=shift.site, detail=reason)
    return shift


def enter_absence(  # noqa: PLR0913 - who, when, why, and who instead
    study: Study,
    *,
    user: User,
    deputy: User,
    starts_at: datetime,
    ends_at: datetime,
    reason: str,
    by: User,
    now: datetime | None = None,
) -> Absence:
    """Somebody is away, and a deputy is told meanwhile, as well and at once. The manager's.

    Refuses times that are over or have no length (`wrong_times`), a second absence in the same time
    (`already_away`), a deputy who may not know (`not_a_deputy`), one who is away in that time
    (`deputy_away`), and a blank reason.
    """
    check_role(by, study, [Role.STUDY_MANAGER])
    with study_change(study, by=by, reason=reason, now=now) as change:
        _check_times(change, starts_at, ends_at)
        _check_deputy(study, user=user, deputy=deputy)
        others = Absence.objects.filter(study=study)
        if _overlapping(others.filter(user=user), starts_at, ends_at).exists():
            raise Refused("already_away", f"{user} is away in that time already.")
        if _overlapping(others.filter(user=deputy), starts_at, ends_at).exists():
            raise Refused("deputy_away", f"{deputy} is away in that time: name somebody else.")
        absence = Absence.objects.create(
            study=change.study, user=user, deputy=deputy, starts_at=starts_at, ends_at=ends_at
        )
        what = f"{user} is away, {_span(starts_at, ends_at)}; {deputy} is told meanwhile: {reason}"
        change.record("ABSENCE_ENTERED", what, detail=reason)
    return absence


def withdraw_absence(
    absence: Absence, *, reason: str, by: User, now: datetime | None = None
) -> Absence:
    """Somebody is not away after all, or back. The manager's. Refuses one that is withdrawn."""
    check_role(by, absence.study, [Role.STUDY_MANAGER])
    with study_change(absence.study, by=by, reason=reason, now=now) as change:
        absence = Absence.objects.select_related("user").get(pk=absence.pk)
        _withdraw(change, absence)
        span = _span(absence.starts_at, absence.ends_at)
        what = f"{absence.user} is not away any more, {span}: {reason}"
        change.record("ABSENCE_WITHDRAWN", what, detail=reason)
    return absence


def name_deputy(
    study: Study, *, user: User, deputy: User, reason: str, by: User, now: datetime | None = None
) -> Deputyship:
    """Name who is told when somebody does not answer; it ends what was named before. The manager's.

    Refuses a deputy who may not know (`not_a_deputy`), the same one again, and a blank reason.
    """
    check_role(by, study, [Role.STUDY_MANAGER])
    with study_change(study, by=by, reason=reason, now=now) as change:
        _check_deputy(study, user=user, deputy=deputy)
        before = Deputyship.objects.filter(study=study, user=user, ended_at__isnull=True).first()
        if before is not None:
            if before.deputy_id == deputy.pk:
                raise Refused("already_deputy", f"{deputy} is the deputy of {user} already.")
            before.ended_at, before.ended_by = change.now, by
            before.save(update_fields=["ended_at", "ended_by"])
        row = Deputyship.objects.create(
            study=change.study, user=user, deputy=deputy, named_at=change.now, named_by=by
        )
        change.record("DEPUTY_NAMED", f"{deputy} is told when {user} does not answer.")
    return row


def _check_deputy(study: Study, *, user: User, deputy: User) -> None:
    """A deputy acts in the study and may know what the other may: of a site's people somebody of
    that site, or somebody who sees every site."""
    if user.pk == deputy.pk:
        raise Refused("not_a_deputy", "Nobody stands in for themselves.")
    held = list(_in_force(study).filter(user=deputy, role__in=ON_CALL_ROLES))
    theirs = set(_in_force(study).filter(user=user).values_list("site_id", flat=True))
    if not theirs:
        raise Refused("not_in_role", f"{user} has no role in this study.")
    if not any(row.site_id is None or {row.site_id} == theirs for row in held):
        raise Refused("not_a_deputy", f"{deputy} may not read all that {user} is told.")


def _in_force(study: Study) -> Any:
    return Membership.objects.filter(study=study, revoked_at__isnull=True, user__is_active=True)


def _check_times(change: Change, starts_at: datetime, ends_at: datetime) -> None:
    if not starts_at < ends_at or ends_at <= change.now:
        raise Refused("wrong_times", "It ends after it begins, and after now.")


def _overlapping(rows: Any, starts_at: datetime, ends_at: datetime) -> Any:
    return rows.filter(withdrawn_at__isnull=True, starts_at__lt=ends_at, ends_at__gt=starts_at)


def _withdraw(change: Change, row: Shift | Absence) -> None:
    if row.withdrawn_at is not None:
        raise Refused("already_withdrawn", "This is withdrawn already.")
    row.withdrawn_at, row.withdrawn_by = change.now, change.by
    row.save(update_fields=["withdrawn_at", "withdrawn_by"])


def _named(role: str, site: Site | None) -> str:
    return f"{Role(role).label} at {site.code}" if site else str(Role(role).label)


def _span(starts_at: datetime, ends_at: datetime) -> str:
    return f"{starts_at:%d-%b-%Y %H:%M} to {ends_at:%d-%b-%Y %H:%M} UTC"
