"""Compiles the filter language to classic BPF: the kernel hands over what is wanted, and errors about it."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from enum import Enum
from itertools import count
from typing import Final, NamedTuple

from rawshake.net.bpf import (
    ETHERTYPE,
    EVERYTHING,
    HARDWARE_TYPE,
    ICMP_ERRORS,
    IPV6_EXTENSIONS,
    KIND,
    Line,
    Op,
    Program,
    assemble,
)
from rawshake.net.packetsocket import ARPHRD_LOOPBACK
from rawshake.trace.expression import (
    All,
    And,
    Expression,
    Filter,
    Net,
    Not,
    Or,
    Ports,
    Side,
    Tcp,
    Version,
)

#: What the kernel takes (BPF_MAXINSNS, linux/bpf_common.h).
LONGEST: Final = 4096
#: IPv6 headers before TCP's that are stepped over; behind more of them anything may be.
DEEPEST: Final = 6
#: IPv6 headers with their length as the second octet, in eights beyond the first: hop-by-hop, routing, options.
_STEPPED_OVER: Final = (0, 43, 60)
_VLAN: Final = (0x8100, 0x88A8)
_IPV4, _IPV6 = 0x0800, 0x86DD

_PASS, _DROP = "pass", "drop"
#: Places of the scratch memory.
_TCP_AT, _NEXT = 0, 1


class Known(Enum):
    """What the program can know of a packet's ports when it comes to ask for them."""

    PORTS = "they stand where X points"
    NO_PORTS = "the packet ends before them"
    NOTHING = "neither ports nor whether it is TCP: a later fragment, or a header that is not stepped over"


class Compiled(NamedTuple):
    """``whole``: no packet of TCP passes that is not wanted, but fragments and what has a VLAN tag inside."""

    program: Program
    whole: bool


def compile_filter(wanted: Filter) -> Compiled:
    """The program for packet sockets of SOCK_DGRAM. It passes

    - TCP for which ``wanted.matches``; of later fragments, and where IPv6 headers stand before TCP's that it cannot
      step over, all those that might be of such TCP;
    - ICMP errors that quote TCP, whatever the filter: they may be about a wanted connection;
    - what begins with a VLAN tag, since its addresses stand elsewhere.

    On loopback, where each packet leaves and arrives, it passes what arrives. A filter too long for the kernel
    makes a program that passes all TCP.
    """
    for tree, whole in ((wanted.tree, True), (All(), False)):
        lines = list(_program(tree))
        for attempt in (lines, list(_stretched(lines))):
            try:
                program = assemble(attempt)
            except ValueError:  # a jump that is too far
                continue
            if len(program) <= LONGEST:
                return Compiled(program, whole)
    raise AssertionError("the program of no filter at all is too long")


def _program(tree: Expression) -> Iterator[Line]:
    labels = _Labels()
    yield Line(Op.LD_WORD, HARDWARE_TYPE)
    yield Line(Op.EQUAL, ARPHRD_LOOPBACK, no="arrived")
    yield Line(Op.LD_WORD, KIND)
    yield Line(Op.EQUAL, socket.PACKET_OUTGOING, yes=_DROP)
    yield _label("arrived")
    yield Line(Op.LD_WORD, ETHERTYPE)
    for tag in _VLAN:
        yield Line(Op.EQUAL, tag, yes=_PASS)
    yield Line(Op.EQUAL, _IPV6, yes="ipv6")
    yield Line(Op.EQUAL, _IPV4, no=_DROP)
    yield from _ipv4(tree, labels)
    yield _label("ipv6")
    yield from _ipv6(tree, labels)
    yield _label(_PASS)
    yield Line(Op.RETURN, EVERYTHING)
    yield _label(_DROP)
    yield Line(Op.RETURN, 0)


