"""What pages show of the escalation: exact counts, who sees whom, and a constant cost."""

from __future__ import annotations

import pytest

from cohorts.engine.design import Flag
from cohorts.models import Decision
from cohorts.queries import Ladder, Viewer, escalation_path, ladder, studies_for, viewer_of
from cohorts.queries.ladder import LevelRow
from cohorts.queries.steady import read_steady
from cohorts.queries.words import FLAGS
from ntrust.change import study_change
from ntrust.models import Study, User
from ntrust.states import Role
from tests.cohorts.rows import (
    NOW,
    Trial,
    change_basis,
    changing,
    decide,
    hold,
    join,
    make_user,
    seat,
    start_trial,
)

pytestmark = pytest.mark.django_db


def viewer(user: User, key: str = "ntrust-1") -> Viewer:
    found = viewer_of(user, key)
    assert found is not None
    return found


def see(trial: Trial, user: User | None = None) -> Ladder:
    """The ladder as the manager, or another, sees it."""
    study = Study.objects.get(pk=trial.study.pk)
    return ladder(study, viewer=viewer(user or trial.users["manager"], study.key), now=NOW)


def rung(page: Ladder, name: str) -> LevelRow:
    return next(level for level in page.levels if level.name == name)


def texts(row: LevelRow) -> list[str]:
    return [mark.text for mark in row.marks]


def test_ladder_of_a_new_study_is_empty_top_level_first() -> None:
    trial = start_trial()

    page = see(trial)

    assert [level.name for level in page.levels] == ["DL3", "DL2", "DL1", "DL-1"]
    assert [texts(level) for level in page.levels] == [["not opened"]] * 4
    assert rung(page, "DL1").dose == "1.0 × 10⁹ cells per dose"
    assert rung(page, "DL3").is_illustrative
    assert page.decisions == ()
    assert page.gates_level == "DL1"
    assert not page.can_enrol
    assert page.advice is not None
    assert page.advice.answer.text == "ENROL at DL1"
    assert page.advice.is_certain


def test_ladder_counts_each_kind_of_participant_once() -> None:
    trial = start_trial()
    seat(trial, 1, "NNN")
    seat(trial, 2, "NXTP")
    seat(trial, 2, "OOO")
    seat(trial, 2, "UUV")

    counts = rung(see(trial), "DL2").counts

    assert (counts.treated, counts.evaluable, counts.pending, counts.not_evaluable) == (8, 2, 7, 1)
    assert (counts.confirmed_no_dlt, counts.dlt) == (1, 1)
    assert (counts.nothing_reported, counts.overdue, counts.provisional) == (3, 3, 1)
    assert counts.to_rule == 0


def test_ladder_shows_every_seat_as_a_disc() -> None:
    trial = start_trial()
    seat(trial, 1, "XNR", state="OPEN")

    (group,) = rung(see(trial), "DL1").seats

    assert [(one.label, one.kind) for one in group.seats] == [
        ("02", "settled"),
        ("03", "reserved"),
        ("01", "out"),
        ("", "empty"),
    ]
    assert group.free == 1
    assert group.seats[0].sentence == "P-002: evaluable, no DLT"


def test_ladder_badges_what_is_provisional_or_overdue() -> None:
    trial = start_trial()
    seat(trial, 1, "VOP")

    (group,) = rung(see(trial), "DL1").seats

    assert [one.badge for one in group.seats] == ["▲", "!", ""]


def test_ladder_shows_somebody_whose_seat_is_gone() -> None:
    trial = start_trial()
    cohort = seat(trial, 1, "NNN")
    with changing(trial):
        slot = cohort.slots.first()
        assert slot is not None
        slot.state = "RELEASED"
        slot.save(update_fields=["state"])

    groups = rung(see(trial), "DL1").seats

    assert [group.cohort for group in groups] == [1, 0]
    assert [one.label for one in groups[1].seats] == ["01"]


def test_ladder_names_what_is_next() -> None:
    trial = start_trial()
    seat(trial, 1, "OVP")

    steps = rung(see(trial), "DL1").next_steps

    assert [step.text for step in steps] == [
        "P-001: statement overdue, window closed",
        "P-002: provisional DLT, its clock runs",
        "P-003: window closes",
    ]
    assert steps[2].at is not None
    assert steps[2].at > NOW


