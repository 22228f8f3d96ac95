"""A document as bytes that are kept, and back."""

from __future__ import annotations

import json

from ntrust.signing import canonical
from safety.reports.document import Document, document_from


def page_bytes(document: Document) -> bytes:
    """Canonical JSON: the same document, the same bytes."""
    return canonical(document.as_data()).encode()


def document_of(content: bytes) -> Document:
    """The document that was kept."""
    return document_from(json.loads(content))
