"""A protocol document as YAML text, for editing; what is left at its default is left out."""

from __future__ import annotations

import yaml

from cohorts.protocol.document import ProtocolDocument


def write_document(document: ProtocolDocument) -> str:
    """YAML that `read_document` reads back to an equal document. Comments are not kept."""
    data = document.model_dump(mode="json", by_alias=True, exclude_defaults=True)
    return yaml.safe_dump(data, sort_keys=False, allow_unicode=True, width=100)
