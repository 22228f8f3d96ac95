"""The protocol as data: the schema of a document, and how one is read."""

from cohorts.protocol.document import ProtocolDocument
from cohorts.protocol.reading import read_document, validate_document
from cohorts.protocol.rules import WindowData

__all__ = ["ProtocolDocument", "WindowData", "read_document", "validate_document"]
