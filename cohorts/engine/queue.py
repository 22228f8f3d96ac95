"""Who is next for a seat: the order of the open requests, by the protocol's own rule.

Standard library only; the times and counts come from outside.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import NamedTuple


class Request(NamedTuple):
    """An open request for a seat; `key` breaks ties of requests made at one moment."""

    key: int
    site: int
    requested_at: datetime


def first_come(requests: Iterable[Request]) -> list[Request]:
    """By time of request."""
    return sorted(requests, key=_age)


def round_robin(requests: Iterable[Request], seats: Mapping[int, int]) -> list[Request]:
    """The site with the fewest seats first; between equals, the request made first.

    `seats`: how many seats each site has now. Each place given counts as a seat for the places
    after it, so that the order is the one in which seats would be given out from now on.
    """
    waiting = first_come(requests)
    held = {request.site: seats.get(request.site, 0) for request in waiting}
    order = []
    while waiting:
        chosen = min(waiting, key=lambda request: (held[request.site], _age(request)))
        waiting.remove(chosen)
        held[chosen.site] += 1
        order.append(chosen)
    return order


def _age(request: Request) -> tuple[datetime, int]:
    return (request.requested_at, request.key)
