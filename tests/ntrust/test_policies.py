"""Who may see and act in a study."""

import pytest

from ntrust.actions import grant_role
from ntrust.models import User
from ntrust.policies import check_member, check_role, roles_of, visible_sites
from ntrust.states import Role
from safety.management.conduct import Conduct
from tests.factories import cast, make_trial, refused, shared_trial

pytestmark = pytest.mark.django_db
_built, trial = shared_trial(lambda: make_trial(sites=2))

OUTSIDERS = ("superuser", "stranger", "revoked")
ONE_SITE = ("investigator", "pharmacist")
OTHER_SITE = ("investigator elsewhere", "pharmacist elsewhere")


def test_visible_sites_are_ones_own_unless_the_role_sees_all(trial: Conduct) -> None:
    own, other = (crew.site.pk for crew in trial.crews)

    seen = {name: visible_sites(user, trial.study) for name, user in cast(trial).items()}

    assert {name for name, sites in seen.items() if sites == {own, other}} == {
        "manager",
        "monitor",
        "committee",
        "auditor",
    }
    assert {name for name, sites in seen.items() if sites == {own}} == set(ONE_SITE)
    assert {name for name, sites in seen.items() if sites == {other}} == set(OTHER_SITE)
    assert {name for name, sites in seen.items() if not sites} == set(OUTSIDERS)


def test_outsiders_are_told_nothing(trial: Conduct) -> None:
    for name, user in cast(trial).items():
        if name in OUTSIDERS:
            assert roles_of(user, trial.study) == frozenset()
            with refused("not_found") as caught:
                check_member(user, trial.study)
            assert trial.study.key not in caught.value.sentence
        else:
            check_member(user, trial.study)


def test_role_in_one_study_is_none_in_another(trial: Conduct) -> None:
    other = make_trial(key="other")

    with refused("wrong_role"):
        check_role(other.manager, trial.study, [Role.STUDY_MANAGER])


def test_site_role_counts_at_its_site_only(trial: Conduct) -> None:
    own, other = (crew.site for crew in trial.crews)
    investigator = trial.crews[0].investigator

    role = check_role(investigator, trial.study, [Role.INVESTIGATOR], site=own)

    assert role == Role.INVESTIGATOR
    with refused("other_site"):
        check_role(investigator, trial.study, [Role.INVESTIGATOR], site=other)


def test_role_at_two_sites_counts_at_both(trial: Conduct) -> None:
    investigator = trial.crews[0].investigator
    grant_role(
        investigator,
        study=trial.study,
        role=Role.INVESTIGATOR,
        by=None,
        site=trial.crews[1].site,
        now=trial.now,
    )

    for crew in trial.crews:
        assert check_role(investigator, trial.study, [Role.INVESTIGATOR], site=crew.site)


def test_closed_account_has_no_role(trial: Conduct) -> None:
    User.objects.filter(pk=trial.manager.pk).update(is_active=False)

    with refused("wrong_role"):
        check_role(trial.manager, trial.study, [Role.STUDY_MANAGER])
