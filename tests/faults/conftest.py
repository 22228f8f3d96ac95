"""A post office for the tests of faults."""

from tests.faults.post import post_office

__all__ = ["post_office"]
