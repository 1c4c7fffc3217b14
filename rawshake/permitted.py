"""Which hosts may be sent much, or what is broken on purpose, without a word from whoever answers for them."""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Final

from rawshake.errors import Exit, Failure

#: What the user says to answer for a host outside of NETWORKS.
PERMISSION: Final = "--i-am-allowed-to-test-this-host"

#: Networks that belong to whoever sits in them, and those that no one owns; each with its source. The lab's
#: addresses are among the last.
NETWORKS: Final = {
    ip_network(written): source
    for written, source in {
        "127.0.0.0/8": "loopback: RFC 1122 3.2.1.3",
        "::1/128": "loopback: RFC 4291 2.5.3",
        "10.0.0.0/8": "private: RFC 1918",
        "172.16.0.0/12": "private: RFC 1918",
        "192.168.0.0/16": "private: RFC 1918",
        "fc00::/7": "unique local: RFC 4193",
        "169.254.0.0/16": "link-local: RFC 3927",
        "fe80::/10": "link-local: RFC 4291 2.5.6",
        "100.64.0.0/10": "shared, behind a carrier's NAT: RFC 6598",
        "192.0.2.0/24": "documentation: RFC 5737",
        "198.51.100.0/24": "documentation: RFC 5737",
        "203.0.113.0/24": "documentation: RFC 5737",
        "2001:db8::/32": "documentation: RFC 3849",
        "3fff::/20": "documentation: RFC 9637",
    }.items()
}


def is_permitted(address: str) -> bool:
    """Whether an address, with or without a zone, lies in one of NETWORKS.

    An IPv4-mapped address is the IPv4 host that it names. Other addresses with one of IPv4 inside (NAT64's
    64:ff9b::/96, 6to4, Teredo) lead to a gateway, and whose 10.0.0.1 lies behind that only the gateway knows:
    they are not permitted, whatever is inside.
    """
    found: IPv4Address | IPv6Address = ip_address(address.partition("%")[0])
    if isinstance(found, IPv6Address) and found.ipv4_mapped is not None:
        found = found.ipv4_mapped
    return any(found in network for network in NETWORKS)


def require_permitted(host: str, addresses: Iterable[str], asking: str, *, allowed: bool) -> None:
    """Refuse what ``asking`` names, an option or a command, unless all addresses of ``host`` are permitted.

    ``allowed`` is what PERMISSION came to. ``addresses`` are all that the name resolves to, not only the one
    that would be taken. Raises ``Failure`` with NOT_PERMITTED.
    """
    if allowed:
        return
    for address in addresses:
        if not is_permitted(address):
            named = address if host == address else f"{host} ({address})"
            raise Failure(
                Exit.NOT_PERMITTED,
                f"{named} is in no private or test network, and {asking} is for hosts that you answer for.",
                f"If you may test this host, say so: {PERMISSION}.",
            )
