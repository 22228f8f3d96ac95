"""What is: packets, statements, moments to apply, and the ledger of gates."""

from safety.queries.data_pages import list_queries, read_data_panel, read_query
from safety.queries.data_quality import (
    DataQuality,
    QueryRow,
    data_quality,
    read_cuts,
    read_queries,
    rows_after,
)
from safety.queries.disagreements import Disagreement, disagreements
from safety.queries.events import (
    find_event,
    may_read_events,
    read_draft,
    read_event_page,
    read_events,
    read_todos,
)
from safety.queries.ledger import Step, gate_ledger, may_read_ledger
from safety.queries.mails import gates_in_words
from safety.queries.moments import studies_with_due_moments
from safety.queries.next_steps import NextPanel, read_next
from safety.queries.packets import news_of, packet_content
from safety.queries.statements import StatementPanel, read_statement
from safety.queries.take_overs import TakeOverRow, open_take_over, read_take_overs

__all__ = [
    "find_event",
    "may_read_events",
    "read_draft",
    "read_event_page",
    "read_events",
    "read_todos",
    "Disagreement",
    "disagreements",
    "list_queries",
    "read_data_panel",
    "read_query",
    "DataQuality",
    "QueryRow",
    "data_quality",
    "read_cuts",
    "read_queries",
    "rows_after",
    "NextPanel",
    "StatementPanel",
    "Step",
    "TakeOverRow",
    "gate_ledger",
    "gates_in_words",
    "may_read_ledger",
    "news_of",
    "open_take_over",
    "packet_content",
    "read_next",
    "read_statement",
    "read_take_overs",
    "studies_with_due_moments",
]
