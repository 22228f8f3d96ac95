"""Protocol versions after their first draft."""

from datetime import timedelta

from cohorts.models import ProtocolVersion
from safety.management.conduct import Conduct
from tests.factories import approve, make_document
from tests.safety.rights.scene import MANAGER, C, Rights


def draft(trial: Conduct) -> ProtocolVersion:
    return ProtocolVersion.objects.get(study=trial.study, version="B")


def approve_for_later(trial: Conduct) -> None:
    tomorrow = trial.now.date() + timedelta(days=1)
    approve(draft(trial), by=trial.manager, now=trial.tick(), effective_on=tomorrow)


FIRST = {"cohorts.withdraw_approval": approve_for_later}

RIGHTS: Rights = {
    "cohorts.replace_draft": (
        MANAGER,
        lambda s: C.replace_draft(
            draft(s.trial),
            document=make_document(version="B", doses=4),
            seen_hash=draft(s.trial).document_hash,
            **s.who,
        ),
    ),
    "cohorts.approve_protocol": (
        MANAGER,
        lambda s: C.approve_protocol(
            draft(s.trial),
            seen_hash=draft(s.trial).document_hash,
            reason="the committee asks for it",
            **s.signing,
        ),
    ),
    "cohorts.withdraw_approval": (
        MANAGER,
        lambda s: C.withdraw_approval(draft(s.trial), reason="too early", **s.who),
    ),
}
