"""ICMP errors about TCP segments: what they quote and what their types and codes are called."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from rawshake.tcp.seq import Seq

#: ICMP's types of error (RFC 792). A redirect (5) is none: what it quotes was forwarded all the same.
V4_TYPES: Final = {
    3: "destination unreachable",
    4: "source quench",
    11: "time exceeded",
    12: "parameter problem",
}
_V4_NAMES: Final = {
    (3, 0): "network unreachable",
    (3, 1): "host unreachable",
    (3, 2): "protocol unreachable",
    (3, 3): "port unreachable",
    (3, 4): "fragmentation needed",
    (3, 5): "source route failed",
    (3, 6): "network unknown",
    (3, 7): "host unknown",
    (3, 8): "source host isolated",
    (3, 9): "network administratively prohibited",
    (3, 10): "host administratively prohibited",
    (3, 11): "network unreachable for this type of service",
    (3, 12): "host unreachable for this type of service",
    (3, 13): "communication administratively prohibited",
    (3, 14): "host precedence violation",
    (3, 15): "precedence cut-off in effect",
    (4, 0): "source quench",
    (11, 0): "time to live exceeded",
    (11, 1): "fragment reassembly time exceeded",
    (12, 0): "parameter problem",
    (12, 1): "required option missing",
    (12, 2): "bad length",
}
#: ICMPv6's types of error (RFC 4443 section 2.1).
V6_TYPES: Final = {
    1: "destination unreachable",
    2: "packet too big",
    3: "time exceeded",
    4: "parameter problem",
}
_V6_NAMES: Final = {
    (1, 0): "no route to destination",
    (1, 1): "communication administratively prohibited",
    (1, 2): "beyond scope of source address",
    (1, 3): "address unreachable",
    (1, 4): "port unreachable",
    (1, 5): "source address failed policy",
    (1, 6): "route to destination rejected",
    (1, 7): "error in source routing header",
    (2, 0): "packet too big",
    (3, 0): "hop limit exceeded",
    (3, 1): "fragment reassembly time exceeded",
    (4, 0): "erroneous header field",
    (4, 1): "unrecognized next header",
    (4, 2): "unrecognized IPv6 option",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class IcmpError:
    """An ICMP error that quotes a TCP segment (RFC 792, RFC 4443).

    ``src`` sent it to ``dst``; the ``quoted_`` fields are those of the segment that it is about, and
    ``quoted_seq`` is None where too little was quoted. ``mtu`` is the next hop's, in octets, where told.
    """

    src: str
    dst: str
    type: int
    code: int
    v6: bool
    mtu: int | None = None
    quoted_src: str
    quoted_dst: str
    quoted_sport: int
    quoted_dport: int
    quoted_seq: Seq | None = None

    @property
    def description(self) -> str:
        """A few words for type and code: "host unreachable"."""
        names, general = (_V6_NAMES, V6_TYPES) if self.v6 else (_V4_NAMES, V4_TYPES)
        return names.get((self.type, self.code)) or f"{general[self.type]}, code {self.code}"