def _ipv4(tree: Expression, labels: _Labels) -> Iterator[Line]:
    yield Line(Op.LD_WORD, 16)  # a shorter one is no packet
    yield Line(Op.LD_BYTE, 0)
    yield Line(Op.AND, 0xF0)
    yield Line(Op.EQUAL, 0x40, no=_DROP)
    yield Line(Op.LDX_HEADER, 0)
    yield Line(Op.LD_BYTE, 9)
    yield Line(Op.EQUAL, socket.IPPROTO_ICMP, yes="icmp")
    yield Line(Op.EQUAL, socket.IPPROTO_TCP, no=_DROP)
    yield Line(Op.LD_HALF, 6)
    yield Line(Op.ANY_BIT, 0x1FFF, yes="later fragment")
    yield from _tcp(tree, 4, labels)
    yield _label("later fragment")
    yield from _wanted(tree, 4, Known.NOTHING, labels)
    yield _label("icmp")
    yield Line(Op.LD_HALF, 6)
    yield Line(Op.ANY_BIT, 0x1FFF, yes=_DROP)
    yield Line(Op.LD_BYTE_X, 0)
    for kind in ICMP_ERRORS:
        yield Line(Op.EQUAL, kind, yes="error")
    yield Line(Op.JUMP, yes=_DROP)
    yield _label("error")
    yield Line(Op.LD_BYTE_X, 8 + 9)
    yield Line(Op.EQUAL, socket.IPPROTO_TCP, yes=_PASS, no=_DROP)


def _ipv6(tree: Expression, labels: _Labels) -> Iterator[Line]:
    yield Line(Op.LD_WORD, 36)
    yield Line(Op.LD_BYTE, 0)
    yield Line(Op.AND, 0xF0)
    yield Line(Op.EQUAL, 0x60, no=_DROP)
    yield Line(Op.LDX, 40)
    yield Line(Op.LD_BYTE, 6)
    for depth in range(DEEPEST):
        step = f"step {depth}"
        yield Line(Op.EQUAL, socket.IPPROTO_TCP, yes="tcp6")
        yield Line(Op.EQUAL, socket.IPPROTO_ICMPV6, yes="icmp6")
        for header in _STEPPED_OVER:
            yield Line(Op.EQUAL, header, yes=step)
        for header in IPV6_EXTENSIONS:
            if header not in _STEPPED_OVER:
                yield Line(Op.EQUAL, header, yes="beyond")
        yield Line(Op.JUMP, yes=_DROP)
        yield _label(step)
        yield Line(Op.LD_BYTE_X, 0)
        yield Line(Op.STORE, _NEXT)
        yield Line(Op.LD_BYTE_X, 1)
        yield Line(Op.SHIFT_LEFT, 3)
        yield Line(Op.ADD, 8)
        yield Line(Op.ADD_X)
        yield Line(Op.TAX)
        yield Line(Op.LD_STORED, _NEXT)
    yield _label("beyond")
    yield from _wanted(tree, 6, Known.NOTHING, labels)
    yield _label("tcp6")
    yield from _tcp(tree, 6, labels)
    yield _label("icmp6")
    yield Line(Op.LD_BYTE_X, 0)
    yield Line(Op.AT_LEAST, 128, yes=_DROP)
    yield Line(Op.LD_BYTE_X, 8 + 6)
    yield Line(Op.EQUAL, socket.IPPROTO_TCP, yes=_PASS)
    for header in IPV6_EXTENSIONS:
        yield Line(Op.EQUAL, header, yes=_PASS)
    yield Line(Op.JUMP, yes=_DROP)


def _tcp(tree: Expression, version: int, labels: _Labels) -> Iterator[Line]:
    """X points to TCP's header."""
    cut = labels.new()
    yield Line(Op.STORE_X, _TCP_AT)
    yield Line(Op.TXA)
    yield Line(Op.ADD, 4)
    yield Line(Op.LDX_LENGTH)
    yield Line(Op.MORE_THAN_X, yes=cut)
    yield Line(Op.LDX_STORED, _TCP_AT)
    yield from _wanted(tree, version, Known.PORTS, labels)
    yield _label(cut)
    yield from _wanted(tree, version, Known.NO_PORTS, labels)


def _wanted(tree: Expression, version: int, known: Known, labels: _Labels) -> Iterator[Line]:
    yield from _Branch(version, known, labels).test(tree, _PASS, _DROP, positive=True)


class _Labels:
    """Names that no other line has."""

    def __init__(self) -> None:
        self._numbers = count()

    def new(self) -> str:
        return f"label {next(self._numbers)}"


