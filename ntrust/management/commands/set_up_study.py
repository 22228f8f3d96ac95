"""`manage.py set_up_study FILE`: a study, its sites and who holds which role, from one file."""

from __future__ import annotations

from argparse import ArgumentParser
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from zoneinfo import available_timezones

import yaml
from django.core.management.base import BaseCommand, CommandError
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from ntrust import clock
from ntrust.actions import add_site, create_study, grant_role, revoke_role
from ntrust.errors import Refused
from ntrust.models import Membership, Site, Study, User
from ntrust.states import SITE_ROLES, Role


class Part(BaseModel):
    """A part of the file; a word that is not known is refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class StudyPart(Part):
    """The study, as its registry names it."""

    key: str = Field(pattern=r"^[a-z0-9][-a-z0-9]{0,59}$")
    title: str = Field(min_length=1)
    protocol_number: str = Field(min_length=1)
    registry_number: str = ""
    product: str = ""


class SitePart(Part):
    """A site. `timezone`: its IANA name."""

    code: str = Field(pattern=r"^[A-Z0-9]{1,10}$")
    name: str = Field(min_length=1)
    place: str = ""
    timezone: str
    registry_status: str = ""

    @field_validator("timezone")
    @classmethod
    def _is_known(cls, value: str) -> str:
        if value not in available_timezones():
            raise ValueError(f"there is no time zone {value}")
        return value


class RolePart(Part):
    """A role of an account; those of a site name it."""

    username: str
    role: Role
    site: str = ""


class SetUp(Part):
    """The file."""

    study: StudyPart
    sites: tuple[SitePart, ...] = ()
    roles: tuple[RolePart, ...] = ()


class Command(BaseCommand):
    help = (
        "Make what a file says of a study, its sites and its people's roles true. What is there "
        "stays; roles that the file does not name are told, and taken back with --take-back."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", metavar="FILE", help="YAML; see docs/operations/deploy.md")
        parser.add_argument(
            "--take-back",
            metavar="ADMINISTRATOR",
            help="take back roles that the file does not name, as this account",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        wanted = _read(options["file"])
        if problems := [*_problems(wanted, options["take_back"])]:
            raise CommandError("\n".join(problems))
        try:
            said = [*self._set_up(wanted, options["take_back"])]
        except Refused as refusal:
            raise CommandError(refusal.sentence) from refusal
        self.stdout.write("\n".join(said) or "Everything was so already.")

    def _set_up(self, wanted: SetUp, administrator: str | None) -> Iterator[str]:
        now = clock.now()
        study = Study.objects.filter(key=wanted.study.key).first()
        if study is None:
            study = create_study(now=now, **wanted.study.model_dump())
            yield f"Study {study.key} made."
        yield from _add_sites(study, wanted)
        for part in wanted.roles:
            yield from _give(study, part)
        for row in _others(study, wanted):
            if administrator is None:
                yield f"Not in the file, and left: {_words(row)}."
            else:
                revoke_role(row, by=User.objects.get(username=administrator), now=now)
                yield f"Taken back: {_words(row)}."


def _read(path: str) -> SetUp:
    try:
        return SetUp.model_validate(yaml.safe_load(Path(path).read_text(encoding="utf-8")))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as problem:
        raise CommandError(f"{path} cannot be read: {problem}") from problem
    except ValidationError as problem:
        lines = (f"  {'.'.join(map(str, one['loc']))}: {one['msg']}" for one in problem.errors())
        raise CommandError("\n".join([f"{path} says what is not understood:", *lines])) from None


def _problems(wanted: SetUp, administrator: str | None) -> Iterator[str]:
    """What cannot be done of it, found before anything is: each site is a change of its own."""
    study = Study.objects.filter(key=wanted.study.key).first()
    known = {site.code for site in wanted.sites}
    known.update(Site.objects.filter(study=study).values_list("code", flat=True))
    for part in wanted.roles:
        if not User.objects.filter(username=part.username).exists():
            yield f"There is no account {part.username}: make it under /admin/ first."
        if (part.role in SITE_ROLES) != bool(part.site):
            yield f"{part.username}, {part.role.label}: name a site, or none."
        if part.site and part.site not in known:
            yield f"{part.username}, {part.role.label}: there is no site {part.site}."
    if administrator and not User.objects.filter(username=administrator, is_superuser=True):
        yield f"Only the administrator of the machine revokes roles, and {administrator} is not."


def _add_sites(study: Study, wanted: SetUp) -> Iterator[str]:
    there = set(Site.objects.filter(study=study).values_list("code", flat=True))
    for site in wanted.sites:
        if site.code not in there:
            add_site(study, by=None, **site.model_dump())
            yield f"Site {site.code} added."


def _give(study: Study, part: RolePart) -> Iterator[str]:
    user = User.objects.get(username=part.username)
    site = Site.objects.get(study=study, code=part.site) if part.site else None
    held = Membership.objects.filter(
        study=study, user=user, role=part.role, site=site, revoked_at__isnull=True
    )
    if not held.exists():
        row = grant_role(user, study=study, role=part.role, by=None, now=clock.now(), site=site)
        yield f"Given: {_words(row)}."


def _others(study: Study, wanted: SetUp) -> list[Membership]:
    """Roles in force that the file does not name."""
    named = {(part.username, part.role.value, part.site) for part in wanted.roles}
    rows = Membership.objects.filter(study=study, revoked_at__isnull=True)
    return [
        row
        for row in rows.select_related("user", "site").order_by("id")
        if (row.user.username, row.role, row.site.code if row.site else "") not in named
    ]


def _words(row: Membership) -> str:
    at = f" at {row.site.code}" if row.site else ""
    return f"{row.user.username}, {Role(row.role).label}{at}"
