"""An amendment in a running trial: signed, in force on its day, and what it leaves as it was."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
from django.db import IntegrityError, ProgrammingError

from cohorts.actions import (
    add_protocol_version,
    replace_draft,
    withdraw_approval,
)
from cohorts.models import DoseLevel, ProtocolVersion
from cohorts.policies import gates_for_seat
from cohorts.policies.protocols import approval_content
from cohorts.queries.impact import read_impact
from cohorts.queries.protocols import compare_with
from ntrust.change import study_change
from ntrust.models import Event, Signature, Study
from ntrust.signing import content_hash
from safety.actions import pass_time_everywhere, report_dlt, report_event
from safety.management.conduct import Conduct
from safety.queries import studies_with_due_moments
from tests.factories import (
    amend,
    answer_of,
    approve,
    kinds_since,
    letters_at,
    make_document,
    make_trial,
    open_level,
    refused,
    revision_of,
    run_cohort,
    seat,
    shared_trial,
    treat,
)

pytestmark = pytest.mark.django_db


def build() -> Conduct:
    """Three without a DLT at level 1 of two."""
    trial = open_level(make_trial(doses=2))
    run_cohort(trial, 1, "NNN")
    return trial


_built, trial = shared_trial(build)


def add(trial: Conduct, *, version: str = "B", **document: Any) -> ProtocolVersion:
    made = make_document(version=version, **{"doses": 2, **document})
    return add_protocol_version(trial.study, document=made, by=trial.manager, now=trial.tick())


def sign(trial: Conduct, version: ProtocolVersion, **entered: Any) -> ProtocolVersion:
    return approve(version, by=trial.manager, now=trial.tick(), **entered)


def in_days(trial: Conduct, days: int) -> date:
    return trial.now.date() + timedelta(days=days)


def state(label: str = "B") -> str:
    return ProtocolVersion.objects.get(version=label).state


# The signature


def test_approval_is_a_signature_on_the_document_and_its_day(trial: Conduct) -> None:
    version = sign(trial, add(trial), effective_on=in_days(trial, 3))

    signature = Signature.objects.get(pk=version.approval_id)
    assert (version.state, version.approved_by) == ("APPROVED", trial.manager)
    assert signature.signer == trial.manager
    assert signature.content_hash == content_hash(approval_content(version))
    assert signature.meaning == f"approves protocol version B from {in_days(trial, 3).isoformat()}"
    version.effective_on = in_days(trial, 4)
    assert signature.content_hash != content_hash(approval_content(version))


@pytest.mark.parametrize(
    ("entered", "code"),
    [
        ({"password": "wrong"}, "signature_refused"),
        ({"reason": "  "}, "reason_needed"),
        ({"seen_hash": "0" * 64}, "stale_document"),
        ({"effective_on": date(2026, 1, 1)}, "past_date"),
    ],
)
def test_approval_is_refused(trial: Conduct, entered: dict[str, Any], code: str) -> None:
    version = add(trial)

    with refused(code):
        sign(trial, version, **entered)


@pytest.mark.parametrize(
    "document", [{"doses": 1}, {"unit": "mg"}, {"dose": "1.5"}], ids=["dropped", "unit", "dose"]
)
def test_ladder_is_never_rewritten(trial: Conduct, document: dict[str, Any]) -> None:
    made = make_document(version="B", doses=document.get("doses", 2))
    top = made["ladder"]["levels"][-1]
    made["ladder"]["unit"] = document.get("unit", made["ladder"]["unit"])
    top["dose"] = document.get("dose", top["dose"])
    version = add_protocol_version(trial.study, document=made, by=trial.manager, now=trial.tick())

    with refused("ladder_changed"):
        sign(trial, version)
    assert read_impact(version, now=trial.now).unfit.endswith("cannot change its dose or go.")


def test_one_version_waits_at_a_time(trial: Conduct) -> None:
    sign(trial, add(trial), effective_on=in_days(trial, 3))
    other = add(trial, version="C")

    with refused("another_approved"):
        sign(trial, other)
    withdraw_approval(
        ProtocolVersion.objects.get(version="B"),
        reason="too early",
        by=trial.manager,
        now=trial.tick(),
    )

    assert sign(trial, other).state == "ACTIVE"


def test_withdrawn_approval_leaves_an_editable_draft(trial: Conduct) -> None:
    version = sign(trial, add(trial), effective_on=in_days(trial, 3))
    document = make_document(version="B", doses=3)
    edit: dict[str, Any] = {"document": document, "seen_hash": version.document_hash}
    with refused("not_a_draft"):
        replace_draft(version, **edit, by=trial.manager, now=trial.tick())
    with refused("reason_needed"):
        withdraw_approval(version, reason="", by=trial.manager, now=trial.tick())

    version = withdraw_approval(version, reason="typo", by=trial.manager, now=trial.tick())

    assert (version.state, version.approval, version.effective_on) == ("DRAFT", None, None)
    assert Signature.objects.filter(meaning__startswith="approves protocol version B").exists()
    version = replace_draft(version, **edit, by=trial.manager, now=trial.tick())
    assert len(version.document["ladder"]["levels"]) == 3
    with refused("stale_document"):
        replace_draft(version, **edit, by=trial.manager, now=trial.tick())


def test_draft_takes_no_name_that_is_taken(trial: Conduct) -> None:
    version = add(trial)

    with refused("version_exists"):
        replace_draft(
            version,
            document=make_document(version="A"),
            seen_hash=version.document_hash,
            by=trial.manager,
            now=trial.tick(),
        )


@pytest.mark.parametrize("label", ["A", "B"])
def test_only_a_draft_is_approved_and_only_what_waits_withdrawn(trial: Conduct, label: str) -> None:
    if label == "B":
        amend(trial, doses=2)
    version = ProtocolVersion.objects.get(version="A")

    with refused("illegal_move"):
        sign(trial, version)
    with refused("illegal_move"):
        withdraw_approval(version, reason="no", by=trial.manager, now=trial.tick())


def test_database_seals_what_was_approved(trial: Conduct) -> None:
    version = sign(trial, add(trial), effective_on=in_days(trial, 3))

    for change in ({"document": {}}, {"document_hash": "0" * 64}, {"version": "Z"}):
        with pytest.raises(ProgrammingError, match="is no draft and does not change"):
            write(trial, version, **change)
    with pytest.raises(IntegrityError, match="approved_by_a_signature"):
        write(trial, version, approval_reason="")


def write(trial: Conduct, row: ProtocolVersion, **change: Any) -> None:
    with study_change(trial.study, by=trial.manager, reason="by hand", now=trial.tick()):
        ProtocolVersion.objects.filter(pk=row.pk).update(**change)


# The day


def test_version_comes_into_force_on_its_day_by_time_alone(trial: Conduct) -> None:
    version = sign(trial, add(trial, doses=3), effective_on=in_days(trial, 2))
    midnight = trial.now.replace(hour=0, minute=0) + timedelta(days=2)
    assert trial.study.pk not in {
        each.pk for each in studies_with_due_moments(now=midnight - timedelta(seconds=1))
    }
    assert pass_time_everywhere(now=midnight - timedelta(seconds=1)) == 0
    assert state() == "APPROVED"

    assert pass_time_everywhere(now=midnight) == 1

    version.refresh_from_db()
    assert (version.state, version.activated_at) == ("ACTIVE", midnight)
    assert version.activated_by == trial.manager
    assert state("A") == "SUPERSEDED"
    assert DoseLevel.objects.filter(study=trial.study).count() == 3
    assert pass_time_everywhere(now=midnight) == 0


def test_first_change_of_the_day_finds_it_in_force(trial: Conduct) -> None:
    sign(trial, add(trial), effective_on=in_days(trial, 2))
    before = revision_of(trial)
    trial.now += timedelta(days=2)

    person = trial.screen(disease="lupus nephritis")

    assert person.protocol_version.version == "B"
    first = Event.objects.filter(study=trial.study, revision__gt=before).first()
    assert first is not None
    assert (first.kind, first.revision) == ("PROTOCOL_ACTIVATED", before + 1)


def test_refused_change_of_the_day_puts_nothing_in_force(trial: Conduct) -> None:
    version = sign(trial, add(trial), effective_on=in_days(trial, 2))
    trial.now += timedelta(days=2)

    with refused("illegal_move"):
        sign(trial, version)

    assert state() == "APPROVED"


def test_notification_rules_follow_the_version_in_force(trial: Conduct) -> None:
    document = {**make_document(version="B", doses=2), "notifications": {}}
    version = add_protocol_version(
        trial.study, document=document, by=trial.manager, now=trial.tick()
    )
    assert Study.objects.get(pk=trial.study.pk).notification_rules

    sign(trial, version)

    assert Study.objects.get(pk=trial.study.pk).notification_rules == {}


# Who stays with what


def test_participants_keep_the_rules_they_were_enrolled_under(trial: Conduct) -> None:
    open_level(trial, 2)
    (old,) = seat(trial, 2)
    document = make_document(version="B", doses=2, infusion_days=(0, 7))
    document["window"]["days"] = 56
    document["dlt_criteria"] = [{"id": "OTHER", "text": "Another criterion"}]
    document["lymphodepletion"] = [{"key": "cy", "name": "Cy", "days": [-3]}]
    version = add_protocol_version(
        trial.study, document=document, by=trial.manager, now=trial.tick()
    )
    sign(trial, version)
    (new,) = seat(trial, 2)

    day_0 = treat(trial, [old])
    trial.regimen = "cy"
    treat(trial, [new])

    assert (old.protocol_version.version, new.protocol_version.version) == ("A", "B")
    assert [old.courses.get().infusions.count(), new.courses.get().infusions.count()] == [1, 2]
    old.window.refresh_from_db()
    assert old.window.closes_at.date() == (day_0 + timedelta(days=29)).date()
    assert (new.window.closes_at - new.window.opened_at).days == 56
    with refused("unknown_criterion"):
        report(trial, new, "NOW")
    report(trial, old, "NOW")
    assert letters_at(trial, 2) == "TP"


def report(trial: Conduct, person: Any, criterion: str) -> None:
    by = trial.investigator_of(person)
    with study_change(trial.study, by=by, reason="by hand", now=trial.tick()):
        event = report_event(
            person,
            term="Fever",
            onset_at=trial.now,
            grade=4,
            grading_system="CTCAE v5.0",
            causality="POSSIBLE",
            is_serious=False,
            aware_at=trial.now,
            by=by,
        )
        report_dlt(event, criterion=criterion, by=by)


# What would follow


def differing(trial: Conduct, version: ProtocolVersion) -> list[tuple[str, str, bool]]:
    impact = read_impact(version, now=trial.now)
    return [(row.said, row.would_say, row.is_current) for row in impact.answers]


def test_past_recommendations_that_differ_are_listed_newest_first(trial: Conduct) -> None:
    """Three clean at the top level: six are wanted, or three are enough."""
    open_level(trial, 2)
    run_cohort(trial, 2, "NNN")
    assert answer_of(trial) == ("EXPAND_COHORT", 2)
    version = add(trial, min_n_at_mtd=3, confirm_top_dose=False)

    impact = read_impact(version, now=trial.now)

    assert differing(trial, version) == [
        ("EXPAND THE COHORT at DL2", "STOP: MTD not reached, DL2 is tolerated", True)
    ]
    assert impact.looked_at == trial.study.recommendations.count()
    gates = {(gate.level, gate.rule): gate for gate in impact.gates}
    assert set(gates) == {
        (level, rule) for level in ("DL1", "DL2") for rule in ("decision_signed", "rules_allow")
    }
    changed = gates["DL2", "rules_allow"]
    assert (changed.is_clear, changed.would_be_clear) == (True, False)
    assert "stop" in changed.would_say.lower()
    assert [(row.version, row.count) for row in impact.participants] == [("A", 6)]


def test_preview_writes_nothing_and_leaves_the_gates_of_now(trial: Conduct) -> None:
    version = add(trial, min_n_at_mtd=3, confirm_top_dose=False)
    level = trial.level(2)
    before = gates_for_seat(trial.study, level, now=trial.now), revision_of(trial)

    read_impact(version, now=trial.now)

    assert (gates_for_seat(trial.study, level, now=trial.now), revision_of(trial)) == before


def test_earlier_answers_are_listed_after_the_current_one(trial: Conduct) -> None:
    """With a DLT the lower minimum would have stopped where six are filled now."""
    open_level(trial, 2)
    run_cohort(trial, 2, "TTP")
    assert answer_of(trial) == ("DE_ESCALATE", 1)
    open_level(trial, 1)
    run_cohort(trial, 1, "N")
    version = add(trial, min_n_at_mtd=3, confirm_top_dose=False)

    assert differing(trial, version) == [
        ("ENROL at DL1", "STOP: the MTD is DL1", True),
        ("ENROL at DL1", "WAIT at DL1", False),
        ("EXPAND THE COHORT at DL1", "STOP: the MTD is DL1", False),
        ("DE-ESCALATE to DL1", "STOP: the MTD is DL1", False),
    ]


def test_impact_is_kept_with_the_event(trial: Conduct) -> None:
    open_level(trial, 2)
    run_cohort(trial, 2, "NNN")
    version = add(trial, min_n_at_mtd=3, confirm_top_dose=False)
    expected = read_impact(version, now=trial.now).as_dict()
    before = revision_of(trial)

    sign(trial, version)

    event = Event.objects.filter(kind="PROTOCOL_ACTIVATED").latest("id")
    kept = event.data["impact"]
    assert kept["answers"] == list(expected["answers"])
    assert [gate["rule"] for gate in kept["gates"]] == ["decision_signed", "rules_allow"] * 2
    assert answer_of(trial) == ("STOP", None)
    assert kinds_since(trial, before) == [
        "PROTOCOL_APPROVED",
        "PROTOCOL_ACTIVATED",
        "RECOMMENDATION_CHANGED",
    ]


def test_comparison_is_with_the_version_before(trial: Conduct) -> None:
    version = amend(trial, doses=3)
    draft = add(trial, version="C", doses=3, min_n_at_mtd=3)

    with_b, with_a = compare_with(draft), compare_with(draft, other="A")
    first = compare_with(ProtocolVersion.objects.get(version="A"))

    assert with_b is not None
    assert with_a is not None
    assert first is not None
    assert (with_b.old, [one.path for one in with_b.changes]) == (
        "B",
        ["version", "options.min_n_at_mtd"],
    )
    assert "ladder.levels[3]" in [one.path for one in with_a.changes]
    assert (first.old, first.changes) == ("", ())
    assert compare_with(version, other="Z") is None
    same = compare_with(version)
    assert same is not None
    assert same.old == "A"
