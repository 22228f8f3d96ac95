"""Who is on call, who is away and who stands in: the manager's to say."""

from datetime import timedelta
from typing import Any

from ntrust.models import Absence, Shift
from safety.management.conduct import Conduct
from tests.safety.rights.scene import MANAGER, N, Rights


def span(trial: Conduct) -> dict[str, Any]:
    return {
        "starts_at": trial.now,
        "ends_at": trial.now + timedelta(days=7),
        "reason": "the rota",
    }


def instead(trial: Conduct) -> dict[str, Any]:
    return {"user": trial.monitor, "deputy": trial.manager}


def put(trial: Conduct) -> None:
    N.put_on_call(
        trial.study,
        user=trial.monitor,
        role="MEDICAL_MONITOR",
        by=trial.manager,
        now=trial.tick(),
        **span(trial),
    )


def leave(trial: Conduct) -> None:
    N.enter_absence(
        trial.study, by=trial.manager, now=trial.tick(), **instead(trial), **span(trial)
    )


FIRST = {"ntrust.take_off_call": put, "ntrust.withdraw_absence": leave}

RIGHTS: Rights = {
    "ntrust.put_on_call": (
        MANAGER,
        lambda s: N.put_on_call(
            s.trial.study,
            user=s.trial.monitor,
            role="MEDICAL_MONITOR",
            **span(s.trial),
            **s.who,
        ),
    ),
    "ntrust.take_off_call": (
        MANAGER,
        lambda s: N.take_off_call(Shift.objects.get(), reason="swapped", **s.who),
    ),
    "ntrust.enter_absence": (
        MANAGER,
        lambda s: N.enter_absence(s.trial.study, **instead(s.trial), **span(s.trial), **s.who),
    ),
    "ntrust.withdraw_absence": (
        MANAGER,
        lambda s: N.withdraw_absence(Absence.objects.get(), reason="back", **s.who),
    ),
    "ntrust.name_deputy": (
        MANAGER,
        lambda s: N.name_deputy(s.trial.study, reason="as agreed", **instead(s.trial), **s.who),
    ),
}
