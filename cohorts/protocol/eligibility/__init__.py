"""The eligibility section of a protocol document: what is asked for, and every criterion with its
check.

Bounds are those of the protocol's text; plausible ranges and how long a result may be read are
`illustrative` where they are not public.
"""

from cohorts.protocol.eligibility.checks import CheckData, CriterionData, PeriodData
from cohorts.protocol.eligibility.entries import FieldData
from cohorts.protocol.eligibility.section import EligibilityData

__all__ = ["CheckData", "CriterionData", "EligibilityData", "FieldData", "PeriodData"]
