"""What each process measures of itself, for Prometheus: ntrust/metrics.py shows it.

Labels are routes and kinds of things, never a study, a person or a subject: whoever reads figures
need not be allowed to read a trial.
"""

from prometheus_client import CollectorRegistry, Histogram

_STEPS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)

MEASURED = CollectorRegistry()
REQUESTS = Histogram(
    "ntrust_request_seconds",
    "Seconds until a request was answered; a stream counts until its first word.",
    ["method", "route", "status"],
    buckets=_STEPS,
    registry=MEASURED,
)
CHANGES = Histogram(
    "ntrust_change_seconds",
    "Seconds a committed or refused change of a study took, waiting for the study's lock included.",
    buckets=_STEPS,
    registry=MEASURED,
)
RECOMMENDATIONS = Histogram(
    "ntrust_recommendation_seconds",
    "Seconds the rules took to answer at the end of a change.",
    buckets=_STEPS,
    registry=MEASURED,
)
