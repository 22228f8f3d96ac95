"""Taking a study's datasets away."""

from safety.actions import DatasetFile
from tests.safety.rights.scene import MANAGER, MONITOR, Rights, S

_FILE = DatasetFile(1, None, {"DM": 0}, content_hash="0" * 64, sha256="0" * 64)

RIGHTS: Rights = {
    "safety.record_dataset_export": (
        MANAGER | MONITOR | {"data monitor"},
        lambda s: S.record_dataset_export(s.trial.study, file=_FILE, **s.who),
    ),
}
