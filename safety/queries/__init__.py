"""What is: packets, statements, moments to apply, and the ledger of gates."""

from safety.queries.ledger import Step, gate_ledger, may_read_ledger
from safety.queries.mails import gates_in_words
from safety.queries.moments import studies_with_due_moments
from safety.queries.next_steps import NextPanel, read_next
from safety.queries.packets import packet_content
from safety.queries.statements import StatementPanel, read_statement
from safety.queries.take_overs import TakeOverRow, open_take_over, read_take_overs

__all__ = [
    "NextPanel",
    "StatementPanel",
    "Step",
    "TakeOverRow",
    "gate_ledger",
    "gates_in_words",
    "may_read_ledger",
    "open_take_over",
    "packet_content",
    "read_next",
    "read_statement",
    "read_take_overs",
    "studies_with_due_moments",
]
