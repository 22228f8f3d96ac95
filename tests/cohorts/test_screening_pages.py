"""Pages of screening: entry, signatures, the live readings, and the log of each site."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from cohorts.actions import confirm_eligibility, fail_screening, screen_participant, sign_screening
from cohorts.models import Participant, Screening, ScreeningResult
from cohorts.queries import viewer_of
from cohorts.queries.screening import ScreeningPanel, read_screening
from cohorts.queries.screening_log import read_screening_log
from ntrust import clock
from ntrust.models import Study, User
from safety.management.conduct import Conduct
from tests.cohorts.screening import candidate, enter, entry, plan, screening_trial, signing
from tests.factories import DISEASE, cast, client_of, fingerprint, shared_trial, typed_by

pytestmark = pytest.mark.django_db

_built, trial = shared_trial(screening_trial)


@pytest.fixture(autouse=True)
def _now(trial: Conduct, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock, "now", lambda: trial.now)


def address(name: str, person: Participant) -> str:
    return reverse(f"cohorts:{name}", args=["trial", person.screening_number])


def sent(trial: Conduct, **entered: Any) -> dict[str, Any]:
    return {"revision": Study.objects.get(key="trial").revision, **entered}


def panel_of(trial: Conduct, person: Participant, user: User) -> ScreeningPanel:
    viewer = viewer_of(user, "trial")
    assert viewer is not None
    panel = read_screening(person, viewer=viewer, now=trial.now)
    assert panel is not None
    return panel


def failing(trial: Conduct, *, crew: int = 0, egfr: str = "40") -> Participant:
    person = candidate(trial, crew=crew, egfr={"value": egfr})
    fail_screening(person, **signing(trial, person))
    return Participant.objects.get(pk=person.pk)


# --- What a page shows ------------------------------------------------------------------------


def test_panel_lists_failing_then_missing_then_passing(trial: Conduct) -> None:
    person = trial.consent(disease=DISEASE)
    enter(trial, person, entry(trial, "egfr", value="44.9"), entry(trial, "biopsy"))

    panel = panel_of(trial, person, trial.crews[0].investigator)

    assert [(row.id, row.words) for row in panel.failing] == [("GE1", "met: excludes")]
    assert panel.failing[0].sentence == "eGFR 44.9 mL/min; excludes below 45 mL/min"
    assert [row.id for row in panel.undecided] == ["GE2", "GE3", "GE4"]
    assert [(row.id, row.words) for row in panel.passing] == [("GI1", "met")]
    assert panel.missing == ("AST", "Last infection", "Other condition")


def test_panel_names_the_date_that_is_missing(trial: Conduct) -> None:
    person = trial.consent(disease=DISEASE)
    enter(trial, person, entry(trial, "infection", value="2025-12-01"))

    panel = panel_of(trial, person, trial.crews[0].investigator)

    assert panel.missing[0] == "the date of planned lymphodepletion"


def test_panel_says_what_went_out_of_date(trial: Conduct) -> None:
    person = candidate(trial)
    sign_screening(person, **signing(trial, person))
    confirm_eligibility(person, by=trial.manager, now=trial.tick())
    trial.now += timedelta(days=8)

    panel = panel_of(trial, person, trial.manager)
    page = client_of(trial.manager).get(
        reverse("safety:participant", args=["trial", person.screening_number])
    )

    assert panel.is_expired
    assert panel.missing == ("AST",)
    assert "Out of date since 13-Jan-2026" in page.content.decode()


def test_panel_shows_when_what_was_signed_has_changed(trial: Conduct) -> None:
    person = candidate(trial)
    sign_screening(person, **signing(trial, person))
    before = panel_of(trial, person, trial.manager).signature
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("ALTER TABLE cohorts_screeningresult DISABLE TRIGGER USER")
        cursor.execute("UPDATE cohorts_screeningresult SET value = '99' WHERE field = 'egfr'")

    after = panel_of(trial, person, trial.manager).signature

    assert before is not None
    assert after is not None
    assert (before.is_valid, after.is_valid) == (True, False)


def test_buttons_are_for_those_who_may(trial: Conduct) -> None:
    person = candidate(trial)
    people = cast(trial)

    def buttons(who: str) -> list[str]:
        panel = panel_of(trial, person, people[who])
        names = ("can_enter", "can_sign", "can_fail", "can_confirm", "can_rescreen")
        return [name for name in names if getattr(panel, name)]

    before = {who: buttons(who) for who in ("investigator", "pharmacist", "manager")}
    sign_screening(person, **signing(trial, person))
    after = {who: buttons(who) for who in ("investigator", "pharmacist", "manager")}

    assert before == {
        "investigator": ["can_enter", "can_sign", "can_fail"],
        "pharmacist": [],
        "manager": [],
    }
    assert after == {
        "investigator": ["can_enter", "can_fail"],
        "pharmacist": [],
        "manager": ["can_confirm"],
    }


# --- Data entry -------------------------------------------------------------------------------


def test_entry_form_writes_only_what_changed(trial: Conduct) -> None:
    person = trial.consent(disease=DISEASE)
    enter(trial, person, entry(trial, "egfr"))
    trial.tick()
    client = client_of(trial.crews[0].investigator)
    shown = client.get(address("results", person)).content.decode()

    answer = client.post(
        address("results", person),
        sent(
            trial,
            day="2026-01-05",
            egfr="74",
            egfr__unit="mL/min",
            egfr__measured_on="2026-01-05",
            ast="24",
            ast__upper_limit="40",
            infection__never="on",
        ),
    )

    assert "A biopsy was taken" in shown
    assert answer.status_code == 302
    rows = ScreeningResult.objects.values_list("field", "value", "measured_on", "entered_at")
    assert {(field, value, str(day)) for field, value, day, _ in rows} == {
        ("egfr", "74", "2026-01-05"),
        ("ast", "24", "2026-01-05"),
        ("infection", "never", "None"),
    }
    assert len({at for *_, at in rows}) == 2


def test_wrong_fields_are_named_in_place_and_nothing_is_lost(trial: Conduct) -> None:
    person = trial.consent(disease=DISEASE)
    client = client_of(trial.crews[0].investigator)
    before = fingerprint()

    answer = client.post(
        address("results", person),
        sent(trial, day="2026-01-05", egfr="9000", egfr__unit="mL/min", biopsy="yes", ast="24"),
    )

    page = answer.content.decode()
    assert answer.status_code == 422
    assert 'value="9000"' in page
    assert "eGFR: 9,000 mL/min is not plausible (1 to 200 mL/min)." in page
    assert "AST: the laboratory&#x27;s upper limit is needed." in page
    assert '<option value="yes" selected>' in page
    assert fingerprint() == before


def test_date_and_never_are_not_both_taken(trial: Conduct) -> None:
    person = trial.consent(disease=DISEASE)
    client = client_of(trial.crews[0].investigator)
    both = {"infection": "2025-11-01", "infection__never": "on"}

    answer = client.post(address("results", person), sent(trial, **both))

    assert answer.status_code == 422
    assert "a date, or never; not both." in answer.content.decode()
    assert not ScreeningResult.objects.exists()


def test_repeat_under_a_new_day_needs_no_reason(trial: Conduct) -> None:
    person = trial.consent(disease=DISEASE)
    enter(trial, person, entry(trial, "egfr"))
    trial.now += timedelta(days=1)
    client = client_of(trial.crews[0].investigator)
    changed = {"egfr": "70", "egfr__unit": "mL/min", "egfr__measured_on": "2026-01-05"}

    refused = client.post(address("results", person), sent(trial, **changed))
    done = client.post(address("results", person), sent(trial, day="2026-01-06", **changed))

    assert (refused.status_code, done.status_code) == (422, 302)
    assert "say why it is corrected" in refused.content.decode()
    assert ScreeningResult.objects.get().value == "70"


def test_second_submit_is_stale(trial: Conduct) -> None:
    person = trial.consent(disease=DISEASE)
    client = client_of(trial.crews[0].investigator)
    data = sent(trial, biopsy="yes")

    first = client.post(address("results", person), data)
    second = client.post(address("results", person), {**data, "biopsy": "no", "reason": "typo"})

    assert (first.status_code, second.status_code) == (302, 409)
    assert "stale_page" in second.content.decode()
    assert ScreeningResult.objects.get().value == "yes"


# --- The other pages --------------------------------------------------------------------------


def test_screening_is_signed_and_confirmed_over_the_pages(trial: Conduct) -> None:
    investigator, manager = client_of(trial.crews[0].investigator), client_of(trial.manager)
    consent = reverse("cohorts:consent_participant", args=["trial", "S1"])
    moment = trial.now.strftime("%Y-%m-%dT%H:%M")
    signing = typed_by(trial.crews[0].investigator)

    answers = [
        investigator.post(consent, sent(trial, disease=DISEASE, consented_at=moment)),
    ]
    person = Participant.objects.get(screening_number="S1-001")
    early = investigator.get(address("sign_screening", person)).content.decode()
    days = {
        "visit_date": "2026-01-05",
        "lymphodepletion_date": "2026-01-09",
        "first_infusion_date": "2026-01-14",
    }
    answers.append(investigator.post(address("plan_dates", person), sent(trial, **days)))
    enter(trial, person, *(entry(trial, key) for key in ("egfr", "ast", "biopsy", "other")))
    enter(trial, person, entry(trial, "infection"))
    answers += [
        investigator.post(address("sign_screening", person), sent(trial, **signing)),
        manager.post(address("confirm_eligibility", person), sent(trial)),
    ]

    assert [answer.status_code for answer in answers] == [302] * 4
    assert "GE1 missing: eGFR is missing." in early
    assert Participant.objects.get(pk=person.pk).subject_number == "P-001"


def test_failure_and_second_attempt_over_the_pages(trial: Conduct) -> None:
    person = candidate(trial, egfr={"value": "40"})
    client = client_of(trial.crews[0].investigator)
    moment = trial.now.strftime("%Y-%m-%dT%H:%M")

    shown = client.get(address("fail_screening", person)).content.decode()
    signing = typed_by(trial.crews[0].investigator)
    client.post(address("fail_screening", person), sent(trial, **signing))
    answer = client.post(
        address("rescreen", person), sent(trial, disease=DISEASE, consented_at=moment), follow=True
    )

    assert "GE1" in shown
    assert Screening.objects.get(participant=person).failed_criteria == ["GE1"]
    assert "Screened before as" in answer.content.decode()
    assert Participant.objects.get(rescreens=person).screening_number == "S1-001"


@pytest.mark.parametrize(
    ("page", "owner"),
    [
        ("results", "investigator"),
        ("plan_dates", "investigator"),
        ("sign_screening", "investigator"),
        ("fail_screening", "investigator"),
        ("rescreen", "investigator"),
        ("confirm_eligibility", "manager"),
    ],
)
def test_page_is_shown_to_its_owner_only(trial: Conduct, page: str, owner: str) -> None:
    person = trial.consent(disease=DISEASE)
    people = cast(trial)

    codes = {
        who: client_of(user).get(address(page, person)).status_code for who, user in people.items()
    }

    gone = {"investigator elsewhere", "pharmacist elsewhere", "superuser", "stranger", "revoked"}
    assert {who for who, code in codes.items() if code == 200} == {owner}
    assert {who for who, code in codes.items() if code == 404} == gone


def test_consent_page_of_another_site_is_not_there(trial: Conduct) -> None:
    people = cast(trial)

    def status(who: str, code: str) -> int:
        url = reverse("cohorts:consent_participant", args=["trial", code])
        return client_of(people[who]).get(url).status_code

    assert [status("investigator", code) for code in ("S1", "S2", "S9")] == [200, 404, 404]
    assert [status(who, "S1") for who in ("manager", "pharmacist", "stranger")] == [404] * 3


# --- The log ----------------------------------------------------------------------------------


def test_log_counts_failures_by_criterion_and_site(trial: Conduct) -> None:
    first, second = failing(trial), failing(trial, crew=1)
    candidate(trial)
    screen_participant(
        trial.crews[0].site,
        disease=DISEASE,
        consented_at=trial.now,
        rescreens=first,
        by=trial.crews[0].investigator,
        now=trial.tick(),
    )
    viewer = viewer_of(trial.manager, "trial")
    assert viewer is not None

    log = read_screening_log(viewer)

    (row,) = log.failures
    assert (row.criterion, row.text, row.count) == ("GE1", "eGFR < 45", 2)
    assert row.by_site == (("S1", 1), ("S2", 1))
    assert row.numbers == (first.screening_number, second.screening_number)
    assert [(s.code, s.screened, s.in_screening, s.failed) for s in log.sites] == [
        ("S1", 3, 2, 1),
        ("S2", 1, 0, 1),
    ]
    assert log.rows[0].rescreens == first.screening_number
    assert log.rows[-1].rescreened_as == log.rows[0].screening_number


def test_log_shows_a_site_its_own_people_only(trial: Conduct) -> None:
    own, other = failing(trial), failing(trial, crew=1)
    url = reverse("cohorts:screening_log", args=["trial"])
    people = cast(trial)

    pages = {
        who: client_of(user).get(url)
        for who, user in people.items()
        if who in ("investigator", "pharmacist elsewhere", "monitor", "auditor", "committee")
    }

    texts = {who: page.content.decode() for who, page in pages.items()}
    assert pages["committee"].status_code == 403
    assert own.screening_number in texts["investigator"]
    assert other.screening_number not in texts["investigator"]
    assert own.screening_number not in texts["pharmacist elsewhere"]
    for who in ("monitor", "auditor"):
        assert own.screening_number in texts[who]
        assert other.screening_number in texts[who]


@pytest.mark.parametrize("many", [1, 3])
def test_panel_and_log_cost_the_same_however_many(trial: Conduct, many: int) -> None:
    people = [failing(trial) for _ in range(many)]
    viewer = viewer_of(trial.crews[0].investigator, "trial")
    assert viewer is not None

    with CaptureQueriesContext(connection) as log:
        read_screening_log(viewer)
    with CaptureQueriesContext(connection) as panel:
        read_screening(people[0], viewer=viewer, now=trial.now)

    assert (len(log), len(panel)) == (3, 3)


@pytest.mark.parametrize("fields", [1, 5])
def test_live_panel_costs_the_same_however_many_results(trial: Conduct, fields: int) -> None:
    person = trial.consent(disease=DISEASE)
    plan(trial, person)
    keys = ("egfr", "ast", "infection", "biopsy", "other")[:fields]
    enter(trial, person, *(entry(trial, key) for key in keys))
    viewer = viewer_of(trial.manager, "trial")
    assert viewer is not None

    with CaptureQueriesContext(connection) as queries:
        read_screening(person, viewer=viewer, now=trial.now)

    assert len(queries) == 3
