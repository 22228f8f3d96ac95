"""Tables of safety: adverse events, DLT reports, window statements, reviews and packets."""

from safety.models.candidates import DltCandidate, EventWord
from safety.models.data_quality import DataCut, DataQuery, DataQueryEntry, Verification
from safety.models.events import Adjudication, AdverseEvent, DltReport, EventGrade
from safety.models.inbox import InboxAlert, InboxResult
from safety.models.packet_files import PacketFile
from safety.models.reports import Superseding
from safety.models.reviews import Attendance, Packet, Review
from safety.models.saved_views import SavedView
from safety.models.statements import WindowStatement
from safety.models.take_overs import TakeOver

__all__ = [
    "Adjudication",
    "AdverseEvent",
    "Attendance",
    "DltCandidate",
    "DataCut",
    "DataQuery",
    "DataQueryEntry",
    "DltReport",
    "EventGrade",
    "EventWord",
    "InboxAlert",
    "InboxResult",
    "Packet",
    "PacketFile",
    "Review",
    "SavedView",
    "Superseding",
    "TakeOver",
    "Verification",
    "WindowStatement",
]
