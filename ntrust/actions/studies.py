"""Setting up: studies, sites, people and their roles."""

from __future__ import annotations

from datetime import datetime
from functools import partial
from typing import Final

from django.db import transaction

from ntrust.change import study_change
from ntrust.errors import Refused
from ntrust.hints import say
from ntrust.models import AccountEvent, Membership, Site, Study, User
from ntrust.policies import check_role
from ntrust.signing.locks import unlock
from ntrust.states import SITE, SITE_ROLES, AccountEventKind, Role, SiteState

PAGE_NAMES: Final = frozenset({"records"})
"""Words that stand where a study's key does, in addresses under /manage/."""


def create_study(  # noqa: PLR0913 - the registry's fields
    key: str,
    *,
    title: str,
    protocol_number: str,
    now: datetime,
    registry_number: str = "",
    product: str = "",
    is_replay: bool = False,
    source: str = "",
) -> Study:
    """Create a study in set-up. Refuses a key that is taken, or that is the name of a page."""
    if key in PAGE_NAMES:
        raise Refused("study_key_is_a_page", f"“{key}” names a page: choose another key.")
    if Study.objects.filter(key=key).exists():
        raise Refused("study_exists", f"There is a study {key} already.")
    return Study.objects.create(
        key=key,
        title=title,
        protocol_number=protocol_number,
        registry_number=registry_number,
        product=product,
        is_replay=is_replay,
        source=source,
        created_at=now,
    )


def grant_role(
    user: User,
    *,
    study: Study,
    role: str,
    by: User | None,
    now: datetime,
    site: Site | None = None,
) -> Membership:
    """Give a person a role in a study; roles bound to a site need one. Twice is once.

    `by` is the machine's administrator, or None for set-up commands.
    """
    if by is not None and not by.is_superuser:
        raise Refused("wrong_role", "Only the administrator of the machine grants roles.")
    if (role in SITE_ROLES) != (site is not None):
        raise Refused("site_role", f"{Role(role).label.capitalize()}: name a site, or none.")
    if site is not None and site.study_id != study.pk:
        raise Refused("not_found", "There is no such site in this study.")
    membership, _ = Membership.objects.get_or_create(
        user=user,
        study=study,
        role=role,
        site=site,
        revoked_at=None,
        defaults={"granted_at": now, "granted_by": by},
    )
    return membership


def revoke_role(membership: Membership, *, by: User, now: datetime) -> Membership:
    """End a role; boards that are open by it are hung up on. Refuses one already ended."""
    if not by.is_superuser:
        raise Refused("wrong_role", "Only the administrator of the machine revokes roles.")
    if membership.revoked_at is not None:
        raise Refused("already_revoked", "This role has already ended.")
    membership.revoked_at, membership.revoked_by = now, by
    membership.save(update_fields=["revoked_at", "revoked_by"])
    study = membership.study
    transaction.on_commit(partial(say, study.key, study.revision), robust=True)
    return membership


def note_account_event(
    kind: AccountEventKind, *, user: User, at: datetime, request: str = ""
) -> AccountEvent:
    """Keep that something happened to an account; never what was typed."""
    return AccountEvent.objects.create(kind=kind, user=user, at=at, request=request[:64])


def unlock_account(user: User, *, by: User, now: datetime) -> User:
    """End the lock that wrong passwords or codes have put on an account. Refuses one that is not
    locked, and anybody but the administrator of the machine."""
    if not by.is_superuser:
        raise Refused("wrong_role", "Only the administrator of the machine unlocks accounts.")
    if not unlock(user, by=by, now=now):
        raise Refused("not_locked", "This account is not locked.")
    return user


def add_site(  # noqa: PLR0913 - the registry's fields
    study: Study,
    *,
    code: str,
    name: str,
    by: User | None,
    place: str = "",
    timezone: str = "UTC",
    registry_status: str = "",
    now: datetime | None = None,
) -> Site:
    """Add a planned site. Refuses a code that is taken. `by` is None for set-up commands."""
    if by is not None:
        check_role(by, study, [Role.STUDY_MANAGER])
    with study_change(study, by=by, reason="site added", now=now) as change:
        if Site.objects.filter(study=study, code=code).exists():
            raise Refused("site_exists", f"There is a site {code} already.")
        site = Site.objects.create(
            study=change.study,
            code=code,
            name=name,
            place=place,
            timezone=timezone,
            registry_status=registry_status,
        )
        change.record("SITE_ADDED", f"Site {code} added: {name}.", site=site)
    return site


def activate_site(site: Site, *, by: User, now: datetime | None = None) -> Site:
    """Let a planned site enrol. Refuses one that is suspended: that is resumed, with a reason."""
    check_role(by, site.study, [Role.STUDY_MANAGER])
    with study_change(site.study, by=by, reason="site activated", now=now) as change:
        site = Site.objects.get(pk=site.pk)
        SITE.check(site.state, SiteState.ACTIVE)
        if site.state == SiteState.SUSPENDED:
            raise Refused("site_suspended", f"Site {site.code} is suspended: resume it.")
        site.state = SiteState.ACTIVE
        site.save(update_fields=["state"])
        change.record("SITE_ACTIVATED", f"Site {site.code} may enrol.", site=site)
    return site


def suspend_site(site: Site, *, reason: str, by: User, now: datetime | None = None) -> Site:
    """Stop a site's screening, seats and lymphodepletion starts. Refuses a blank reason.

    Treatment that has begun goes on: a hold on the site stops that too.
    """
    return _move_site(site, to=SiteState.SUSPENDED, reason=reason, by=by, now=now)


def resume_site(site: Site, *, reason: str, by: User, now: datetime | None = None) -> Site:
    """Let a suspended site enrol again. Refuses a blank reason."""
    return _move_site(site, to=SiteState.ACTIVE, reason=reason, by=by, now=now)


def _move_site(site: Site, *, to: SiteState, reason: str, by: User, now: datetime | None) -> Site:
    check_role(by, site.study, [Role.STUDY_MANAGER])
    if not reason.strip():
        raise Refused("reason_needed", "Say why.")
    with study_change(site.study, by=by, reason=reason, now=now) as change:
        site = Site.objects.get(pk=site.pk)
        SITE.check(site.state, to)
        if site.state == SiteState.PLANNED:
            raise Refused("site_planned", f"Site {site.code} was never active.")
        site.state = to
        site.suspended_because = reason.strip() if to == SiteState.SUSPENDED else ""
        site.save(update_fields=["state", "suspended_because"])
        kind, word = _SAID[to]
        change.record(kind, f"Site {site.code} {word}: {reason}", site=site, detail=reason)
    return site


_SAID = {
    SiteState.SUSPENDED: ("SITE_SUSPENDED", "suspended"),
    SiteState.ACTIVE: ("SITE_RESUMED", "may enrol again"),
}
