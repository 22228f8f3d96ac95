"""What is never tried again."""

from __future__ import annotations


class Undeliverable(Exception):  # noqa: N818 - the other side's answer
    """It will never arrive: no use in trying again."""
