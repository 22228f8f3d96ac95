"""Tests of requirements sign with a cheap password hasher."""

from tests.factories import _cheap_passwords

__all__ = ["_cheap_passwords"]
