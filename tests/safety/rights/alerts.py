"""What a person is told of is theirs to read and to acknowledge."""

from datetime import timedelta

from ntrust.models import Notification
from ntrust.states import AcknowledgedWhere
from safety.management.conduct import Conduct
from tests.safety.rights.scene import INVESTIGATOR, N, Rights


def told(trial: Conduct) -> Notification:
    """The investigator's, of a hold on the other site."""
    return Notification.objects.filter(
        event__kind="HOLD_PLACED", recipient=trial.crews[0].investigator
    ).earliest("id")


def await_a_word(trial: Conduct) -> None:
    Notification.objects.filter(pk=told(trial).pk).update(
        acknowledge_by=trial.now + timedelta(hours=1)
    )


FIRST = {"ntrust.acknowledge": await_a_word}

RIGHTS: Rights = {
    "ntrust.acknowledge": (
        INVESTIGATOR,
        lambda s: N.acknowledge(told(s.trial), where=AcknowledgedWhere.INBOX, **s.who),
    ),
    "ntrust.mark_read": (INVESTIGATOR, lambda s: N.mark_read(told(s.trial), **s.who)),
}
