"""What is: packets, statements, moments to apply, and the ledger of gates."""

from safety.queries.ledger import Step, gate_ledger, may_read_ledger
from safety.queries.moments import studies_with_due_moments
from safety.queries.packets import packet_content
from safety.queries.statements import StatementPanel, read_statement

__all__ = [
    "StatementPanel",
    "Step",
    "gate_ledger",
    "may_read_ledger",
    "packet_content",
    "read_statement",
    "studies_with_due_moments",
]
