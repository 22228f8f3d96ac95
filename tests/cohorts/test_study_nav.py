"""The main navigation: grouped, by role, with every page a person may open."""

from __future__ import annotations

import re

import pytest
from django.test import RequestFactory
from django.urls import reverse

from cohorts.templatetags.study_nav import FIRST, GROUPS, PAGES, REST, Nav, study_nav
from ntrust.models import User
from ntrust.states import Role
from safety.management.conduct import Conduct
from tests.factories import cast, client_of, make_trial, open_level, shared_trial

pytestmark = pytest.mark.django_db


def build() -> Conduct:
    """A level open, nobody seated."""
    return open_level(make_trial(sites=2))


_built, trial = shared_trial(build)


def nav(trial: Conduct, user: User, address: str = "") -> Nav:
    request = RequestFactory().get(address or reverse("cohorts:ladder", args=[trial.study.key]))
    request.user = user
    return study_nav({"request": request, "study": trial.study})


def labels(found: Nav) -> dict[str, list[str]]:
    return {group.label: [link.label for link in group.links] for group in found.groups}


def test_manager_has_the_words_in_order(trial: Conduct) -> None:
    found = nav(trial, trial.manager)

    assert [group.label for group in found.groups] == [
        "Today",
        "Cohorts",
        "Participants",
        "Safety",
        "Decisions",
        "Protocol",
        "Audit",
    ]
    assert found.groups[0].url == f"/manage/{trial.study.key}/"


@pytest.mark.parametrize(
    ("who", "role"),
    [
        ("manager", Role.STUDY_MANAGER),
        ("monitor", Role.MEDICAL_MONITOR),
        ("auditor", Role.AUDITOR),
        ("committee", Role.COMMITTEE),
        ("investigator", Role.INVESTIGATOR),
        ("pharmacist", Role.PHARMACIST),
    ],
)
def test_every_page_of_a_role_is_in_one_group(trial: Conduct, who: str, role: Role) -> None:
    grouped = labels(nav(trial, cast(trial)[who]))

    found = [label for group in grouped.values() for label in group]
    assert sorted(found) == sorted(label for _, label, readers in PAGES if role in readers)
    assert len(set(found)) == len(found)


def test_no_word_leads_nowhere() -> None:
    known = {label for _, label, _ in PAGES}

    assert {label for _, found in GROUPS for label in found} <= known
    assert {label for found in FIRST.values() for label in found} <= known
    assert REST not in {label for label, _ in GROUPS}


def test_records_of_all_studies_are_in_the_navigation(trial: Conduct) -> None:
    links = {
        link.label: link.url for group in nav(trial, trial.manager).groups for link in group.links
    }
    theirs = labels(nav(trial, trial.crews[0].investigator))

    assert links["Records"] == "/manage/records/"
    assert "Records" not in theirs["Audit"]


def test_committee_has_no_word_without_a_page(trial: Conduct) -> None:
    assert labels(nav(trial, cast(trial)["committee"])) == {
        "Cohorts": ["Ladder", "Path", "Part 2"],
        "Safety": ["Holds"],
        "Decisions": ["Decisions", "Packets", "Reviews"],
        "Protocol": ["Protocol"],
    }


def test_a_word_leads_to_what_the_role_needs_first(trial: Conduct) -> None:
    people = {group.label: group.url for group in nav(trial, trial.crews[0].pharmacist).groups}
    theirs = {group.label: group.url for group in nav(trial, trial.manager).groups}

    assert people["Participants"] == f"/studies/{trial.study.key}/lots/"
    assert theirs["Participants"] == f"/studies/{trial.study.key}/participants/"


def test_page_below_another_is_in_its_group(trial: Conduct) -> None:
    address = f"/studies/{trial.study.key}/participants/S-001/event/"

    here = nav(trial, trial.manager, address).here

    assert here is not None
    assert here.label == "Participants"
    assert [(link.label, link.is_here) for link in here.links if link.is_within] == [
        ("Participants", False)
    ]


def test_ladder_is_above_no_page_but_itself(trial: Conduct) -> None:
    assert nav(trial, trial.manager, f"/studies/{trial.study.key}/rde/").here is None
    here = nav(trial, trial.manager).here
    assert here is not None
    assert [link.label for link in here.links if link.is_here] == ["Ladder"]


def test_page_shows_the_groups_and_the_pages_of_the_one_it_is_in(trial: Conduct) -> None:
    html = client_of(trial.manager).get(f"/studies/{trial.study.key}/").content.decode()

    words = re.findall(r'<ul class="nav-groups">(.*?)</ul>', html, re.S)
    pages = re.findall(r'<ul class="nav-pages"[^>]*>(.*?)</ul>', html, re.S)
    assert re.findall(r'aria-current="true">(\w+)<', words[0]) == ["Cohorts"]
    assert re.findall(r">([^<>]+)</a>", pages[0])[:2] == ["Ladder", "Path"]
    assert re.findall(r'aria-current="page">([^<]+)<', pages[0]) == ["Ladder"]