@pytest.mark.parametrize(
    ("cohorts", "states"),
    [
        ([(1, "NNN")], {"DL1": ["tolerated"], "DL2": ["not opened"]}),
        ([(1, "NNP")], {"DL1": ["full"]}),
        ([(1, "NNN"), (2, "TT")], {"DL2": ["held", "closed: toxic"]}),
        ([(1, "NNN"), (2, "TT")], {"DL3": ["held", "closed: DL2 is toxic"]}),
        ([(1, "NNN"), (2, "NNT")], {"DL2": ["in review"], "DL1": ["tolerated"]}),
    ],
)
def test_level_says_where_it_stands(
    cohorts: list[tuple[int, str]], states: dict[str, list[str]]
) -> None:
    trial = start_trial()
    for level, letters in cohorts:
        seat(trial, level, letters)

    page = see(trial)

    assert {name: texts(rung(page, name)) for name in states} == states


def test_open_level_says_how_many_seats_are_free() -> None:
    trial = start_trial()
    seat(trial, 1, "P", state="OPEN")

    page = see(trial)

    assert texts(rung(page, "DL1")) == ["open, 2 seats free"]
    assert page.can_enrol
    assert page.shut_gates == ()


def test_held_level_holds_those_above_and_suspends() -> None:
    trial = start_trial()
    seat(trial, 1, "NNN")
    seat(trial, 2, "P", state="OPEN")
    hold(trial, 2, "Two grade 3 CRS at DL2")

    page = see(trial)

    assert texts(rung(page, "DL2")) == ["held", "open, 2 seats free"]
    assert texts(rung(page, "DL3")) == ["held", "not opened"]
    assert texts(rung(page, "DL1")) == ["tolerated"]
    assert page.advice is not None
    assert page.advice.suspended_by == ("DL2 and above held: Two grade 3 CRS at DL2",)
    assert page.advice.tone == "harm"
    assert not page.can_enrol
    assert [gate.mark.tone for gate in page.shut_gates] == ["harm"]


def test_study_hold_is_shown_once_for_all() -> None:
    trial = start_trial()
    seat(trial, 1, "P", state="OPEN")
    hold(trial, None, "Sponsor's stop")

    page = see(trial)

    assert [one.where for one in page.wide_holds] == ["The whole study"]
    assert all("held" in texts(level) for level in page.levels)


def test_hold_of_another_site_is_not_shown() -> None:
    trial = start_trial()
    hold(trial, None, "Freezer failed", site=trial.sites["S2"])
    investigator = join(make_user("ida"), trial.study, Role.INVESTIGATOR, site=trial.sites["S1"])

    assert see(trial, investigator).wide_holds == ()
    assert [one.where for one in see(trial).wide_holds] == ["Site S2"]


def test_recommendation_carries_all_that_defends_it() -> None:
    trial = start_trial()
    seat(trial, 1, "NNN")
    seat(trial, 2, "NTP")

    advice = see(trial).advice

    assert advice is not None
    assert advice.answer.text == "WAIT at DL2"
    assert advice.rule == "rule 5, wait, seats taken"
    assert advice.counts == "DL1 0/3 · DL2 1/2, 1 pending"
    assert advice.hinges_on == ("P-006",)
    assert {mark.text for mark in advice.bounds} == {
        "EXPAND THE COHORT at DL2",
        "DE-ESCALATE to DL1",
        "ENROL at DL2",
    }
    assert {option.name: option.value for option in advice.options} == {
        "doses": "3",
        "min_n_at_mtd": "6",
        "allow_deescalation": "yes",
        "confirm_top_dose": "yes",
        "second_dlt": "stop_now",
        "level_minus_one": "yes",
        "expand_on_first_dlt": "at_three",
        "escalate_with_pending": "no",
    }
    assert all(option.meaning for option in advice.options)
    assert (advice.protocol_version, advice.engine_version) == ("B", "1.0")


def test_flags_are_said_in_words() -> None:
    trial = start_trial()
    seat(trial, 1, "NN")
    seat(trial, 2, "P")

    advice = see(trial).advice

    assert advice is not None
    assert advice.flags == (FLAGS[Flag.ESCALATED_EARLY],)
    assert set(FLAGS) == set(Flag)


def test_decision_shows_override_and_changed_basis() -> None:
    trial = start_trial()
    cohort = seat(trial, 1, "NNP", override="Two more candidates were already conditioned.")
    change_basis(trial, cohort.decision, "P-001 went from no DLT to DLT")

    (decision,) = rung(see(trial), "DL1").decisions

    assert (decision.number, decision.is_override) == (1, True)
    assert decision.reason == "Two more candidates were already conditioned."
    assert decision.state.text == "basis changed"
    assert decision.state.tone == "harm"
    assert decision.basis_change == "P-001 went from no DLT to DLT"


