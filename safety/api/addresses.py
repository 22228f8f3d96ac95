"""Addresses of reads, files, and of a person's own inbox and wishes, under /api/v1/.

Reads stand in `reads`, `oversight` and `records`.
"""

from __future__ import annotations

from django.urls import path

from safety.api import oversight, records
from safety.api.endpoints import (
    AcknowledgeEndpoint,
    FeedEndpoint,
    InboxEndpoint,
    ReadEndpoint,
    StudiesEndpoint,
)
from safety.api.files import FILES, FileEndpoint, TakenFileEndpoint
from safety.api.own import PreferencesEndpoint
from safety.api.reads import READS

__all__ = ["ADDRESSES", "oversight", "records"]

ADDRESSES = [
    path("preferences/", PreferencesEndpoint.as_view(), name="preferences"),
    path("studies/", StudiesEndpoint.as_view(), name="studies"),
    path("inbox/", InboxEndpoint.as_view(), name="inbox"),
    path("inbox/<int:row>/acknowledge/", AcknowledgeEndpoint.as_view(), name="acknowledge"),
    path("studies/<slug:key>/feed/", FeedEndpoint.as_view(), name="feed"),
    *(
        path(read.address, ReadEndpoint.as_view(read=read), name=f"read_{read.query.__name__}")
        for read in READS
    ),
    *(
        path(
            file.address,
            (TakenFileEndpoint if file.is_written_down else FileEndpoint).as_view(file=file),
            name=f"file_{file.name}",
        )
        for file in FILES
    ),
]
