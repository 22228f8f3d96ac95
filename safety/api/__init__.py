"""What is, for other systems: each query of a page at the page's own address under /api/v1/."""

from safety.api.addresses import ADDRESSES

__all__ = ["ADDRESSES"]
