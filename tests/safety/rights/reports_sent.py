"""The expedited reports of serious events: recorded as sent, and taken back."""

from ntrust.change import study_change
from safety.management.conduct import Conduct
from tests.safety.rights.events import colitis, enter
from tests.safety.rights.scene import REASON, SIGNERS, Rights, S, Scene


def start_clock(trial: Conduct) -> None:
    """A serious event, and the sponsor's clock of fifteen days."""
    enter(trial)
    by = trial.investigator_of(colitis().participant)
    details = S.EventDetails(seriousness=("HOSPITALISATION",))
    S.complete_event(colitis(), details=details, reason=REASON, by=by, now=trial.tick())
    with study_change(trial.study, by=None, now=trial.tick()) as change:
        clocks = {"15": trial.now.isoformat()}
        change.record("SAE_CLOCK_STARTED", "It runs.", event=colitis().pk, clocks=clocks)


def send(trial: Conduct) -> None:
    start_clock(trial)
    sent: dict[str, object] = {"days": 15, "sent_at": trial.now, "reason": REASON}
    S.record_report_sent(colitis(), **sent, by=trial.monitor, now=trial.tick())


def record(s: Scene) -> object:
    """Whoever tries."""
    sent: dict[str, object] = {"days": 15, "sent_at": s.trial.now, "reason": REASON}
    return S.record_report_sent(colitis(), **sent, **s.who)


FIRST = {"safety.record_report_sent": start_clock, "safety.withdraw_report_sent": send}
RIGHTS: Rights = {
    "safety.record_report_sent": (SIGNERS, record),
    "safety.withdraw_report_sent": (
        SIGNERS,
        lambda s: S.withdraw_report_sent(colitis(), days=15, reason=REASON, **s.who),
    ),
}
