"""Consent forms by version, and what an amendment that asks for consent again shuts."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from cohorts.actions import (
    add_protocol_version,
    confirm_eligibility,
    leave_study,
    re_pin,
    record_consent,
    screen_participant,
)
from cohorts.models import Consent, ConsentForm, Participant
from cohorts.policies import consent_gate, eligibility_gate, gates_for_seat
from cohorts.queries import viewer_of
from cohorts.queries.consents import read_consents
from cohorts.queries.sites import read_sites
from dosing.actions import begin_lymphodepletion
from ntrust import clock
from safety.management.conduct import Conduct
from tests.cohorts.consenting import add_form, build_consented, person
from tests.factories import (
    DISEASE,
    approve,
    cast,
    client_of,
    make_document,
    refused,
    revision_of,
    shared_trial,
    shut,
)

pytestmark = pytest.mark.django_db


_built, trial = shared_trial(build_consented)


@pytest.fixture(autouse=True)
def _now(trial: Conduct, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock, "now", lambda: trial.now)


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


def test_re_pin_opens_the_screening_that_was_signed_under_the_other_version(trial: Conduct) -> None:
    assert eligibility_gate(person(3), now=trial.now).is_clear
    amend(trial)
    record(trial, person(3), add_form(trial, "2.0", "B"))

    re_pin(person(3), reason="consented again", by=trial.manager, now=trial.tick())

    assert person(3).screening.state == "OPEN"
    assert not eligibility_gate(person(3), now=trial.now).is_clear
    trial.sign_eligibility(person(3))
    confirm_eligibility(person(3), by=trial.manager, now=trial.tick())
    assert eligibility_gate(person(3), now=trial.now).is_clear


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