def test_site_people_see_other_sites_without_numbers() -> None:
    trial = start_trial()
    seat(trial, 1, "NNP", site="S1")
    second = seat(trial, 2, "PPP", site="S2", override="P-004 asked for it, P-001 did not.")
    change_basis(trial, second.decision, "P-004 went from no DLT to DLT")
    hold(trial, 2, "P-005 has grade 4 CRS")
    investigator = join(make_user("ida"), trial.study, Role.INVESTIGATOR, site=trial.sites["S1"])

    page = see(trial, investigator)

    text = repr(page)
    assert all(f"P-00{number}" in text for number in (1, 2, 3))
    assert not any(number in text for number in ("P-004", "P-005", "P-006", "S-004"))
    level = rung(page, "DL2")
    assert level.people == ()
    assert level.unseen == 3
    assert [one.label for one in level.seats[0].seats] == ["", "", ""]
    assert level.seats[0].seats[0].sentence.startswith("a participant of another site: pending")
    assert level.counts.pending == 3
    assert page.advice is not None
    assert (page.advice.hinges_on, page.advice.hinges_on_hidden) == (("P-003",), 3)


def test_path_hides_numbers_and_dates_of_other_sites() -> None:
    trial = start_trial()
    seat(trial, 1, "NNN", site="S1")
    seat(trial, 2, "T", site="S2", state="OPEN")
    pharmacist = join(make_user("pia"), trial.study, Role.PHARMACIST, site=trial.sites["S1"])

    path = escalation_path(trial.study, viewer=viewer(pharmacist), now=NOW)

    assert [(one.level_name, one.person.subject) for one in path.people] == [
        ("DL1", "P-001"),
        ("DL1", "P-002"),
        ("DL1", "P-003"),
        ("DL2", ""),
    ]
    assert path.people[3].at is None
    assert "P-004" not in repr(path)


def test_path_tells_recommendations_and_decisions_in_order() -> None:
    trial = start_trial()
    seat(trial, 1, "NNN")
    seat(trial, 2, "T", state="OPEN", override="Asked for by the committee.")

    path = escalation_path(trial.study, viewer=viewer(trial.users["manager"]), now=NOW)

    told = [
        f"#{step.decision.number} {step.decision.answer.text}"
        if step.decision
        else step.advice.text
        for step in path.steps
    ]
    assert told == [
        "ENROL at DL1",
        "#1 ENROL at DL1",
        "ESCALATE to DL2",
        "#2 ENROL at DL2",
        "ENROL at DL2",
    ]
    assert [step.after for step in path.decisions] == [0, 3]
    assert path.steps[-1].counts == "DL1 0/3 · DL2 1/1"
    assert [one.order for one in path.people] == [1, 2, 3, 4]


def test_superuser_and_stranger_are_no_viewers() -> None:
    start_trial()
    root = make_user("root", is_superuser=True, is_staff=True)

    assert viewer_of(root, "ntrust-1") is None
    assert viewer_of(root, "no-such-study") is None
    assert studies_for(root) == ()


def test_revoked_role_ends_the_view() -> None:
    trial = start_trial()
    member = join(make_user("mia"), trial.study, Role.COMMITTEE)
    member.memberships.update(revoked_at=NOW, revoked_by=trial.users["manager"])

    assert viewer_of(member, "ntrust-1") is None


def test_studies_lists_what_is_running_first() -> None:
    user = make_user("mia")
    for key, source in (("a-replay", "A paper."), ("z-real", "")):
        trial = start_trial(key, source=source)
        seat(trial, 1, "NNP")
        join(user, trial.study, Role.COMMITTEE)
    hold(trial, 1, "Stopped")

    cards = studies_for(user)

    assert [(card.key, card.is_replay) for card in cards] == [("z-real", False), ("a-replay", True)]
    card = cards[0]
    assert (card.treated, card.evaluable, card.pending, card.dlt) == (3, 2, 1, 0)
    assert card.answer is not None
    assert card.answer.text == "WAIT at DL1"
    assert (card.is_suspended, card.tone, card.holds) == (True, "harm", 1)
    assert card.roles == ("safety review committee",)


def test_reading_starts_again_when_the_study_changed_meanwhile() -> None:
    trial = start_trial()
    before = Study.objects.get(pk=trial.study.pk).revision
    read: list[int] = []

    def read_and_disturb(revision: int) -> int:
        read.append(revision)
        if len(read) == 1:
            with study_change(trial.study, by=trial.users["manager"], reason="meanwhile", now=NOW):
                pass
        return revision

    assert read_steady(trial.study, read_and_disturb) == before + 1
    assert read == [before, before + 1]


def test_unsigned_decision_opens_nothing_but_shows() -> None:
    trial = start_trial()
    decide(trial, 1, state="PROPOSED")

    page = see(trial)

    assert Decision.objects.count() == 1
    assert [(one.number, one.state.text) for one in page.decisions] == [(1, "proposed")]
    assert texts(rung(page, "DL1")) == ["not opened"]
