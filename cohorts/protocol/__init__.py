"""The protocol as data: the schema of a document, how one is read, how two are compared."""

from cohorts.protocol.comparing import (
    ABSENT,
    FieldChange,
    FieldValue,
    compare_documents,
    illustrative_paths,
    read_fields,
)
from cohorts.protocol.conduct import Question
from cohorts.protocol.document import ProtocolDocument
from cohorts.protocol.reading import read_document, read_file, validate_document
from cohorts.protocol.rules import WindowData
from cohorts.protocol.writing import write_document

__all__ = [
    "ABSENT",
    "FieldChange",
    "FieldValue",
    "ProtocolDocument",
    "Question",
    "WindowData",
    "compare_documents",
    "illustrative_paths",
    "read_document",
    "read_fields",
    "read_file",
    "validate_document",
    "write_document",
]
