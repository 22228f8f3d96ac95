"""How often one address may ask for what needs no log-in; kept where the log-ins' limit is kept."""

from __future__ import annotations

import ipaddress
from datetime import datetime
from typing import Final

from allauth.account.adapter import get_adapter
from django.core.cache import cache
from django.http import HttpRequest

_IPV6_OF_ONE: Final = 64
_WINDOW_SECONDS: Final = 60


def is_too_often(request: HttpRequest, *, door: str, most: int, now: datetime) -> bool:
    """Count this request; whether its address has asked more than `most` times in this minute.

    Of several at the same instant one may be missed: it is a brake, not a lock.
    """
    minute = int(now.timestamp()) // _WINDOW_SECONDS
    key = f"limit/{door}/{_address(request)}/{minute}"
    cache.add(key, 0, timeout=2 * _WINDOW_SECONDS)
    try:
        return cache.incr(key) > most
    except ValueError:  # given up by the cache between the two
        return False


def _address(request: HttpRequest) -> str:
    """Who asks, as the log-ins' limit sees it; of IPv6 the part that one subscriber has."""
    said = str(get_adapter().get_client_ip(request))
    try:
        address = ipaddress.ip_address(said)
    except ValueError:
        return "unknown"
    if address.version == 6:
        return str(ipaddress.ip_network((address, _IPV6_OF_ONE), strict=False).network_address)
    return str(address)
