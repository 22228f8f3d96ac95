"""Setting up studies, sites, people and roles."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.urls import get_resolver

from ntrust.actions import (
    PAGE_NAMES,
    activate_site,
    add_site,
    create_study,
    grant_role,
    revoke_role,
)
from ntrust.models import Membership, Study, User
from ntrust.states import Role
from safety.management.conduct import Conduct
from tests.factories import START, make_trial, refused, shared_trial

pytestmark = pytest.mark.django_db
_built, trial = shared_trial(make_trial)


@pytest.fixture
def root(db: None) -> User:
    return User.objects.create_superuser("root", password="x", printed_name="Root")


@pytest.fixture
def newcomer(db: None) -> User:
    return User.objects.create_user("newcomer", printed_name="Newcomer")


def _routes(resolver: Any, start: str = "") -> Iterator[str]:
    for one in resolver.url_patterns:
        if hasattr(one, "url_patterns"):
            yield from _routes(one, start + str(one.pattern))
        else:
            yield start + str(one.pattern)


def test_study_key_is_taken_once(trial: Conduct) -> None:
    with refused("study_exists"):
        create_study("trial", title="Again", protocol_number="X", now=START)


def test_name_of_a_page_is_no_studys_key(db: None) -> None:
    """Below each place with a study's key in it, what stands there instead of a key."""
    routes = [name for name in _routes(get_resolver()) if "<slug:key>" in name]
    above = {route.partition("<slug:key>")[0] for route in routes} - {""}
    beside = {
        rest.partition("/")[0]
        for route in _routes(get_resolver())
        for start in above
        if (rest := route.removeprefix(start)) != route and rest[:1] not in ("", "<")
    }
    assert beside == PAGE_NAMES

    for name in beside:
        with refused("study_key_is_a_page"):
            create_study(name, title="A page", protocol_number="P", now=START)


def test_new_study_is_in_set_up(db: None) -> None:
    study = create_study("new", title="New", protocol_number="N-1", now=START)

    study = Study.objects.get(pk=study.pk)
    assert (study.state, study.revision, study.created_at) == ("SETUP", 0, START)


def test_site_is_planned_then_active(trial: Conduct) -> None:
    site = add_site(trial.study, code="S9", name="Nine", by=trial.manager, now=trial.tick())
    assert site.state == "PLANNED"

    site = activate_site(site, by=trial.manager, now=trial.tick())

    assert site.state == "ACTIVE"
    with refused("illegal_move"):
        activate_site(site, by=trial.manager, now=trial.tick())


def test_site_code_is_taken_once(trial: Conduct) -> None:
    with refused("site_exists"):
        add_site(trial.study, code="S1", name="Again", by=trial.manager, now=trial.tick())


def test_role_given_twice_is_one_role(trial: Conduct, newcomer: User, root: User) -> None:
    for _ in range(2):
        grant_role(newcomer, study=trial.study, role=Role.AUDITOR, by=root, now=trial.tick())

    assert Membership.objects.filter(user=newcomer).count() == 1


def test_role_given_again_after_it_ended_is_a_second_row(
    trial: Conduct, newcomer: User, root: User
) -> None:
    first = grant_role(newcomer, study=trial.study, role=Role.AUDITOR, by=root, now=trial.tick())
    revoke_role(first, by=root, now=trial.tick())

    grant_role(newcomer, study=trial.study, role=Role.AUDITOR, by=root, now=trial.tick())

    ended = (
        Membership.objects.filter(user=newcomer).order_by("id").values_list("revoked_by", flat=True)
    )
    assert list(ended) == [root.pk, None]


def test_role_ended_twice_is_refused(trial: Conduct, newcomer: User, root: User) -> None:
    row = grant_role(newcomer, study=trial.study, role=Role.AUDITOR, by=root, now=trial.tick())
    revoke_role(row, by=root, now=trial.tick())

    with refused("already_revoked"):
        revoke_role(row, by=root, now=trial.tick())


@pytest.mark.parametrize("role", [Role.INVESTIGATOR, Role.PHARMACIST])
def test_site_role_needs_a_site(trial: Conduct, newcomer: User, root: User, role: Role) -> None:
    with refused("site_role"):
        grant_role(newcomer, study=trial.study, role=role, by=root, now=trial.tick())


def test_central_role_has_no_site(trial: Conduct, newcomer: User, root: User) -> None:
    site = trial.crews[0].site

    with refused("site_role"):
        grant_role(
            newcomer, study=trial.study, role=Role.AUDITOR, by=root, site=site, now=trial.tick()
        )


def test_role_at_another_studys_site_is_refused(trial: Conduct, newcomer: User, root: User) -> None:
    site = make_trial(key="other").crews[0].site

    with refused("not_found"):
        grant_role(
            newcomer,
            study=trial.study,
            role=Role.INVESTIGATOR,
            by=root,
            site=site,
            now=trial.tick(),
        )


def test_only_the_administrator_gives_and_ends_roles(trial: Conduct, newcomer: User) -> None:
    row = Membership.objects.get(user=trial.monitor)

    with refused("wrong_role"):
        grant_role(
            newcomer, study=trial.study, role=Role.AUDITOR, by=trial.manager, now=trial.tick()
        )
    with refused("wrong_role"):
        revoke_role(row, by=trial.manager, now=trial.tick())
