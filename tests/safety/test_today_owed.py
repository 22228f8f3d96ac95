"""What the manager's first page says is owed is what the pages behind it ask for."""

from __future__ import annotations

import pytest

from cohorts.actions import Conclusion, place_hold
from cohorts.engine.design import Verdict
from cohorts.queries import viewer_of
from cohorts.states import HoldScope
from dosing.actions import record_given_infusion
from ntrust.actions import revoke_role
from ntrust.models import User
from safety.management.conduct import Conduct
from safety.queries.today import Need, read_needs
from tests.cohorts.rows import make_user
from tests.dosing import in_flight
from tests.dosing.test_actions import build
from tests.dosing.test_rulings import rule_out, under_dosed
from tests.factories import make_trial, open_level, report_dlt_of, run_cohort

pytestmark = pytest.mark.django_db


def needs(trial: Conduct) -> dict[str, Need]:
    viewer = viewer_of(trial.manager, trial.study.key)
    assert viewer is not None
    return {need.key: need for need in read_needs(viewer, now=trial.now)}


def test_said_to_be_given_stays_in_sight_until_it_is_entered() -> None:
    trial = in_flight.build()
    here, _, treated = in_flight.people(trial)
    report_dlt_of(trial, treated)
    scope, level = HoldScope.LEVEL, trial.level(1)
    now = trial.tick()
    place_hold(trial.study, scope=scope, level=level, reason="a signal", by=trial.monitor, now=now)
    infusion, given_at, before = in_flight.infusion_of(here), trial.now, needs(trial)

    in_flight.answer(trial, infusion, "ALREADY_GIVEN", given_at=given_at)

    found = needs(trial)
    keys = list(found)
    assert keys.index("IN_FLIGHT") + 1 == keys.index("UNENTERED") < keys.index("RULINGS")
    assert found["IN_FLIGHT"].count == before["IN_FLIGHT"].count - 1
    owed = found["UNENTERED"]
    said = "Said to be given, not entered: P-001, infusion 1"
    assert (owed.mark.text, owed.mark.tone, owed.address) == (said, "harm", "dosing:in_flight")
    assert owed.sentences == (
        "P-001, infusion 1: S1 says that it was given, and has not entered it.",
    )

    record_given_infusion(
        infusion,
        because="it was running when the hold landed",
        given_at=given_at,
        given_cells=infusion.assigned_cells,
        by=trial.investigator_of(here),
        now=trial.tick(),
    )

    assert "UNENTERED" not in needs(trial)


def test_nobody_is_waited_for_to_read_what_was_overtaken() -> None:
    trial = open_level(make_trial(sites=2))
    run_cohort(trial, 1, "NNN")
    escalate = Conclusion(Verdict.ESCALATE, trial.level(2), committee_verdict="agrees")
    trial.sign(trial.propose(escalate))
    assert needs(trial)["UNREAD"].count == 4

    signal = "A signal in the sister study."
    stop = trial.sign(
        trial.propose(Conclusion(Verdict.STOP, None, committee_verdict="agrees", reason=signal))
    )

    unread = needs(trial)["UNREAD"]
    assert unread.count == 4
    assert all(said.startswith(f"Decision #{stop.number}:") for said in unread.sentences)
    trial.circulate(stop)
    assert "UNREAD" not in needs(trial)


def test_exposure_that_waits_for_a_ruling_is_in_sight_until_it_is_ruled() -> None:
    trial = build()
    person = trial.study.participants.earliest("id")
    assert "EXPOSURES" not in needs(trial)

    under_dosed(trial, person)

    owed = needs(trial)["EXPOSURES"]
    assert (owed.mark.text, owed.who) == (f"Evaluable or not: {person}", "medical monitor")
    (said,) = owed.sentences
    assert said.startswith(f"{person}: Proposed as not evaluable: minimum exposure")

    rule_out(trial, person)

    assert "EXPOSURES" not in needs(trial)


def test_role_that_would_hear_nothing_is_in_sight() -> None:
    trial = make_trial(sites=1)
    assert "UNHEARD" not in needs(trial)
    monitor, pharmacist = (
        trial.study.memberships.get(role=role) for role in ("MEDICAL_MONITOR", "PHARMACIST")
    )

    revoke_role(monitor, by=make_user("admin", is_superuser=True), now=trial.tick())
    User.objects.filter(pk=pharmacist.user_id).update(is_active=False)

    owed = needs(trial)["UNHEARD"]
    assert (owed.count, owed.mark.text, owed.mark.tone) == (
        2,
        "Alerts reach nobody in 2 roles",
        "harm",
    )
    assert owed.sentences == (
        "Nobody is medical monitor: what is urgent for them is told to nobody.",
        "Nobody is pharmacist at S1: what is urgent for them is told to nobody.",
    )
