"""A study's data as standard datasets, SDTM-like, from the rows of any revision.

Pseudonymous: subjects by number, ages in whole years, no names. Terms are not coded (no MedDRA), so
there is no AEDECOD. `read_source` (safety.queries.data_sources) reads, `build_datasets` arranges,
`files` writes CSV, XLSX and CDISC Dataset-JSON 1.1.
"""

from safety.datasets.design import trial_design
from safety.datasets.events import adverse_events
from safety.datasets.findings import measurements
from safety.datasets.outcomes import dlt_analysis, seats_and_outcomes
from safety.datasets.shape import Dataset, Variable
from safety.datasets.source import Source
from safety.datasets.subjects import demographics, disposition, unmet_criteria
from safety.datasets.treatment import exposure, medications

__all__ = ["Dataset", "Source", "Variable", "build_datasets"]


def build_datasets(source: Source) -> tuple[Dataset, ...]:
    """All of them: subjects, treatment, events, findings, outcomes, then the trial's design."""
    return (
        demographics(source),
        disposition(source),
        unmet_criteria(source),
        exposure(source),
        medications(source),
        *adverse_events(source),
        measurements(source),
        seats_and_outcomes(source),
        dlt_analysis(source),
        *trial_design(source),
    )
