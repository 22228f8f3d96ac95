"""Views of the record lists."""

from safety.management.conduct import Conduct
from safety.models import SavedView
from tests.safety.rights.scene import MANAGER, MONITOR, Rights, S

READERS = MANAGER | MONITOR | {"auditor", "data monitor"}


def save(trial: Conduct) -> None:
    S.save_view("participants", name="All", query="", by=trial.manager, now=trial.tick())


FIRST = {"safety.delete_view": save}

RIGHTS: Rights = {
    "safety.save_view": (
        READERS,
        lambda s: S.save_view("participants", name="Mine", query="state=SCREENING", **s.who),
    ),
    "safety.delete_view": (
        MANAGER,
        lambda s: S.delete_view(SavedView.objects.get(name="All"), by=s.by),
    ),
}
