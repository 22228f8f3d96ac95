"""Messages sent again, and webhooks."""

from ntrust.models import Delivery, Endpoint
from ntrust.states import DeliveryState
from safety.management.conduct import Conduct
from tests.safety.rights.scene import MANAGER, N, Rights

PUBLIC = "https://8.8.8.8/hook"


def add(trial: Conduct) -> None:
    who = {"by": trial.manager, "now": trial.tick()}
    N.add_endpoint(trial.study, name="theirs", url=PUBLIC, reason="they asked", **who)


def add_paused(trial: Conduct) -> None:
    add(trial)
    N.pause_endpoint(Endpoint.objects.get(), reason="moves", by=trial.manager, now=trial.tick())


def fail(trial: Conduct) -> None:
    """The first mail is given up."""
    row = Delivery.objects.filter(state=DeliveryState.PLANNED).earliest("id")
    for state in (DeliveryState.SENDING, DeliveryState.FAILED):
        Delivery.objects.filter(pk=row.pk).update(state=state)


FIRST = {
    "ntrust.pause_endpoint": add,
    "ntrust.try_endpoint": add,
    "ntrust.resume_endpoint": add_paused,
    "ntrust.send_again": fail,
    "ntrust.send_all_again": fail,
}

RIGHTS: Rights = {
    "ntrust.add_endpoint": (
        MANAGER,
        lambda s: N.add_endpoint(s.trial.study, name="x", url=PUBLIC, reason="asked", **s.who),
    ),
    "ntrust.pause_endpoint": (
        MANAGER,
        lambda s: N.pause_endpoint(Endpoint.objects.get(), reason="moves", **s.who),
    ),
    "ntrust.resume_endpoint": (
        MANAGER,
        lambda s: N.resume_endpoint(Endpoint.objects.get(), reason="has moved", **s.who),
    ),
    "ntrust.try_endpoint": (
        MANAGER,
        lambda s: N.try_endpoint(Endpoint.objects.get(), reason="does it hear?", **s.who),
    ),
    "ntrust.send_again": (
        MANAGER,
        lambda s: N.send_again(
            Delivery.objects.get(state=DeliveryState.FAILED),
            study=s.trial.study,
            reason="the server is back",
            **s.who,
        ),
    ),
    "ntrust.send_all_again": (
        MANAGER,
        lambda s: N.send_all_again(s.trial.study, reason="the server is back", **s.who),
    ),
}
