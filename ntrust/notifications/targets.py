"""Where the service may send anything by itself: to public addresses, and nowhere inside.

An address is looked up and every answer is checked, when it is entered and each time something is
sent; what is connected to is the address that was checked, so a name that answers differently a
moment later leads nowhere else.
"""

from __future__ import annotations

import ipaddress
import socket
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from django.conf import settings

from ntrust.errors import Refused

_LONGEST: Final = 500
_NAT64: Final = ipaddress.ip_network("64:ff9b::/96")
_SITE_LOCAL: Final = ipaddress.ip_network("fec0::/10")
Address = ipaddress.IPv4Address | ipaddress.IPv6Address


@dataclass(frozen=True)
class Target:
    """An address of another system, taken apart; `ip` is the address that was checked."""

    host: str
    port: int
    path: str
    is_tls: bool
    ip: str


def check_target(url: str) -> Target:
    """Take a web address apart and look it up. Refuses (`bad_target`) what is no plain https
    address, and (`private_target`) what leads to a private, loopback or link-local address."""
    bad = Refused("bad_target", "Write it as https://name/path, without a user name in it.")
    try:
        parts = urlsplit(url)
        port, host = parts.port, parts.hostname
    except ValueError as error:
        raise bad from error
    is_plain = url.isascii() and url.isprintable() and not any(c in url for c in " \\#")
    if not host or not is_plain or "@" in parts.netloc or port == 0 or len(url) > _LONGEST:
        raise bad
    is_tls = parts.scheme == "https"
    found = look_up(host, port or (443 if is_tls else 80))
    if not is_tls and not (parts.scheme == "http" and found.is_loopback):
        raise bad
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return Target(host, port or (443 if is_tls else 80), path, is_tls, str(found))


def look_up(host: str, port: int) -> Address:
    """The address to connect to. Refuses (`bad_target`) a name that has none, and
    (`private_target`) one of whose addresses any is not public."""
    try:
        answers = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise Refused("bad_target", f"There is no address for {host}.") from error
    addresses = [ipaddress.ip_address(str(answer[4][0])) for answer in answers]
    if not addresses or not all(_may_be_reached(one) for one in addresses):
        raise Refused(
            "private_target",
            f"{host} leads to an address that is not public: nothing is sent there.",
        )
    return addresses[0]


def _may_be_reached(address: Address) -> bool:
    inner = _inner(address)
    if settings.NTRUST_LOOPBACK_TARGETS and address.is_loopback:
        return True
    return all(one.is_global and not one.is_multicast for one in (address, *inner)) and not (
        address.version == 6 and address in _SITE_LOCAL
    )


def _inner(address: Address) -> tuple[Address, ...]:
    """The IPv4 addresses that an IPv6 address stands for."""
    if not isinstance(address, ipaddress.IPv6Address):
        return ()
    found: list[Address] = []
    if address.ipv4_mapped:
        found.append(address.ipv4_mapped)
    if address.sixtofour:
        found.append(address.sixtofour)
    if address.teredo:
        found += address.teredo
    if address in _NAT64:
        found.append(ipaddress.IPv4Address(int(address) & 0xFFFFFFFF))
    return tuple(found)
