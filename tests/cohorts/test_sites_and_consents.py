"""Sites suspended and resumed; consent forms, and what an amendment that asks for consent shuts."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from cohorts.actions import (
    add_consent_form,
    add_protocol_version,
    confirm_slot,
    leave_study,
    re_pin,
    record_consent,
    reserve_slot,
    screen_participant,
)
from cohorts.models import Consent, ConsentForm, Participant
from cohorts.policies import consent_gate, gates_for_seat
from cohorts.queries import viewer_of
from cohorts.queries.consents import read_consents
from cohorts.queries.sites import read_sites
from dosing.actions import begin_lymphodepletion, give_infusion
from dosing.models import Infusion
from ntrust import clock
from ntrust.actions import activate_site, resume_site, suspend_site
from ntrust.models import Site, User
from safety.management.conduct import Conduct
from tests.factories import (
    DISEASE,
    approve,
    cast,
    fingerprint,
    kinds_since,
    make_document,
    make_trial,
    open_level,
    refused,
    reserve,
    revision_of,
    seat,
    shared_trial,
    shut,
)

pytestmark = pytest.mark.django_db


def build() -> Conduct:
    """Form 1.0; at level 1 one conditioned, one seated, one eligible; one at another site."""
    trial = make_trial(sites=2)
    add_form(trial, "1.0", "A")
    open_level(trial)
    conditioned, _ = seat(trial, 1, 2)
    trial.condition([conditioned], day_0=trial.now + timedelta(days=5))
    trial.screen(disease=DISEASE)
    trial.screen(disease=DISEASE, crew=1)
    return trial


def add_form(trial: Conduct, label: str, version: str, **changed: Any) -> ConsentForm:
    entered = {
        "label": label,
        "effective_on": trial.now.date(),
        "version": trial.study.protocol_versions.get(version=version),
        "by": trial.manager,
        "now": trial.tick(),
    }
    return add_consent_form(trial.study, **{**entered, **changed})


_built, trial = shared_trial(build)


@pytest.fixture(autouse=True)
def _now(trial: Conduct, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock, "now", lambda: trial.now)


def person(number: int) -> Participant:
    return Participant.objects.get(subject_number=f"P-00{number}")


def client_of(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def amend(trial: Conduct, *, asks: bool = True, version: str = "B") -> None:
    """A version in force that asks those on study to consent again."""
    document = {**make_document(version=version), "reconsent": {"required": asks}}
    draft = add_protocol_version(trial.study, document=document, by=trial.manager, now=trial.tick())
    approve(draft, by=trial.manager, now=trial.tick())


def record(trial: Conduct, who: Participant, form: ConsentForm, **changed: Any) -> Consent:
    entered = {
        "form": form,
        "signed_on": trial.now.date(),
        "by": trial.investigator_of(who),
        "now": trial.tick(),
    }
    return record_consent(who, **{**entered, **changed})


def suspend(trial: Conduct) -> Site:
    site = trial.crews[0].site
    return suspend_site(site, reason="an audit", by=trial.manager, now=trial.tick())


# Sites


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


# Consent


def test_form_in_effect_is_recorded_at_screening(trial: Conduct) -> None:
    add_form(trial, "2.0", "A", effective_on=trial.now.date() + timedelta(days=1))
    today = screened(trial, "S-901")
    trial.now += timedelta(days=1)
    tomorrow = screened(trial, "S-902")

    assert [str(row.form) for row in (today.consents.get(), tomorrow.consents.get())] == [
        "1.0",
        "2.0",
    ]
    assert today.consents.get().recorded_by == trial.crews[0].investigator


def screened(trial: Conduct, number: str) -> Participant:
    return screen_participant(
        trial.crews[0].site,
        screening_number=number,
        disease=DISEASE,
        consented_at=trial.now,
        by=trial.crews[0].investigator,
        now=trial.tick(),
    )


def test_amendment_that_asks_for_nothing_shuts_nothing(trial: Conduct) -> None:
    amend(trial, asks=False)

    assert consent_gate(person(2)).is_clear
    viewer = viewer_of(trial.manager, "trial")
    assert viewer is not None
    assert read_consents(viewer).owing == ()


def test_overtaken_consent_shuts_seat_and_lymphodepletion(trial: Conduct) -> None:
    amend(trial)

    gates = gates_for_seat(trial.study, trial.level(1), now=trial.now, participant=person(3))
    (gate,) = [gate for gate in gates if not gate.is_clear]
    assert (gate.rule, gate.who_can_clear) == ("consent_current", "study manager")
    assert "There is no consent form of that version yet." in gate.sentence
    form = add_form(trial, "2.0", "B")
    assert consent_gate(person(3)).who_can_clear == "investigator"
    with refused("no_lymphodepletion") as caught:
        begin_lymphodepletion(
            person(2),
            regimen="flu_cy",
            started_at=trial.now,
            first_infusion_on=trial.now,
            by=trial.crews[0].investigator,
            now=trial.tick(),
        )
    assert shut(caught) == ["consent_current"]

    record(trial, person(2), form)

    assert consent_gate(person(2)).is_clear
    assert not consent_gate(person(3)).is_clear


def test_consent_to_a_later_version_is_enough(trial: Conduct) -> None:
    amend(trial)
    amend(trial, asks=False, version="C")

    record(trial, person(3), add_form(trial, "3.0", "C"))

    assert consent_gate(person(3)).is_clear


def test_one_enrolled_under_the_asking_version_with_its_form_owes_nothing(trial: Conduct) -> None:
    amend(trial)
    with_old_form = screened(trial, "S-901")
    add_form(trial, "2.0", "B")

    with_new_form = screened(trial, "S-902")

    assert not consent_gate(with_old_form).is_clear
    assert consent_gate(with_new_form).is_clear


def test_list_names_who_owes_to_those_who_may_know_them(trial: Conduct) -> None:
    amend(trial)
    record(trial, person(2), add_form(trial, "2.0", "B"))
    leave_study(
        person(3), to="WITHDRAWN", reason="moved", by=trial.crews[0].investigator, now=trial.tick()
    )
    people = cast(trial)

    owing = {}
    for who in ("manager", "investigator", "investigator elsewhere"):
        viewer = viewer_of(people[who], "trial")
        assert viewer is not None
        owing[who] = [(row.name, row.can_record) for row in read_consents(viewer).owing]

    assert owing == {
        "manager": [("P-001", False), ("P-004", False)],
        "investigator": [("P-001", True)],
        "investigator elsewhere": [("P-004", True)],
    }
    page = client_of(people["committee"]).get(reverse("cohorts:consents", args=["trial"]))
    assert page.status_code == 403


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"signed_on": date(2031, 1, 1)}, "future_date"),
        ({"signed_on": date(2020, 1, 1)}, "form_not_in_effect"),
    ],
)
def test_impossible_day_is_refused(trial: Conduct, changed: dict[str, Any], code: str) -> None:
    form = add_form(trial, "2.0", "A")

    with refused(code):
        record(trial, person(2), form, **changed)


def test_second_record_of_a_form_is_a_correction_with_a_reason(trial: Conduct) -> None:
    form, unsigned = ConsentForm.objects.get(), add_form(trial, "2.0", "A")
    with refused("already_recorded"):
        record(trial, person(2), form)
    with refused("already_recorded"):
        record(trial, person(2), unsigned, correction="nothing to correct")

    record(trial, person(2), form, correction="the day was misread")

    corrections = [row.correction for row in person(2).consents.all()]
    assert corrections == ["", "the day was misread"]


def test_one_off_study_signs_nothing(trial: Conduct) -> None:
    form, by = add_form(trial, "2.0", "A"), trial.crews[0].investigator
    leave_study(person(3), to="LOST", reason="moved", by=by, now=trial.tick())

    with refused("off_study"):
        record(trial, person(3), form)


@pytest.mark.parametrize(("label", "code"), [("1.0", "form_exists"), ("  ", "label_needed")])
def test_form_is_named_once(trial: Conduct, label: str, code: str) -> None:
    with refused(code):
        add_form(trial, label, "A")


def test_re_pin_needs_consent_to_the_version_in_force(trial: Conduct) -> None:
    who = {"reason": "consented again", "by": trial.manager}
    with refused("already_pinned"):
        re_pin(person(3), **who, now=trial.tick())
    amend(trial)
    with refused("consent_needed"):
        re_pin(person(3), **who, now=trial.tick())
    form = add_form(trial, "2.0", "B")
    for number in (1, 3):
        record(trial, person(number), form)
    with refused("treatment_begun"):
        re_pin(person(1), **who, now=trial.tick())
    with refused("reason_needed"):
        re_pin(person(3), reason=" ", by=trial.manager, now=trial.tick())

    moved = re_pin(person(3), **who, now=trial.tick())

    assert moved.protocol_version.version == "B"
    assert person(1).protocol_version.version == "A"


def test_re_pin_is_refused_where_the_disease_is_no_longer_treated(trial: Conduct) -> None:
    document = {**make_document(version="B"), "diseases": ["something else"]}
    draft = add_protocol_version(trial.study, document=document, by=trial.manager, now=trial.tick())
    approve(draft, by=trial.manager, now=trial.tick())
    record(trial, person(3), add_form(trial, "2.0", "B"))

    with refused("unknown_disease"):
        re_pin(person(3), reason="consented again", by=trial.manager, now=trial.tick())


def test_consent_is_recorded_and_moved_over_the_pages(trial: Conduct) -> None:
    amend(trial)
    add_form(trial, "2.0", "B")
    site, manager = client_of(trial.crews[0].investigator), client_of(trial.manager)
    signed_on = trial.now.date().isoformat()
    data = {"form": "2.0", "signed_on": signed_on, "correction": ""}
    page = reverse("cohorts:record_consent", args=["trial", "S-003"])
    before = site.get(reverse("safety:participant", args=["trial", "S-003"])).content.decode()

    recorded = site.post(page, {**data, "revision": revision_of(trial)})
    data = {"reason": "consented again", "revision": revision_of(trial)}
    moved = manager.post(reverse("cohorts:re_pin", args=["trial", "S-003"]), data)

    assert "Has to consent again:" in before
    assert (recorded.status_code, moved.status_code) == (302, 302)
    after = site.get(reverse("safety:participant", args=["trial", "S-003"])).content.decode()
    assert "Has to consent again:" not in after
    assert "protocol B" in after


def test_lists_cost_the_same_however_many_rows(trial: Conduct) -> None:
    amend(trial)
    viewer = viewer_of(trial.manager, "trial")
    assert viewer is not None
    costs = []
    for _ in range(2):
        with CaptureQueriesContext(connection) as queries:
            read_consents(viewer)
            read_sites(viewer)
        costs.append(len(queries))
        for _ in range(3):
            trial.screen(disease=DISEASE)

    assert costs == [7, 7]
