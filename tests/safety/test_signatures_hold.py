"""A signature holds for the record it was given on, as it was: a copy or a change shows."""

from __future__ import annotations

import pytest
from django.urls import reverse

from cohorts.models import Participant, ProtocolVersion
from cohorts.queries import Viewer, viewer_of
from cohorts.queries.protocols import find_version, read_version
from ntrust.change import study_change
from ntrust.models import Signature
from ntrust.signing import SignatureStatus, is_valid
from safety.management.conduct import Conduct
from safety.models import WindowStatement
from safety.policies import statement_content
from safety.queries import read_statement
from tests.factories import client_of, make_trial, open_level, run_cohort, shared_trial

pytestmark = pytest.mark.django_db


def signed() -> Conduct:
    trial = open_level(make_trial())
    run_cohort(trial, 1, "NN")
    return trial


_built, trial = shared_trial(signed)


def viewer(trial: Conduct) -> Viewer:
    found = viewer_of(trial.manager, "trial")
    assert found is not None
    return found


def said(trial: Conduct, number: str) -> SignatureStatus:
    person = Participant.objects.get(screening_number=number)
    panel = read_statement(person, viewer=viewer(trial), now=trial.now)
    assert panel is not None
    assert panel.said is not None
    return panel.said


def statement(number: str) -> WindowStatement:
    return WindowStatement.objects.get(participant__screening_number=number)


def content(one: WindowStatement) -> dict[str, object]:
    return statement_content(one.participant, has_dlt=one.has_dlt, signed_at=one.signed_at)


def test_statement_shows_its_signature(trial: Conduct) -> None:
    page = client_of(trial.manager).get(reverse("safety:participant", args=["trial", "S-001"]))

    words = page.content.decode()
    assert said(trial, "S-001").is_valid
    assert "Investigator trial 1" in words
    assert "no DLT in the window" in words
    assert "signature valid" in words
    assert "UTC (+00:00)" in words


def test_signature_copied_to_another_statement_is_found(trial: Conduct) -> None:
    mine, other = statement("S-001"), statement("S-002")
    with study_change(trial.study, by=trial.manager, reason="copied", now=trial.tick()):
        WindowStatement.objects.filter(pk=other.pk).update(signature=mine.signature)

    assert said(trial, "S-001").is_valid
    assert not said(trial, "S-002").is_valid
    words = client_of(trial.manager).get(reverse("safety:participant", args=["trial", "S-002"]))
    assert "the signed content has changed since" in words.content.decode()


def test_copied_signature_row_holds_for_no_other_content(trial: Conduct) -> None:
    mine, other = statement("S-001"), statement("S-002")
    with study_change(trial.study, by=trial.manager, reason="copied", now=trial.tick()):
        copied = Signature.objects.get(pk=mine.signature_id)
        copied.pk = None
        copied.save(force_insert=True)

    assert is_valid(copied, content(mine))
    assert not is_valid(copied, content(other))


def test_changed_statement_shows_its_signature_as_no_longer_valid(trial: Conduct) -> None:
    with study_change(trial.study, by=trial.manager, reason="changed", now=trial.tick()):
        WindowStatement.objects.filter(pk=statement("S-001").pk).update(has_dlt=True)

    assert not said(trial, "S-001").is_valid
    assert said(trial, "S-001").words == ("no longer valid: the signed content has changed since")


def test_changed_protocol_shows_its_approval_as_no_longer_valid(trial: Conduct) -> None:
    version = find_version(viewer(trial), "A")
    assert version is not None
    before = read_version(version, viewer=viewer(trial)).row.approval
    version.document_hash = "0" * 64

    after = read_version(version, viewer=viewer(trial)).row.approval

    assert before is not None
    assert after is not None
    assert (before.is_valid, after.is_valid) == (True, False)
    assert ProtocolVersion.objects.count() == 1
