"""Rows verified against source, questions about them, and locked cuts."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from cohorts.models import Participant
from dosing.actions import Reading, correct_measurement, record_measurement
from dosing.models import Measurement
from ntrust.signing import is_valid
from ntrust.states import Role
from safety.actions import (
    answer_query,
    close_query,
    lock_cut,
    raise_query,
    reopen_query,
    verify_rows,
    withdraw_verification,
)
from safety.management.conduct import Conduct, enlist
from safety.models import DataCut, DataQuery, Verification
from safety.policies import SOURCES, SourceRow, source_rows, verified_share
from safety.queries import data_quality, read_cuts, read_queries, rows_after
from tests.factories import (
    PASSWORD,
    make_trial,
    open_level,
    refused,
    report_dlt_of,
    revision_of,
    run_cohort,
    shared_trial,
)

pytestmark = pytest.mark.django_db


def measured() -> Conduct:
    """Two participants treated, one with a DLT, the first with a measurement."""
    trial = open_level(make_trial(sites=2))
    person = run_cohort(trial, 1, "PT")[0]
    when = {"by": trial.investigator_of(person), "now": trial.tick()}
    reading = Reading(Decimal("1.5"), "g/g", measured_on=trial.now.date())
    record_measurement(person, measurement="upcr", reading=reading, **when)
    return trial


_built, trial = shared_trial(measured)


def person() -> Participant:
    return Participant.objects.get(screening_number="S-001")


def rows(trial: Conduct, table: str = "") -> list[SourceRow]:
    found = source_rows(trial.study, people=[person()])
    return [one for one in found if table in ("", one.table)]


def seen(*found: SourceRow) -> list[tuple[str, int, str]]:
    return [(one.table, one.row, one.facts_hash) for one in found]


def verify(trial: Conduct, *found: SourceRow, **named: Any) -> list[Verification]:
    named = {"source": "chart", "by": trial.monitor, **named}
    return verify_rows(person(), rows=seen(*found), now=trial.tick(), **named)


def correct(trial: Conduct, value: str) -> None:
    correct_measurement(
        Measurement.objects.get(),
        reading=Reading(Decimal(value), "g/g", measured_on=trial.now.date()),
        reason="misread",
        by=trial.investigator_of(person()),
        now=trial.tick(),
    )


def ask(trial: Conduct, **named: Any) -> DataQuery:
    return raise_query(
        person(), **{"text": "Which day?", "by": trial.manager, "now": trial.tick(), **named}
    )


# --- Verification ------------------------------------------------------------------------------


def test_every_table_that_counts_has_rows(trial: Conduct) -> None:
    found = {one.table for one in source_rows(trial.study)}

    assert found == {"ld_dose", "infusion", "adverse_event", "dlt_report", "measurement"} & found
    assert {"infusion", "adverse_event", "dlt_report", "measurement"} <= found
    assert set(SOURCES) >= found


def test_rows_are_verified_by_a_second_person(trial: Conduct) -> None:
    chosen = rows(trial)

    written = verify(trial, *chosen)

    assert [one.is_verified for one in rows(trial)] == [True] * len(chosen)
    assert {one.source for one in written} == {"chart"}
    assert {one.verified_by for one in written} == {trial.monitor}
    event = trial.study.events.latest("id")
    assert event.kind == "DATA_VERIFIED"
    assert f"{len(chosen)} rows verified: chart" in event.sentence


def test_own_entry_is_verified_by_somebody_else(trial: Conduct) -> None:
    row = rows(trial, "measurement")[0]
    site: Any = {"study": trial.study, "password": PASSWORD, "now": trial.now}
    colleague = enlist("colleague", role=Role.INVESTIGATOR, site=trial.crews[0].site, **site)

    with refused("own_entry"):
        verify(trial, row, by=trial.crews[0].investigator)
    with refused("other_site"):
        verify(trial, row, by=trial.crews[1].investigator)
    verify(trial, row, by=colleague)

    assert rows(trial, "measurement")[0].is_verified


def test_one_own_entry_among_others_refuses_all(trial: Conduct) -> None:
    site: Any = {"study": trial.study, "password": PASSWORD, "now": trial.now}
    colleague = enlist("colleague", role=Role.INVESTIGATOR, site=trial.crews[0].site, **site)
    reading = Reading(Decimal(2), "g/g", measured_on=trial.now.date() - timedelta(days=1))
    record_measurement(
        person(), measurement="upcr", reading=reading, by=colleague, now=trial.tick()
    )

    with refused("own_entry"):
        verify(trial, *rows(trial, "measurement"), by=colleague)


def test_verification_lapses_when_the_row_changes(trial: Conduct) -> None:
    verify(trial, *rows(trial, "measurement"))

    correct(trial, "1.6")

    row = rows(trial, "measurement")[0]
    assert (row.is_verified, row.has_lapsed) == (False, True)
    verify(trial, row)
    old, new = Verification.objects.filter(table="measurement").order_by("id")
    assert old.withdrawn_because == "The row has changed since."
    assert new.version > old.version
    assert rows(trial, "measurement")[0].is_verified


def test_row_that_changed_since_it_was_shown_is_not_verified(trial: Conduct) -> None:
    shown = rows(trial, "measurement")[0]

    correct(trial, "1.6")

    with refused("row_changed"):
        verify(trial, shown)


@pytest.mark.parametrize(
    ("named", "code"),
    [({"source": "  "}, "source_needed"), ({"source": ""}, "source_needed")],
)
def test_verification_names_its_source(trial: Conduct, named: dict[str, Any], code: str) -> None:
    with refused(code):
        verify(trial, *rows(trial), **named)


def test_nothing_and_others_rows_are_not_verified(trial: Conduct) -> None:
    others = [one for one in source_rows(trial.study) if one.participant != person().pk]

    with refused("nothing_chosen"):
        verify(trial)
    with refused("not_found"):
        verify(trial, others[0])
    verify(trial, rows(trial)[0])
    with refused("already_verified"):
        verify(trial, rows(trial)[0])


def test_verification_is_withdrawn_with_a_reason_once(trial: Conduct) -> None:
    written = verify(trial, rows(trial)[0])[0]
    with refused("reason_needed"):
        withdraw_verification(written, reason=" ", by=trial.monitor, now=trial.tick())

    withdraw_verification(written, reason="wrong chart", by=trial.monitor, now=trial.tick())

    assert not rows(trial)[0].is_verified
    with refused("already_withdrawn"):
        withdraw_verification(written, reason="again", by=trial.monitor, now=trial.tick())


def test_share_is_counted_by_table_and_level(trial: Conduct) -> None:
    verify(trial, *rows(trial))
    correct(trial, "1.6")

    share = verified_share(trial.study)

    own, every = len(rows(trial)), len(source_rows(trial.study))
    assert (share.all.rows, share.all.verified, share.all.lapsed) == (every, own - 1, 1)
    assert share.by_table["measurements"].verified == 0
    assert share.by_level[1] == share.all


# --- Queries -----------------------------------------------------------------------------------


def test_query_is_asked_answered_asked_again_and_closed(trial: Conduct) -> None:
    row = rows(trial, "infusion")[0]
    site: Any = {"by": trial.investigator_of(person())}

    query = ask(trial, table=row.table, row=row.row)
    answer_query(query, text="The fifth.", now=trial.tick(), **site)
    reopen_query(query, text="Of which month?", by=trial.monitor, now=trial.tick())
    answer_query(query, text="January.", now=trial.tick(), **site)
    query = close_query(query, text="Agrees.", by=trial.manager, now=trial.tick())

    assert (query.state, query.about) == ("CLOSED", f"infusions: {row.words}")
    steps = list(query.entries.values_list("step", "text"))
    assert steps == [
        ("ASKED", "Which day?"),
        ("ANSWERED", "The fifth."),
        ("REOPENED", "Of which month?"),
        ("ANSWERED", "January."),
        ("CLOSED", "Agrees."),
    ]


def test_query_is_refused_without_words_and_about_others_rows(trial: Conduct) -> None:
    others = [one for one in source_rows(trial.study) if one.participant != person().pk]

    with refused("reason_needed"):
        ask(trial, text=" ")
    with refused("not_found"):
        ask(trial, table=others[0].table, row=others[0].row)
    query = ask(trial)
    with refused("reason_needed"):
        answer_query(query, text="", by=trial.crews[0].investigator, now=trial.tick())
    with refused("other_site"):
        answer_query(query, text="no", by=trial.crews[1].investigator, now=trial.tick())
    with refused("illegal_move"):
        reopen_query(query, text="again", by=trial.manager, now=trial.tick())


def test_query_is_overdue_after_the_protocols_days(trial: Conduct) -> None:
    ask(trial)
    days = timedelta(days=10)

    on_time = read_queries(trial.study, now=trial.now + days - timedelta(hours=1))
    late = read_queries(trial.study, now=trial.now + days + timedelta(hours=1))

    assert [one.is_overdue for one in (*on_time, *late)] == [False, True]


# --- Cuts --------------------------------------------------------------------------------------


def lock(trial: Conduct, **named: Any) -> DataCut:
    named = {"purpose": "review 1", "by": trial.manager, "password": PASSWORD, **named}
    return lock_cut(trial.study, now=trial.tick(), **named)


def test_cut_is_locked_by_a_signature_on_its_content(trial: Conduct) -> None:
    verify(trial, rows(trial)[0])
    ask(trial)

    cut = lock(trial)

    assert (cut.number, cut.revision) == (1, revision_of(trial))
    assert cut.signature.meaning == f"locks data cut 1 at revision {cut.revision}"
    assert is_valid(cut.signature, DataCut.objects.get().content)
    assert cut.content["verified"]["all"] == [1, len(source_rows(trial.study))]
    assert cut.content["open_queries"] == [1]
    with refused("reason_needed"):
        lock(trial, purpose=" ")
    with refused("signature_refused"):
        lock(trial, password="wrong")


def test_what_is_written_after_a_cut_is_listed_with_its_reason(trial: Conduct) -> None:
    cut = lock(trial)
    assert rows_after(cut) == []

    correct(trial, "1.6")
    report_dlt_of(trial, person())

    after = rows_after(cut)
    assert [(one.table, one.participant, one.is_new) for one in after] == [
        ("measurements", "P-001", False),
        ("adverse events", "P-001", True),
        ("DLT reports", "P-001", True),
    ]
    assert after[0].reason == "misread"
    assert after[0].by == str(trial.investigator_of(person()))
    assert read_cuts(trial.study)[0].after == 3


def test_quality_for_a_packet(trial: Conduct) -> None:
    early = revision_of(trial)
    query = ask(trial)
    cut = lock(trial)
    correct(trial, "1.6")

    quality = data_quality(trial.study, now=trial.now)
    before = data_quality(trial.study, now=trial.now, revision=early)

    said = quality.as_dict()
    assert before.cut is None
    assert said["cut"]["number"] == cut.number
    assert (said["cut"]["rows_after"], said["cut"]["is_signature_valid"]) == (1, True)
    assert [one["number"] for one in said["open_queries"]] == [query.number]
    close_query(query, text="settled", by=trial.manager, now=trial.tick())
    assert data_quality(trial.study, now=trial.now).queries == ()


def test_alert_is_taken_though_the_cut_is_locked(trial: Conduct) -> None:
    lock(trial)

    report = report_dlt_of(trial, person())

    assert report.state == "REPORTED"


def test_signature_of_a_cut_does_not_hold_for_another(trial: Conduct) -> None:
    first, second = lock(trial), lock(trial)

    assert not is_valid(first.signature, second.content)
    assert not is_valid(second.signature, first.content)
