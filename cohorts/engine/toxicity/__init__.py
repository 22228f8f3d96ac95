"""Adverse events as pure facts: the grade that findings make, the DLT criteria as predicates."""

from cohorts.engine.toxicity.criteria import (
    Answer,
    Criterion,
    Predicate,
    Reading,
    clock_of,
    read_criteria,
    read_criterion,
    unread,
)
from cohorts.engine.toxicity.facts import (
    DEATH,
    RELATIONS,
    EventFacts,
    Step,
    Stretch,
    ToxicityError,
)
from cohorts.engine.toxicity.grading import Computed, Feature, compute_grade

__all__ = [
    "DEATH",
    "RELATIONS",
    "Answer",
    "Computed",
    "Criterion",
    "EventFacts",
    "Feature",
    "Predicate",
    "Reading",
    "Step",
    "Stretch",
    "ToxicityError",
    "clock_of",
    "compute_grade",
    "read_criteria",
    "read_criterion",
    "unread",
]
