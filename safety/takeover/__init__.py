"""Taking over a running trial: what a spreadsheet of it says, checked, and what would follow.

Nothing here writes. `dry_run` answers every fault with sheet, row and column; without faults it
answers what would be created and what the rules would say of it.
"""

from safety.takeover.cells import Book, Fault, Line, Row, book_as_dict, book_from_dict
from safety.takeover.columns import SHEETS, Column, Kind
from safety.takeover.dry_run import DryRun, dry_run
from safety.takeover.people import Person

__all__ = [
    "SHEETS",
    "Book",
    "Column",
    "DryRun",
    "Fault",
    "Kind",
    "Line",
    "Person",
    "Row",
    "book_as_dict",
    "book_from_dict",
    "dry_run",
]
