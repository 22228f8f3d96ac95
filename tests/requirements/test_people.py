"""What inspectors verify of people: who sees what, in which order, under whose signature.

Each docstring begins with the requirement; `Rule`, `Tests` and `Open` lines make
docs/validation/trace-matrix.md (`manage.py trace_requirements`).
"""

from datetime import timedelta
from html import unescape

import pytest
from django.conf import settings
from django.db import DatabaseError, IntegrityError, transaction
from django.template.loader import render_to_string
from django.test import Client

from cohorts.actions import Conclusion, sign_decision
from cohorts.engine.design import Verdict
from cohorts.models import Cohort, Decision, Participant
from ntrust.models import Signature, User
from ntrust.signing import Proof
from ntrust.signing.status import is_valid, moment_in_words, signature_status
from safety.actions import sign_window_statement
from safety.management.conduct import Conduct
from tests.factories import (
    DISEASE,
    PASSWORD,
    client_of,
    make_trial,
    open_level,
    refused,
    report_late_dlt,
    reserve,
    run_cohort,
    seat,
    shared_trial,
    shut,
    treat,
)

pytestmark = pytest.mark.django_db


def build() -> Conduct:
    """Level 1 is clean; the rules say escalate."""
    trial = open_level(make_trial(sites=2))
    run_cohort(trial, 1, "NNN")
    return trial


_built, trial = shared_trial(build)


def propose(trial: Conduct) -> Decision:
    conclusion = Conclusion(Verdict.ESCALATE, trial.level(2), committee_verdict="agrees")
    return trial.propose(conclusion)


def test_r08_people_see_their_own_site_only(trial: Conduct) -> None:
    """R8 Own site only; guessing an address or a number yields nothing.

    Rule: cohorts/queries/viewers.py, safety/views/viewers.py, safety/queries/audit/tables.py
    Tests: tests/safety/test_unseen.py, tests/cohorts/test_pages.py, tests/safety/test_audit.py
    """
    other = Participant.objects.filter(site=trial.crews[0].site).earliest("id")
    client = client_of(trial.crews[1].investigator)
    page = "/studies/trial/participants/{}/"

    guessed = client.get(page.format(other.screening_number))
    nobody = client.get(page.format("P-999"))

    assert (guessed.status_code, nobody.status_code) == (404, 404)
    assert client.get("/studies/another/").status_code == 404
    assert str(other) not in client.get("/studies/trial/audit/").content.decode()


def test_r09_sequence_is_enforced(trial: Conduct) -> None:
    """R9 Sequence is enforced: no enrolment at the next level without a signed decision, no window
    closed early.

    Rule: cohorts/policies/seats.py, safety/policies/statements.py
    Tests: tests/cohorts/test_decisions.py, tests/cohorts/test_seats.py,
    tests/safety/test_statements.py
    """
    person = trial.screen(disease=DISEASE)
    with refused("no_seat") as caught:
        reserve(trial, person, 2)
    assert "decision_signed" in shut(caught)

    open_level(trial, 2)
    (treated,) = seat(trial, 2)
    treat(trial, [treated])
    with refused("no_statement"):
        sign_window_statement(
            treated,
            has_dlt=False,
            by=trial.investigator_of(treated),
            password=PASSWORD,
            now=trial.tick(),
        )


def test_r10_signature_shows_name_time_and_meaning(trial: Conduct) -> None:
    """R10 A signature shows printed name, date and time, and meaning, on screen and paper.

    Rule: ntrust/signing/status.py, ntrust/templates/signature.html
    Tests: tests/ntrust/test_signing.py
    Open: printed reports are of a later issue; on paper is the printed page.
    """
    decision = trial.sign(propose(trial))
    signature = decision.manager_signature
    assert signature is not None

    shown = render_to_string(
        "signature.html", {"signature": signature_status(signature, decision.content)}
    )

    assert str(trial.manager) in shown
    assert signature.meaning in shown
    assert moment_in_words(signature.signed_at) in unescape(shown)
    assert moment_in_words(signature.signed_at).endswith("UTC (+00:00)")
    assert "signature valid" in shown


