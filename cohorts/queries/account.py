"""The whole stored recommendation as plain data: for packets and sealed decisions."""

from __future__ import annotations

from typing import Any

from cohorts.models import ACCOUNT, Recommendation


def advice_content(row: Recommendation) -> dict[str, Any]:
    """Everything the rules said at that moment, as JSON can hold it: subject numbers, no names.

    The account of the engine under its own names (`cohorts.engine.account`), the `rows` it was
    worked out from, the options of the design, and which versions said it. The basis is not
    repeated: whoever seals this seals the basis beside it.
    """
    return {
        **{name: getattr(row, name) for name in ACCOUNT},
        "outcome": row.outcome or None,
        "rows": row.rows,
        "options": row.basis["design"],
        "suspended_by": row.suspended_by,
        "protocol_version": row.protocol_version.version,
        "engine_version": row.engine_version,
        "basis_hash": row.basis_hash,
        "revision": row.revision,
        "computed_at": row.computed_at.isoformat(),
    }
