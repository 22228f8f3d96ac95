"""Whom nobody would hear: roles that are told of urgent events, and have nobody in them."""

from __future__ import annotations

from ntrust.models import Membership, Site, Study
from ntrust.states import SITE_ROLES, Role, SiteState


def roles_without_anybody(study: Study) -> list[tuple[Role, Site | None]]:
    """Each role of an urgent rule that nobody holds who could be told, with the site where its
    people are a site's. A site that takes part in nothing yet needs nobody. Two statements."""
    told = {role for rule in study.notification_rules.values() if rule.get("urgent")
            for role in rule["roles"]}  # fmt: skip
    if not told:
        return []
    members = Membership.objects.filter(
        study=study, revoked_at__isnull=True, user__is_active=True
    ).exclude(user__email="")
    held: set[tuple[str, int | None]] = set(members.values_list("role", "site_id"))
    found: list[tuple[Role, Site | None]] = [
        (role, None)
        for role in Role
        if role in told and role not in SITE_ROLES and (role, None) not in held
    ]
    sites = study.sites.exclude(state=SiteState.PLANNED).order_by("code")
    found += [
        (role, site)
        for site in sites
        for role in Role
        if role in told and role in SITE_ROLES and (role, site.pk) not in held
    ]
    return found
