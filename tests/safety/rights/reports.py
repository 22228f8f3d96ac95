"""DLT reports that are superseded, and ruled on again; alerts and their inbox."""

from typing import Any

from ntrust.change import study_change
from safety.management.conduct import Conduct
from safety.models import DltReport, InboxAlert, InboxResult, Superseding
from tests.safety.rights.scene import INVESTIGATOR, MONITOR, SIGNERS, Rights, S


def propose(trial: Conduct) -> None:
    """A withdrawal that waits for the medical monitor."""
    report = DltReport.objects.get(state="REPORTED")
    by = trial.investigator_of(report.event.participant)
    who: dict[str, Any] = {"by": by, "now": trial.tick()}
    S.supersede_dlt(report, kind="WITHDRAWN", reason="by mistake", **who)


def confirm(trial: Conduct) -> None:
    """A report with the monitor's first word."""
    trial.adjudicate(DltReport.objects.get(state="REPORTED"))


def fail_an_alert(trial: Conduct) -> None:
    """An alert that could not be applied."""
    with study_change(trial.study, by=trial.manager, now=trial.tick()) as change:
        alert = InboxAlert.objects.create(
            study=trial.study,
            kind="EVENT",
            content={},
            content_hash="",
            trouble="unknown",
            received_at=change.now,
            received_by=trial.crews[0].investigator,
        )
        InboxResult.objects.create(alert=alert, result="FAILED", said="unknown", at=change.now)


RIGHTS: Rights = {
    "safety.raise_alert": (
        INVESTIGATOR,
        lambda s: S.raise_alert(
            "EVENT",
            s.participant("TREATED"),
            term="Fever",
            onset_at=s.trial.now,
            grade=2,
            grading_system="CTCAE v5.0",
            causality="POSSIBLE",
            **s.who,
        ),
    ),
    "safety.settle_alert": (
        SIGNERS,
        lambda s: S.settle_alert(InboxAlert.objects.get(), reason="entered by hand", **s.who),
    ),
    "safety.supersede_dlt": (
        INVESTIGATOR,
        lambda s: S.supersede_dlt(
            DltReport.objects.get(state="REPORTED"), kind="WITHDRAWN", reason="by mistake", **s.who
        ),
    ),
    "safety.rule_superseding": (
        MONITOR,
        lambda s: S.rule_superseding(
            Superseding.objects.get(), is_accepted=True, reason="yes", **s.signing
        ),
    ),
    "safety.readjudicate_dlt": (
        MONITOR,
        lambda s: S.readjudicate_dlt(
            DltReport.objects.get(state="CONFIRMED"), reason="second look", **s.signing
        ),
    ),
}
FIRST = {
    "safety.rule_superseding": propose,
    "safety.readjudicate_dlt": confirm,
    "safety.settle_alert": fail_an_alert,
}
