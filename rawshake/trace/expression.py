"""The filter language: which packets are wanted, as pcap-filter(7) says it for hosts, ports and nets."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Final, Protocol

from rawshake.errors import Exit, Failure

_TOKEN: Final = re.compile(r"\s*([()!]|&&|\|\||[^\s()!&|]+)")
_TCP: Final = 6
#: IPv6 headers that may stand before TCP's; a fragment that is not the first has no ports.
_EXTENSIONS: Final = frozenset({0, 43, 60})
#: Nesting deeper than any filter that means something.
_DEEPEST: Final = 100
_WORDS: Final = "host, port, portrange, net, src, dst, tcp, ip, ip6, and, or, not"


class Side(Enum):
    """Which end of a packet is meant."""

    EITHER = ""
    SRC = "src"
    DST = "dst"


@dataclass(frozen=True, slots=True)
class Packet:
    """What a filter looks at: both addresses as octets, both ports if it is TCP and has them."""

    src: bytes
    dst: bytes
    protocol: int
    ports: tuple[int, int] | None


class Expression(Protocol):
    """A filter, or a part of one."""

    def holds(self, packet: Packet) -> bool:
        """Whether the packet is wanted."""
        ...


@dataclass(frozen=True, slots=True)
class All:
    """Every packet."""

    def holds(self, packet: Packet) -> bool:
        return True


@dataclass(frozen=True, slots=True)
class Net:
    """An address, or all that begin alike."""

    network: IPv4Network | IPv6Network
    side: Side = Side.EITHER

    def holds(self, packet: Packet) -> bool:
        if len(packet.src) * 8 != self.network.max_prefixlen:
            return False
        return (self.side is not Side.DST and self._has(packet.src)) or (
            self.side is not Side.SRC and self._has(packet.dst)
        )

    def _has(self, address: bytes) -> bool:
        shift = self.network.max_prefixlen - self.network.prefixlen
        return int.from_bytes(address, "big") >> shift == int(self.network.network_address) >> shift


@dataclass(frozen=True, slots=True)
class Ports:
    """Ports of TCP from ``low`` to ``high``."""

    low: int
    high: int
    side: Side = Side.EITHER

    def holds(self, packet: Packet) -> bool:
        if packet.ports is None:
            return False
        src, dst = packet.ports
        return (self.side is not Side.DST and self.low <= src <= self.high) or (
            self.side is not Side.SRC and self.low <= dst <= self.high
        )


@dataclass(frozen=True, slots=True)
class Version:
    """Packets of IP version 4 or 6."""

    version: int

    def holds(self, packet: Packet) -> bool:
        return len(packet.src) == (4 if self.version == 4 else 16)


@dataclass(frozen=True, slots=True)
class Tcp:
    """Packets that carry TCP."""

    def holds(self, packet: Packet) -> bool:
        return packet.protocol == _TCP


@dataclass(frozen=True, slots=True)
class Not:
    """What the other does not want."""

    inner: Expression

    def holds(self, packet: Packet) -> bool:
        return not self.inner.holds(packet)


@dataclass(frozen=True, slots=True)
class And:
    """What both want."""

    left: Expression
    right: Expression

    def holds(self, packet: Packet) -> bool:
        return self.left.holds(packet) and self.right.holds(packet)


@dataclass(frozen=True, slots=True)
class Or:
    """What either wants."""

    left: Expression
    right: Expression

    def holds(self, packet: Packet) -> bool:
        return self.left.holds(packet) or self.right.holds(packet)


@dataclass(frozen=True, slots=True)
class Filter:
    """A whole filter: its text and its meaning."""

    text: str
    tree: Expression

    def matches(self, packet: bytes) -> bool:
        """Whether the IP packet is wanted; one that cannot be read is not."""
        seen = look(packet)
        return seen is not None and self.tree.holds(seen)


def look(packet: bytes) -> Packet | None:
    """What a filter sees of an IP packet; None where it is none, or cut too short."""
    if len(packet) >= 20 and packet[0] >> 4 == 4:
        at, protocol = (packet[0] & 15) * 4, packet[9]
        later = bool(int.from_bytes(packet[6:8], "big") & 0x1FFF)
        src, dst = packet[12:16], packet[16:20]
    elif len(packet) >= 40 and packet[0] >> 4 == 6:
        at, protocol, later = 40, packet[6], False
        while protocol in _EXTENSIONS and at + 2 <= len(packet):
            protocol, at = packet[at], at + 8 + packet[at + 1] * 8
        src, dst = packet[8:24], packet[24:40]
    else:
        return None
    ports = None
    if protocol == _TCP and not later and len(packet) >= at + 4:
        ports = int.from_bytes(packet[at : at + 2], "big"), int.from_bytes(packet[at + 2 : at + 4], "big")
    return Packet(src, dst, protocol, ports)


def parse(text: str) -> Filter:
    """Read a filter; an empty one wants everything. Raises ``Failure`` with USAGE and the word that is wrong."""
    reader = _Reader(text)
    tree = reader.either(0) if reader.tokens else All()
    if reader.tokens:
        raise _wrong(text, f"nothing is expected before {reader.tokens[0]!r}")
    return Filter(text, tree)


def _wrong(text: str, problem: str) -> Failure:
    return Failure(Exit.USAGE, f"The filter '{text}' cannot be read: {problem}.", f"It may have: {_WORDS}.")


class _Reader:
    """Takes a filter's words one by one; ``or`` binds less than ``and``."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.tokens = _TOKEN.findall(text)
        if "".join(self.tokens) != "".join(text.split()):
            raise _wrong(text, "it has a lone & or |")

    def either(self, depth: int) -> Expression:
        tree = self._both(depth)
        while self._next() in ("or", "||"):
            self.tokens.pop(0)
            tree = Or(tree, self._both(depth))
        return tree

    def _both(self, depth: int) -> Expression:
        tree = self._one(depth)
        while self._next() in ("and", "&&"):
            self.tokens.pop(0)
            tree = And(tree, self._one(depth))
        return tree

    def _one(self, depth: int) -> Expression:
        if depth > _DEEPEST:
            raise _wrong(self.text, "it is nested too deeply")
        word = self._take("a host, a port or a net")
        if word in ("not", "!"):
            return Not(self._one(depth + 1))
        if word == "(":
            inner = self.either(depth + 1)
            if self._take("')'") != ")":
                raise _wrong(self.text, "a ')' is missing")
            return inner
        return self._primitive(word)

    def _primitive(self, word: str) -> Expression:
        if word == "tcp":
            # "tcp port 80" is what everybody types.
            if self._next() in ("port", "portrange", "src", "dst"):
                return And(Tcp(), self._primitive(self.tokens.pop(0)))
            return Tcp()
        if word in ("ip", "ip6"):
            return Version(4 if word == "ip" else 6)
        side = Side.EITHER
        if word in ("src", "dst"):
            side = Side(word)
            word = self._take("host, port or net")
        if word in ("host", "net"):
            return Net(self._network(self._take("an address"), host=word == "host"), side)
        if word in ("port", "portrange"):
            return self._ports(self._take("a number"), side, several=word == "portrange")
        if side is not Side.EITHER:
            return Net(self._network(word, host=True), side)
        raise _wrong(self.text, f"{word!r} is not known")

    def _network(self, word: str, *, host: bool) -> IPv4Network | IPv6Network:
        try:
            found = ip_network(word, strict=False)
        except ValueError:
            raise _wrong(self.text, f"{word!r} is not an address{'' if host else ' or a net'}") from None
        if host and found.prefixlen != found.max_prefixlen:
            raise _wrong(self.text, f"{word!r} is a net, not a host")
        return found

    def _ports(self, word: str, side: Side, *, several: bool) -> Ports:
        low, dash, high = word.partition("-")
        numbers = [low, high] if several and dash else [word]
        if not all(number.isascii() and number.isdecimal() and int(number) < 65536 for number in numbers):
            raise _wrong(self.text, f"{word!r} is not a port{' range' if several else ''}")
        return Ports(int(numbers[0]), int(numbers[-1]), side)

    def _next(self) -> str:
        return self.tokens[0] if self.tokens else ""

    def _take(self, wanted: str) -> str:
        if not self.tokens:
            raise _wrong(self.text, f"it ends where {wanted} is expected")
        word: str = self.tokens.pop(0)
        return word
