"""Taking a copy of the audit trail."""

from tests.safety.rights.scene import INVESTIGATOR, MANAGER, SIGNERS, Rights, S

RIGHTS: Rights = {
    "safety.record_audit_export": (
        SIGNERS | MANAGER | INVESTIGATOR | {"investigator elsewhere", "auditor"},
        lambda s: S.record_audit_export(
            s.trial.study, form="csv", asked={}, rows=0, sha256="0" * 64, **s.who
        ),
    ),
}
