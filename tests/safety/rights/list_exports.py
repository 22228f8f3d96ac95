"""Taking a record list away."""

from safety.actions import ListFile
from tests.safety.rights.scene import INVESTIGATOR, MANAGER, MONITOR, Rights, S

_FILE = ListFile("dlt-reports", "DLT reports", "csv", {}, rows=0, sha256="0" * 64)

RIGHTS: Rights = {
    "safety.record_list_export": (
        MANAGER | MONITOR | INVESTIGATOR | {"investigator elsewhere", "auditor"},
        lambda s: S.record_list_export(s.trial.study, file=_FILE, **s.who),
    ),
}
