"""Who may see and do what in a study. A superuser runs the machine and has no say here."""

from __future__ import annotations

from collections.abc import Iterable

from django.conf import settings
from django.db.models import QuerySet
from django.utils.module_loading import import_string

from ntrust.errors import Refused
from ntrust.models import Membership, Notification, Site, Study, User
from ntrust.notifications.chains import chain_of
from ntrust.states import Role

EVERY_SITE_ROLES = (
    Role.STUDY_MANAGER,
    Role.MEDICAL_MONITOR,
    Role.DATA_MONITOR,
    Role.COMMITTEE,
    Role.AUDITOR,
)


def roles_of(user: User, study: Study) -> frozenset[str]:
    """The roles a person holds in a study now."""
    return frozenset(_memberships(user, study).values_list("role", flat=True))


def _memberships(user: User, study: Study) -> QuerySet[Membership]:
    """Roles in force; a closed account has none."""
    return Membership.objects.filter(
        user=user, user__is_active=True, study=study, revoked_at__isnull=True
    )


def check_member(user: User, study: Study) -> None:
    """Refuse people outside the study, in words that do not tell whether it exists."""
    if not roles_of(user, study):
        raise Refused("not_found", "There is no such study, or it is not yours.")


def check_role(user: User, study: Study, roles: Iterable[str], *, site: Site | None = None) -> str:
    """The role in which this person may act; refuses (`wrong_role`, `other_site`) otherwise.

    With `site`, a role bound to a site counts only where it is that site.
    """
    wanted = tuple(roles)
    held = _memberships(user, study).filter(role__in=wanted).order_by("id")
    for membership in held:
        if site is None or membership.site_id in (None, site.pk):
            return membership.role
    if held:
        raise Refused("other_site", "This participant belongs to another site.")
    names = " or ".join(Role(role).label for role in wanted)
    raise Refused("wrong_role", f"Only the {names} of this study may do this.")


def visible_sites(user: User, study: Study) -> frozenset[int]:
    """Primary keys of the sites whose participants this person may see."""
    rows = _memberships(user, study)
    if any(row.role in EVERY_SITE_ROLES for row in rows):
        return frozenset(study.sites.values_list("pk", flat=True))
    return frozenset(row.site_id for row in rows if row.site_id)


def check_acknowledge(row: Notification, *, by: User) -> None:
    """Refuse a word that is not this person's to give, is not awaited, or has been given."""
    if row.recipient_id != by.pk:
        raise Refused("wrong_role", "This alert is somebody else's.")
    if not has_duty(row, by=by):
        raise Refused(
            "role_ended",
            "Your account is closed, or your role in this study has ended: others see to it.",
        )
    if row.acknowledge_by is None:
        raise Refused("not_awaited", "Nobody waits for a word about this.")
    if import_string(settings.NTRUST_READ_FIRST)(row) is not None:
        raise Refused(
            "read_it_first",
            "A decision is acknowledged on its own page, once it has been read: log in for that.",
        )
    answer = chain_of(row).answer
    if answer is not None:
        assert answer.acknowledged_at is not None
        who = "You have" if answer.recipient_id == by.pk else "Somebody you were told with has"
        raise Refused(
            "already_acknowledged",
            f"{who} acknowledged this already, {answer.acknowledged_at:%d-%b-%Y %H:%M} UTC.",
        )


def has_duty(row: Notification, *, by: User) -> bool:
    """Whether this person is still what they were told as; who was told for somebody else, whether
    still in the study."""
    held = Membership.objects.filter(user=by, study_id=row.event.study_id)
    own = held.filter(role=row.role, site=row.site_id)
    in_force = own if own.exists() else held
    return in_force.filter(user__is_active=True, revoked_at__isnull=True).exists()
