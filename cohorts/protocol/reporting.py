"""The section of a protocol document on serious adverse events: whom they are reported to, and how
soon."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from cohorts.protocol.rules import Section
from cohorts.protocol.toxicity import Grade, Relation

Days = Annotated[int, Field(ge=1, le=365)]


class ToSponsorData(Section):
    """Hours from the site's awareness to its word to the sponsor."""

    hours: Annotated[int, Field(ge=1, le=24 * 14)]


class ExpectedData(Section):
    """Events of a category are expected up to a grade, by the reference safety information."""

    category: str
    to_grade: Grade


class SafetyReportingData(Section):
    """The clocks of serious adverse events. Without a number there is no such clock.

    `to_sponsor`: from awareness; with it, the sponsor is told of each. To the regulator, in
    calendar days of UTC: `severe_days` for what is fatal or life-threatening, `serious_days` for
    everything serious; each only where it is suspected (related at least as `suspected_from`) and
    not among the `expected`. What is not known yet counts as suspected, and as unexpected.
    """

    to_sponsor: ToSponsorData | None = None
    severe_days: Days | None = None
    serious_days: Days | None = None
    suspected_from: Relation = "POSSIBLE"
    expected: tuple[ExpectedData, ...] = ()
