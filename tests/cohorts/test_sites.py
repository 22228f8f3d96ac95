"""Sites: activated, suspended with a reason, resumed; seen by their own people alone."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.urls import reverse

from cohorts.actions import (
    confirm_slot,
    reserve_slot,
    screen_participant,
)
from dosing.actions import begin_lymphodepletion, give_infusion
from dosing.models import Infusion
from ntrust import clock
from ntrust.actions import activate_site, resume_site, suspend_site
from ntrust.models import Site
from safety.management.conduct import Conduct
from tests.cohorts.consenting import build_consented, person
from tests.factories import (
    DISEASE,
    cast,
    client_of,
    fingerprint,
    kinds_since,
    refused,
    reserve,
    revision_of,
    shared_trial,
    shut,
)

pytestmark = pytest.mark.django_db


_built, trial = shared_trial(build_consented)


@pytest.fixture(autouse=True)
def _now(trial: Conduct, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock, "now", lambda: trial.now)


def suspend(trial: Conduct) -> Site:
    site = trial.crews[0].site
    return suspend_site(site, reason="an audit", by=trial.manager, now=trial.tick())


def test_suspended_site_screens_seats_and_conditions_nobody(trial: Conduct) -> None:
    slot = reserve(trial, person(3), 1)
    suspend(trial)
    by = trial.crews[0].investigator

    with refused("site_not_active"):
        screen_participant(
            trial.crews[0].site,
            screening_number="S-900",
            disease=DISEASE,
            consented_at=trial.now,
            by=by,
            now=trial.tick(),
        )
    with refused("no_seat") as caught:
        confirm_slot(slot, by=trial.manager, now=trial.tick())
    assert shut(caught) == ["site_active"]
    assert "suspended: an audit" in caught.value.sentence
    with refused("no_lymphodepletion") as caught:
        begin_lymphodepletion(
            person(2),
            regimen="flu_cy",
            started_at=trial.now,
            first_infusion_on=trial.now,
            by=by,
            now=trial.tick(),
        )
    assert shut(caught) == ["site_active"]


def test_treatment_that_has_begun_goes_on_at_a_suspended_site(trial: Conduct) -> None:
    suspend(trial)
    infusion = Infusion.objects.get(course__participant=person(1), number=1)
    trial.now += timedelta(days=5)

    given = give_infusion(
        infusion,
        given_at=trial.now,
        given_cells=infusion.assigned_cells,
        by=trial.crews[0].investigator,
        now=trial.tick(),
    )

    assert given.state == "GIVEN"


def test_other_site_goes_on_enrolling(trial: Conduct) -> None:
    suspend(trial)

    slot = reserve_slot(person(4), level=trial.level(1), by=trial.manager, now=trial.tick())

    assert slot.state == "RESERVED"


def test_site_is_resumed_with_a_reason(trial: Conduct) -> None:
    before = revision_of(trial)
    site = suspend(trial)
    with refused("site_suspended"):
        activate_site(site, by=trial.manager, now=trial.tick())
    with refused("reason_needed"):
        resume_site(site, reason=" ", by=trial.manager, now=trial.tick())

    site = resume_site(site, reason="the audit is over", by=trial.manager, now=trial.tick())

    assert (site.state, site.suspended_because) == ("ACTIVE", "")
    assert kinds_since(trial, before) == ["SITE_SUSPENDED", "SITE_RESUMED"]
    assert reserve(trial, person(3), 1).state == "RESERVED"


def test_site_is_suspended_once_and_for_a_reason(trial: Conduct) -> None:
    site = trial.crews[0].site
    with refused("reason_needed"):
        suspend_site(site, reason="", by=trial.manager, now=trial.tick())
    with refused("illegal_move"):
        resume_site(site, reason="why not", by=trial.manager, now=trial.tick())

    suspend(trial)

    with refused("illegal_move"):
        suspend_site(site, reason="again", by=trial.manager, now=trial.tick())


def test_people_of_a_site_see_it_alone(trial: Conduct) -> None:
    people = cast(trial)
    page = reverse("cohorts:sites", args=["trial"])
    answers = {who: client_of(user).get(page) for who, user in people.items()}

    status = {who: answer.status_code for who, answer in answers.items()}
    assert status == {
        **dict.fromkeys(("manager", "monitor", "auditor", "investigator", "pharmacist"), 200),
        **dict.fromkeys(("investigator elsewhere", "pharmacist elsewhere"), 200),
        "committee": 403,
        **dict.fromkeys(("superuser", "stranger", "revoked"), 404),
    }
    codes = {who: codes_of(answer.content.decode()) for who, answer in answers.items()}
    assert codes["manager"] == {"S1", "S2"}
    assert codes["investigator"] == {"S1"}
    assert codes["investigator elsewhere"] == {"S2"}
    assert "Suspend S1" in answers["manager"].content.decode()
    assert "Suspend S1" not in answers["monitor"].content.decode()


def codes_of(html: str) -> set[str]:
    return {code for code in ("S1", "S2") if f"<b>{code}</b>" in html}


@pytest.mark.parametrize("name", ["activate_site", "suspend_site", "resume_site"])
def test_site_pages_act_for_the_manager_alone(trial: Conduct, name: str) -> None:
    people = cast(trial)
    page = reverse(f"cohorts:{name}", args=["trial", "S1"])
    before = fingerprint()

    status = {who: client_of(user).post(page, {}).status_code for who, user in people.items()}

    hidden = ("investigator elsewhere", "pharmacist elsewhere", "superuser", "stranger", "revoked")
    seen = ("monitor", "investigator", "pharmacist", "committee", "auditor")
    refusal = 409 if name == "activate_site" else 422
    assert status == {
        "manager": refusal,
        **dict.fromkeys(seen, 403),
        **dict.fromkeys(hidden, 404),
    }
    assert fingerprint() == before


def test_site_is_suspended_over_the_page(trial: Conduct) -> None:
    page = reverse("cohorts:suspend_site", args=["trial", "S1"])
    data = {"reason": "an audit", "revision": revision_of(trial)}

    answer = client_of(trial.manager).post(page, data, follow=True)

    assert "The site is suspended." in answer.content.decode()
    assert "an audit" in answer.content.decode()
    assert Site.objects.get(code="S1").state == "SUSPENDED"
