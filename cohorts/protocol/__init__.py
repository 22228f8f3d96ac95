"""The protocol as data: the schema of a document, how one is read, how two are compared."""

from cohorts.protocol.comparing import (
    ABSENT,
    FieldChange,
    FieldValue,
    compare_documents,
    illustrative_paths,
    read_fields,
)
from cohorts.protocol.conduct import BoundaryData, Part2Data, PlanData, Question
from cohorts.protocol.document import ProtocolDocument
from cohorts.protocol.reading import read_document, read_file, validate_document
from cohorts.protocol.reminding import RemindersData
from cohorts.protocol.reporting import SafetyReportingData
from cohorts.protocol.rules import WindowData
from cohorts.protocol.toxicity import (
    AdverseEventsData,
    DltCriterionData,
    FeatureData,
    GradingSystemData,
    PredicateData,
)
from cohorts.protocol.writing import write_document

__all__ = [
    "ABSENT",
    "AdverseEventsData",
    "DltCriterionData",
    "FeatureData",
    "GradingSystemData",
    "PredicateData",
    "BoundaryData",
    "FieldChange",
    "FieldValue",
    "Part2Data",
    "PlanData",
    "ProtocolDocument",
    "Question",
    "RemindersData",
    "SafetyReportingData",
    "WindowData",
    "compare_documents",
    "illustrative_paths",
    "read_document",
    "read_fields",
    "read_file",
    "validate_document",
    "write_document",
]