def test_r11_signature_is_bound_to_its_record(trial: Conduct) -> None:
    """R11 A signature is bound to the record: a later change shows it as no longer valid; it cannot
    be copied.

    Rule: ntrust/signing/status.py, ntrust/history.py, cohorts/actions/rules.py
    Tests: tests/ntrust/test_signing.py, tests/cohorts/test_decisions.py,
    tests/cohorts/test_rules.py
    """
    decision = trial.sign(propose(trial))
    signature = decision.manager_signature
    assert signature is not None

    assert is_valid(signature, decision.content)
    assert not is_valid(signature, {**decision.content, "level": 3})
    assert not is_valid(signature, Decision.objects.get(number=1).content)
    with pytest.raises(DatabaseError, match="Cannot update or delete"), transaction.atomic():
        Signature.objects.filter(pk=signature.pk).update(content_hash="0" * 64)
    report_late_dlt(trial, trial.study.participants.earliest("id"))
    decision.refresh_from_db()
    assert decision.state == "BASIS_CHANGED"


@pytest.mark.parametrize(
    "again", [{"username": "Twice"}, {"username": "other", "email": "TWICE@example.org"}]
)
def test_r12_one_person_has_one_account(again: dict[str, str]) -> None:
    """R12 One person, one account.

    Rule: ntrust/models/studies.py
    Tests: tests/accounts/test_admin.py
    """
    User.objects.create_user("twice", "twice@example.org")

    with pytest.raises(IntegrityError, match="one_account"):
        User.objects.create_user(**again)


def test_r13_identifier_and_password_again_at_every_signature(trial: Conduct) -> None:
    """R13 Identifier and password (and second factor) again at every signature.

    Rule: ntrust/signing/__init__.py, ntrust/signing/proof.py, ntrust/signing/second_factor.py
    Tests: tests/ntrust/test_signing.py
    """
    decision = propose(trial)
    someone_else = Proof(PASSWORD, identifier=trial.monitor.username)
    for wrong in ("", "wrong", someone_else):
        with refused("signature_refused"):
            sign_decision(decision, by=trial.manager, password=wrong, now=trial.tick())

    right = Proof(PASSWORD, identifier=trial.manager.username)
    signed = sign_decision(decision, by=trial.manager, password=right, now=trial.tick())

    assert signed.state == "PARTLY_SIGNED"


def test_r14_accounts_lock_expire_and_are_revoked(trial: Conduct) -> None:
    """R14 Lockout, expiry, revocation.

    Rule: ntrust/signing/attempts.py, ntrust/settings.py, ntrust/policies.py, ntrust/middleware.py
    Tests: tests/accounts/test_login.py, tests/ntrust/test_signing.py
    """
    name = trial.monitor.username
    client = Client()
    for _ in range(settings.LOCK_AFTER_FAILURES):
        client.post("/accounts/login/", {"login": name, "password": "wrong"})
    locked = client.post("/accounts/login/", {"login": name, "password": PASSWORD})
    assert locked.status_code == 200
    assert "_auth_user_id" not in client.session

    decision = propose(trial)
    User.objects.filter(pk=trial.manager.pk).update(is_active=False)
    with refused("wrong_role"):
        sign_decision(
            decision,
            by=User.objects.get(pk=trial.manager.pk),
            password=PASSWORD,
            now=trial.tick(),
        )
    assert timedelta(seconds=settings.SESSION_COOKIE_AGE) == timedelta(hours=1)
    assert timedelta(seconds=settings.SESSION_LONGEST_SECONDS) == timedelta(hours=12)


def test_r20_unsigned_or_stale_decision_opens_no_level(trial: Conduct) -> None:
    """R20 An unsigned or stale decision never opens a level.

    Rule: cohorts/actions/decisions.py, cohorts/policies/seats.py
    Tests: tests/cohorts/test_decisions.py, tests/cohorts/test_overrides.py
    """
    decision = propose(trial)
    person = trial.screen(disease=DISEASE)

    signed = sign_decision(decision, by=trial.manager, password=PASSWORD, now=trial.tick())
    with refused("no_seat"):
        reserve(trial, person, 2)
    report_late_dlt(trial, trial.study.participants.earliest("id"))
    with refused("stale_decision"):
        sign_decision(signed, by=trial.monitor, password=PASSWORD, now=trial.tick())

    assert not Cohort.objects.filter(level=trial.level(2)).exists()
