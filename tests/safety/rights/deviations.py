"""The log of protocol deviations."""

from typing import Any

from cohorts.models import Deviation
from safety.management.conduct import Conduct
from tests.safety.rights.scene import INVESTIGATOR, MANAGER, SIGNERS, C, Rights


def note_deviations(trial: Conduct) -> None:
    """One deviation open, one classified, one closed."""
    when: dict[str, Any] = {"by": trial.manager, "now": trial.tick()}
    site = trial.crews[0].site
    deviations = [
        C.report_deviation(
            site, kind=kind, sentence="a copy was lost", occurred_at=trial.now, **when
        )
        for kind in ("VISIT", "PRIVACY", "CONSENT")
    ]
    for one in deviations[1:]:
        C.classify_deviation(one, severity="MINOR", comment="one page", **when)
    C.close_deviation(deviations[2], action_taken="found again", **when)


RIGHTS: Rights = {
    "cohorts.report_deviation": (
        INVESTIGATOR | MANAGER,
        lambda s: C.report_deviation(
            s.site, kind="VISIT", sentence="late", occurred_at=s.trial.now, **s.who
        ),
    ),
    "cohorts.classify_deviation": (
        SIGNERS,
        lambda s: C.classify_deviation(
            Deviation.objects.get(kind="VISIT"), severity="MINOR", comment="one day", **s.who
        ),
    ),
    "cohorts.close_deviation": (
        SIGNERS,
        lambda s: C.close_deviation(
            Deviation.objects.get(kind="PRIVACY"), action_taken="retrained", **s.who
        ),
    ),
    "cohorts.reopen_deviation": (
        SIGNERS,
        lambda s: C.reopen_deviation(
            Deviation.objects.get(kind="CONSENT"), reason="again", **s.who
        ),
    ),
}
PREPARE = note_deviations