class _Branch:
    """Writes tests of a tree for packets of one IP version, of which that much is known."""

    def __init__(self, version: int, known: Known, labels: _Labels) -> None:
        self._version = version
        self._known = known
        self._labels = labels

    def test(self, tree: Expression, yes: str, no: str, *, positive: bool) -> Iterator[Line]:
        """Jump to ``yes`` if the tree holds (does not, where ``positive`` is False) or may, else to ``no``."""
        match tree:
            case Not(inner):
                yield from self.test(inner, yes, no, positive=not positive)
            case And(left, right) | Or(left, right):
                # not (a and b) is not a or not b
                both = isinstance(tree, And) is positive
                then = self._labels.new()
                first = (then, no) if both else (yes, then)
                yield from self.test(left, *first, positive=positive)
                yield _label(then)
                yield from self.test(right, yes, no, positive=positive)
            case Net():
                yield from self._net(tree, *((yes, no) if positive else (no, yes)))
            case Ports() if self._known is Known.PORTS:
                yield from self._ports(tree, *((yes, no) if positive else (no, yes)))
            case _:
                holds = self._constant(tree)
                yield Line(Op.JUMP, yes=yes if holds is None or holds is positive else no)

    def _constant(self, leaf: Expression) -> bool | None:
        """Whether it holds for every packet that comes here; None where it cannot be told."""
        match leaf:
            case Version(version):
                return version == self._version
            case Tcp():
                return None if self._known is Known.NOTHING else True
            case Ports():
                return None if self._known is Known.NOTHING else False
            case All():
                return True
        raise TypeError(f"{leaf!r} is no part of a filter")

    def _net(self, net: Net, yes: str, no: str) -> Iterator[Line]:
        """IPv4 has its addresses at 12 and 16 (RFC 791 3.1), IPv6 at 8 and 24 (RFC 8200 3)."""
        if net.network.version != self._version:
            yield Line(Op.JUMP, yes=no)
            return
        src, dst = (12, 16) if self._version == 4 else (8, 24)
        other = self._labels.new()
        if net.side is not Side.DST:
            yield from self._prefix(net, src, yes, other if net.side is Side.EITHER else no)
        yield _label(other)
        if net.side is not Side.SRC:
            yield from self._prefix(net, dst, yes, no)

    @staticmethod
    def _prefix(net: Net, at: int, yes: str, no: str) -> Iterator[Line]:
        wanted, left = net.network.network_address.packed, net.network.prefixlen
        for word in range(0, len(wanted), 4):
            if left <= 0:
                break
            yield Line(Op.LD_WORD, at + word)
            if left < 32:
                yield Line(Op.AND, 0xFFFFFFFF << (32 - left) & 0xFFFFFFFF)
            yield Line(Op.EQUAL, int.from_bytes(wanted[word : word + 4], "big"), no=no)
            left -= 32
        yield Line(Op.JUMP, yes=yes)

    def _ports(self, ports: Ports, yes: str, no: str) -> Iterator[Line]:
        other = self._labels.new()
        if ports.side is not Side.DST:
            yield from self._between(ports, 0, yes, other if ports.side is Side.EITHER else no)
        yield _label(other)
        if ports.side is not Side.SRC:
            yield from self._between(ports, 2, yes, no)

    @staticmethod
    def _between(ports: Ports, at: int, yes: str, no: str) -> Iterator[Line]:
        yield Line(Op.LD_HALF_X, at)
        yield Line(Op.AT_LEAST, ports.low, no=no)
        yield Line(Op.AT_LEAST, ports.high + 1, yes=no, no=yes)


def _stretched(lines: list[Line]) -> Iterator[Line]:
    """The same with jumps that may be far: only those without a condition may be."""
    for at, line in enumerate(lines):
        if line.op is None or line.op is Op.JUMP or not (line.yes or line.no):
            yield line
            continue
        no, after = f"far no {at}", f"far after {at}"
        yield Line(line.op, line.k, no=no)
        yield Line(Op.JUMP, yes=line.yes or after)
        yield _label(no)
        yield Line(Op.JUMP, yes=line.no or after)
        yield _label(after)


def _label(name: str) -> Line:
    return Line(None, yes=name)
