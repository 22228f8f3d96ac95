"""The section of a protocol document that says how long ahead people are reminded."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from cohorts.protocol.rules import Section

Ahead = Annotated[int, Field(ge=0, le=366)] | None
After = Annotated[int, Field(ge=1, le=366)] | None
Hours = Annotated[int, Field(ge=1, le=24 * 14)] | None


class RemindersData(Section):
    """What people are reminded of, and how long ahead or after. Without a number: not.

    Those in days come at `hour` of the day at the site (product lots, and decisions: UTC). Ahead:
    a reservation expires (`slot_expiring_hours`), a DLT window closes (`window_closing_days`), an
    infusion is planned (`infusion_due_days`), a product lot expires (`lot_expiring_days`), a
    provisional DLT counts (`dlt_clock_hours`), the site's answer about an infusion in flight
    (`in_flight_hours`) or the medical monitor's about a call (`call_hours`) is due. After: a window
    without its statement (`statement_overdue_days`), a planned day without an entry
    (`infusion_overdue_days`), a decision without its signatures (`decision_unsigned_days`).
    Of serious adverse events: the site's word whether an event is serious (`sae_word_hours` before
    it is due), the sponsor's report to the regulator (`sae_report_days`, at the hour in UTC).
    `stagger_cleared`: who waited for the stagger alone is told when it has cleared.
    """

    hour: Annotated[int, Field(ge=0, le=23)] = 7
    slot_expiring_hours: Hours = None
    window_closing_days: Ahead = None
    statement_overdue_days: After = None
    infusion_due_days: Ahead = None
    infusion_overdue_days: After = None
    lot_expiring_days: Ahead = None
    dlt_clock_hours: Hours = None
    in_flight_hours: Hours = None
    call_hours: Hours = None
    decision_unsigned_days: After = None
    sae_word_hours: Hours = None
    sae_report_days: Ahead = None
    stagger_cleared: bool = False
