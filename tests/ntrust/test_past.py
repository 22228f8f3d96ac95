"""What was known then is rebuilt from history, equal to what was stored or sealed then."""

from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection

from cohorts.models import Decision, Outcome, Participant, Recommendation
from cohorts.policies import active_protocol, current_basis, recommend_now
from cohorts.queries import ladder, viewer_of
from ntrust.change import study_change
from ntrust.models import Event, Signature, Site, Study
from ntrust.past import as_known, clinical_models, revision_at
from ntrust.signing import content_hash
from safety.management.conduct import Conduct
from safety.models import AdverseEvent, DltReport, Packet
from tests.factories import (
    fingerprint,
    make_trial,
    open_level,
    refused,
    report_dlt_of,
    report_late_dlt,
    revision_of,
    run_cohort,
    shared_trial,
)
from tests.rebuilding import build_again

pytestmark = pytest.mark.django_db


def build() -> Conduct:
    """Two levels, a DLT at each, one of them late: the basis of a signed decision changes."""
    trial = open_level(make_trial(sites=2))
    people = run_cohort(trial, 1, "NNN")
    open_level(trial, 2)
    run_cohort(trial, 2, "NTN")
    report_late_dlt(trial, people[0])
    trial.adjudicate(report_dlt_of(trial, people[1]))
    return trial


_built, trial = shared_trial(build)


def counts_of(study: Study, trial: Conduct, now: datetime) -> dict[int, tuple[int, int, int]]:
    """Level to evaluable, pending and DLTs, as the ladder's page shows them."""
    viewer = viewer_of(trial.manager, study.key)
    assert viewer is not None
    page = ladder(study, viewer=viewer, now=now)
    return {
        row.ordinal: (row.counts.evaluable, row.counts.pending, row.counts.dlt)
        for row in page.levels
        if row.counts.evaluable or row.counts.pending
    }


def test_every_stored_recommendation_is_rebuilt_at_its_revision(trial: Conduct) -> None:
    stored = list(Recommendation.objects.filter(study=trial.study).order_by("id"))
    assert len(stored) > 10
    assert len({row.basis_hash for row in stored}) > 8

    for row in stored:
        with as_known(trial.study, revision=row.revision) as then:
            version = active_protocol(then)
            assert version is not None
            assert current_basis(then, version) == row.basis
            fresh = recommend_now(then)
            assert fresh is not None
            assert (fresh.verdict, fresh.level, list(fresh.flags)) == (
                row.verdict,
                row.level,
                row.flags,
            )
            assert Recommendation.objects.latest("id") == row


def test_every_sealed_packet_is_rebuilt_at_its_revision(trial: Conduct) -> None:
    packets = list(Packet.objects.filter(study=trial.study).order_by("id"))
    assert len(packets) == 2

    for packet in packets:
        assert content_hash(build_again(packet)) == packet.content_hash


def test_every_signed_decision_rests_on_what_was_known(trial: Conduct) -> None:
    decisions = list(Decision.objects.filter(study=trial.study, signed_at__isnull=False))
    assert len(decisions) == 2

    for decision in decisions:
        revision = Event.objects.get(
            kind="DECISION_PROPOSED", data__decision=decision.number
        ).revision
        with as_known(trial.study, revision=revision) as then:
            version = active_protocol(then)
            assert version is not None
            assert current_basis(then, version) == decision.basis
            known = Decision.objects.get(pk=decision.pk)
            assert (known.state, known.signed_at, known.basis_change) == ("PROPOSED", None, "")


def test_ladder_counts_are_those_of_then(trial: Conduct) -> None:
    for row in Recommendation.objects.filter(study=trial.study):
        with as_known(trial.study, revision=row.revision) as then:
            seen = counts_of(then, trial, row.computed_at)

        expected = {
            int(level): (tally["n"], tally["pending"], tally["x"])
            for level, tally in row.counts.items()
        }
        assert seen == expected


def test_present_revision_is_the_present(trial: Conduct) -> None:
    now = {model: list(model._default_manager.order_by("pk")) for model, _ in clinical_models()}
    assert sum(map(bool, now.values())) > 15

    with as_known(trial.study, revision=revision_of(trial)) as then:
        for model, rows in now.items():
            known = list(model._default_manager.order_by("pk"))
            assert [vars_of(row) for row in known] == [vars_of(row) for row in rows], model
        assert then.revision == revision_of(trial)
        assert then.state == "ESCALATING"


def vars_of(row: object) -> dict[str, object]:
    return {name: value for name, value in vars(row).items() if name != "_state"}


def test_before_the_first_revision_nothing_is_known(trial: Conduct) -> None:
    with as_known(trial.study, revision=0) as then:
        for model, _ in clinical_models():
            assert not model._default_manager.exists()
        assert (then.revision, then.state) == (0, "SETUP")


def test_deleted_row_is_there_until_its_deletion(trial: Conduct) -> None:
    with study_change(trial.study, by=trial.manager, reason="by hand", now=trial.tick()):
        site = Site.objects.create(study=trial.study, code="S9", name="Nine")
    entered = revision_of(trial)
    with study_change(trial.study, by=trial.manager, reason="entered twice", now=trial.tick()):
        Site.objects.filter(pk=site.pk).delete()

    with as_known(trial.study, revision=entered):
        assert Site.objects.get(code="S9").name == "Nine"
    with as_known(trial.study, revision=entered + 1):
        assert not Site.objects.filter(code="S9").exists()


def test_another_study_is_not_in_the_past_of_this_one(trial: Conduct) -> None:
    other = open_level(make_trial(key="other"))

    with as_known(other.study, revision=revision_of(other)):
        assert not AdverseEvent.objects.exists()
        assert set(Participant.objects.values_list("study", flat=True)) <= {other.study.pk}
        assert set(Signature.objects.values_list("study", flat=True)) == {other.study.pk}


def test_nothing_written_in_the_past_stays(trial: Conduct) -> None:
    before = fingerprint()

    with as_known(trial.study, revision=3):
        Outcome.objects.all().delete()
        Site.objects.update(name="Another")

    assert fingerprint() == before
    with connection.cursor() as cursor:
        cursor.execute("SELECT to_regclass('pg_temp.cohorts_outcome')")
        assert cursor.fetchone() == (None,)


@pytest.mark.parametrize("revision", [-1, 10**6])
def test_revision_that_was_not_is_refused(trial: Conduct, revision: int) -> None:
    with refused("no_such_revision"), as_known(trial.study, revision=revision):
        pytest.fail("nothing is answered")


def test_moment_leads_to_the_last_revision_before_it(trial: Conduct) -> None:
    event = DltReport.objects.earliest("id").event
    told = Event.objects.filter(kind="DLT_REPORTED").earliest("id")

    assert revision_at(trial.study, told.at) == told.revision
    assert revision_at(trial.study, told.at - timedelta(microseconds=1)) == told.revision - 1
    assert revision_at(trial.study, datetime(2000, 1, 1, tzinfo=UTC)) == 0
    assert revision_at(trial.study, datetime(3000, 1, 1, tzinfo=UTC)) == revision_of(trial)
    with as_known(trial.study, revision=told.revision - 1):
        assert not DltReport.objects.filter(event=event).exists()
