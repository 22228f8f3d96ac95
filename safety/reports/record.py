"""A packet as plain data: as it was sealed, with its hash and the signatures."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from safety.queries.packet_pages import PacketPage


def make_record(page: PacketPage) -> dict[str, Any]:
    """`content` has the hash `content_hash` in canonical JSON, by SHA-256."""
    return {
        "study": page.study.protocol_number or page.study.key,
        "review": page.review,
        "content": page.sealed,
        "content_hash": page.page.packet_hash,
        "record": [{"what": what, "which": which} for what, which in page.record],
        "signatures": [asdict(one) for one in page.signatures],
    }
