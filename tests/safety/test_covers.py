"""Names that people type into a narrative are in no packet."""

from __future__ import annotations

from typing import Any

import pytest

from cohorts.queries.covers import Cover, cover_for_packets
from ntrust.states import Role
from safety.management.conduct import Conduct, enlist
from tests.factories import DISEASE, PASSWORD, make_trial, seat, shared_trial

pytestmark = pytest.mark.django_db


def build() -> Conduct:
    """A trial with a few more people at work, one seated and one in screening."""
    trial = make_trial()
    common: dict[str, Any] = {"study": trial.study, "password": PASSWORD, "now": trial.now}
    site = trial.crews[0].site
    for username, name in (
        ("bl7", "Bo Li"),
        ("rose.ann", "Rose Adams"),
        ("aedwards", "Anna Edwards"),
        ("k.zimmer", "Käthe von Zimmermann"),
    ):
        user = enlist(username, role=Role.INVESTIGATOR, site=site, **common)
        user.printed_name = name
        user.save(update_fields=["printed_name"])
    return trial


_built, trial = shared_trial(build)


@pytest.fixture
def cover(trial: Conduct) -> Cover:
    return cover_for_packets(trial.study)


@pytest.mark.parametrize(
    ("typed", "read"),
    [
        ("seen by bo li", "seen by (staff)"),
        ("seen by Li, told BO", "seen by (staff), told (staff)"),
        ("the lipase and a bolus", "the lipase and a bolus"),
        ("temperature rose by 1", "temperature rose by 1"),
        ("Rose was told", "(staff) was told"),
        ("ask ADAMS, adams's list", "ask (staff), (staff)'s list"),
        ("initials R.A. and R. A.", "initials (staff) and (staff)"),
        ("RA is a term, BL is nobody's", "RA is a term, (staff) is nobody's"),
        ("AE ended; A.E. wrote it", "AE ended; (staff) wrote it"),
        ("BL7 and Aedwards entered it", "(staff) and (staff) entered it"),
        ("KÄTHE VON ZIMMERMANN; zimmermann", "(staff); (staff)"),
        ("the study manager asks", "the study manager asks"),
        ("at SITE 1 today", "at (site) today"),
    ],
)
def test_names_initials_and_usernames_are_covered(cover: Cover, typed: str, read: str) -> None:
    assert cover.of(typed) == read
    assert cover.of(read) == read


def test_screening_numbers_become_subject_numbers(trial: Conduct) -> None:
    seated = seat(trial, 1)[0] if trial.study.cohorts.exists() else trial.screen(disease=DISEASE)
    cover = cover_for_packets(trial.study)

    said = cover.of(f"{seated.screening_number.lower()} fell")

    assert said == f"{seated.subject_number or 'in screening'} fell"
