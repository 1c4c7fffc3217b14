"""Classic BPF: a small assembler, and the programs that decide in the kernel which packets we see."""

from __future__ import annotations

import ctypes
import ipaddress
import socket
import struct
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from enum import IntEnum
from typing import Final

#: Octets that a passing packet is cut to: none is as long.
EVERYTHING: Final = 0x40000


class Op(IntEnum):
    """Instruction codes (linux/bpf_common.h, linux/filter.h)."""

    LD_WORD = 0x20  # A = 32 bits at k
    LD_HALF = 0x28
    LD_BYTE = 0x30
    LD_WORD_X = 0x40  # A = 32 bits at X + k
    LD_HALF_X = 0x48
    LD_BYTE_X = 0x50
    LD_STORED = 0x60  # A = M[k], scratch memory
    LDX = 0x01  # X = k
    LDX_HEADER = 0xB1  # X = 4 * (octet at k & 15), the length of an IPv4 header
    LDX_LENGTH = 0x81  # X = length of the packet
    LDX_STORED = 0x61
    STORE = 0x02  # M[k] = A
    STORE_X = 0x03
    AND = 0x54
    SHIFT_LEFT = 0x64
    ADD = 0x04
    ADD_X = 0x0C
    TAX = 0x07  # X = A
    TXA = 0x87
    JUMP = 0x05
    EQUAL = 0x15
    AT_LEAST = 0x35
    MORE_THAN_X = 0x2D
    ANY_BIT = 0x45
    RETURN = 0x06


SO_ATTACH_FILTER: Final = 26  # asm-generic/socket.h
#: What is known of a packet, at offsets that stand for metadata (SKF_AD_OFF and more): its ethertype, the kind
#: that sll_pkttype has, the hardware type of its interface.
ETHERTYPE: Final = 0xFFFFF000
KIND: Final = 0xFFFFF004
HARDWARE_TYPE: Final = 0xFFFFF01C
_JUMPS: Final = frozenset({Op.EQUAL, Op.AT_LEAST, Op.MORE_THAN_X, Op.ANY_BIT})
_PASS, _DROP = "pass", "drop"
_ARPHRD_LOOPBACK: Final = 772  # linux/if_arp.h


@dataclass(frozen=True, slots=True)
class Line:
    """One instruction before its targets are numbered, or (``op`` None) a label for the line after it.

    ``yes`` and ``no`` name labels; "" goes on with the next line.
    """

    op: Op | None
    k: int = 0
    yes: str = ""
    no: str = ""


@dataclass(frozen=True, slots=True)
class Instruction:
    """``struct sock_filter``: code, the two relative jumps, and the operand."""

    code: int
    jt: int
    jf: int
    k: int


Program = tuple[Instruction, ...]

#: Drops everything: what makes a listening socket deaf.
NOTHING: Final[Program] = (Instruction(Op.RETURN, 0, 0, 0),)


def assemble(lines: Iterable[Line]) -> Program:
    """Number the labels. Raises ``ValueError`` for a jump back, or with a condition over more than 255 lines."""
    places: dict[str, int] = {}
    code: list[Line] = []
    for line in lines:
        if line.op is None:
            places[line.yes] = len(code)
        else:
            code.append(line)

    def distance(at: int, label: str, farthest: int = 255) -> int:
        found = places[label] - at - 1 if label else 0
        if not 0 <= found <= farthest:
            raise ValueError(f"{label} is {found} instructions away")
        return found

    program = []
    for at, line in enumerate(code):
        op = line.op
        assert op is not None
        if op in _JUMPS:
            program.append(Instruction(op, distance(at, line.yes), distance(at, line.no), line.k))
        elif op is Op.JUMP:
            program.append(Instruction(op, 0, 0, distance(at, line.yes, len(code))))
        else:
            program.append(Instruction(op, 0, 0, line.k))
    return tuple(program)


def attach(opened: socket.socket, program: Program) -> None:
    """Make ``program`` the socket's filter, in place of any that it had; raises ``OSError``."""
    code = b"".join(struct.pack("HBBI", i.code, i.jt, i.jf, i.k) for i in program)
    memory = ctypes.create_string_buffer(code, len(code))
    # struct sock_fprog (linux/filter.h): a count and a pointer, which must live until the call is over.
    opened.setsockopt(
        socket.SOL_SOCKET, SO_ATTACH_FILTER, struct.pack("HP", len(program), ctypes.addressof(memory))
    )


def conversation(
    local: str,
    local_port: int | None,
    remote: str | None,
    remote_port: int | None,
    *,
    once: bool = False,
) -> Program:
    """What of the packets that a packet socket (SOCK_DGRAM: IP header first) sees belongs to a connection.

    Passes, either way: TCP of these addresses and ports; IP fragments of TCP between the two addresses
    (only the first holds ports); for IPv6 whatever has extension headers between them; and ICMP errors,
    from anyone to anyone, that quote a packet of the connection. Flags and numbers are not looked at.
    Where ``remote`` or a port is None any will do, as for a listener. Addresses are text of one
    family, without zone. On ``lo`` each packet passes twice; ``once`` lets TCP of the local end through as it
    leaves and of the remote end as it arrives.
    """
    far = None if remote is None else ipaddress.ip_address(remote).packed
    ends = (_End(ipaddress.ip_address(local).packed, local_port), _End(far, remote_port))
    return assemble(_ipv6(*ends, once=once) if ":" in local else _ipv4(*ends, once=once))


@dataclass(frozen=True, slots=True)
class _End:
    """An address and a port; None stands for any."""

    address: bytes | None
    port: int | None


# IPv4, RFC 791 3.1: fragment offset at 6, protocol at 9, source at 12, destination at 16.
# ICMP, RFC 792: type at 0, quoted packet at 8.
ICMP_ERRORS: Final = (3, 4, 5, 11, 12)


def _ipv4(local: _End, remote: _End, *, once: bool) -> Iterator[Line]:
    header = Line(Op.LDX_HEADER, 0)
    # X += 4 * length of the quoted header
    step = [Line(Op.LD_BYTE_X, 8), Line(Op.AND, 0x0F), Line(Op.SHIFT_LEFT, 2), Line(Op.ADD_X), Line(Op.TAX)]

    def tcp(source: _End, destination: _End, otherwise: str) -> Iterator[Line]:
        yield header
        yield from _addresses(Op.LD_WORD, 12, source, destination, otherwise)
        yield Line(Op.LD_HALF, 6)
        yield Line(Op.ANY_BIT, 0x3FFF, yes=_PASS)  # there is more, or this is not the first
        yield from _ports(Op.LD_HALF_X, 0, source, destination, otherwise)

    def quoted(source: _End, destination: _End, otherwise: str) -> Iterator[Line]:
        yield header
        yield from _addresses(Op.LD_WORD_X, 8 + 12, source, destination, otherwise)
        yield from step
        yield from _ports(Op.LD_HALF_X, 8, source, destination, otherwise)

    yield Line(Op.LD_HALF, ETHERTYPE)
    yield Line(Op.EQUAL, 0x0800, no=_DROP)
    yield Line(Op.LD_BYTE, 9)
    yield Line(Op.EQUAL, socket.IPPROTO_ICMP, yes="icmp")
    yield Line(Op.EQUAL, socket.IPPROTO_TCP, no=_DROP)
    yield from _either_way("tcp", tcp, local, remote, once=once)
    yield _label("icmp")
    yield Line(Op.LD_HALF, 6)
    yield Line(Op.ANY_BIT, 0x1FFF, yes=_DROP)  # the rest of a fragmented message
    yield header
    yield Line(Op.LD_BYTE_X, 0)
    for kind in ICMP_ERRORS:
        yield Line(Op.EQUAL, kind, yes="error")
    yield Line(Op.RETURN, 0)
    yield _label("error")
    yield Line(Op.LD_BYTE_X, 8 + 9)
    yield Line(Op.EQUAL, socket.IPPROTO_TCP, no=_DROP)
    yield from _either_way("quoted", quoted, local, remote)
    yield from _verdicts()


# IPv6, RFC 8200 3: next header at 6, source at 8, destination at 24, 40 octets in all.
# ICMPv6, RFC 4443 2.1: type at 0, below 128 for errors; quoted packet at 8.
#: Hop-by-hop, routing, fragment, authentication, destination options, mobility, HIP, shim6, experiments.
IPV6_EXTENSIONS: Final = (0, 43, 44, 51, 60, 135, 139, 140, 253, 254)


def _ipv6(local: _End, remote: _End, *, once: bool) -> Iterator[Line]:
    def between(at: int) -> Clause:
        def clause(source: _End, destination: _End, otherwise: str) -> Iterator[Line]:
            yield from _addresses(Op.LD_WORD, at + 8, source, destination, otherwise)

        return clause

    def tcp(at: int) -> Clause:
        def clause(source: _End, destination: _End, otherwise: str) -> Iterator[Line]:
            yield from _addresses(Op.LD_WORD, at + 8, source, destination, otherwise)
            yield from _ports(Op.LD_HALF, at + 40, source, destination, otherwise)

        return clause

    yield Line(Op.LD_HALF, ETHERTYPE)
    yield Line(Op.EQUAL, 0x86DD, no=_DROP)
    yield Line(Op.LD_BYTE, 6)
    yield Line(Op.EQUAL, socket.IPPROTO_ICMPV6, yes="icmp")
    yield Line(Op.EQUAL, socket.IPPROTO_TCP, yes="tcp")
    for extension in IPV6_EXTENSIONS:
        yield Line(Op.EQUAL, extension, yes="extended")  # whose chain classic BPF cannot walk
    yield Line(Op.RETURN, 0)
    yield _label("tcp")
    yield from _either_way("tcp", tcp(0), local, remote, once=once)
    yield _label("extended")
    yield from _either_way("extended", between(0), local, remote)
    yield _label("icmp")
    yield Line(Op.LD_BYTE, 40)
    yield Line(Op.AT_LEAST, 128, yes=_DROP)
    yield Line(Op.LD_BYTE, 48 + 6)
    yield Line(Op.EQUAL, socket.IPPROTO_TCP, yes="quoted tcp")
    for extension in IPV6_EXTENSIONS:
        yield Line(Op.EQUAL, extension, yes="quoted extended")
    yield Line(Op.RETURN, 0)
    yield _label("quoted tcp")
    yield from _either_way("quoted tcp", tcp(48), local, remote)
    yield _label("quoted extended")
    yield from _either_way("quoted extended", between(48), local, remote)
    yield from _verdicts()


Clause = Callable[[_End, _End, str], Iterator[Line]]


def _either_way(
    name: str, clause: Clause, local: _End, remote: _End, *, once: bool = False
) -> Iterator[Line]:
    """Pass what ``clause`` lets through from here to there or back; on ``lo`` both addresses may be one."""
    back = f"{name} back"
    none = f"no {name}"
    yield from clause(local, remote, back)
    if once:
        yield from _unless_on_loopback(_PASS, _DROP)
    yield Line(Op.RETURN, EVERYTHING)
    yield _label(back)
    yield from clause(remote, local, none)
    if once:
        yield from _unless_on_loopback(_DROP, _PASS)
    yield Line(Op.RETURN, EVERYTHING)
    yield _label(none)
    yield Line(Op.RETURN, 0)


def _unless_on_loopback(leaving: str, arriving: str) -> Iterator[Line]:
    """Pass, but on loopback go where it says for a packet that leaves, and for one that arrives."""
    yield Line(Op.LD_WORD, HARDWARE_TYPE)
    yield Line(Op.EQUAL, _ARPHRD_LOOPBACK, no=_PASS)
    yield Line(Op.LD_WORD, KIND)
    yield Line(Op.EQUAL, socket.PACKET_OUTGOING, yes=leaving, no=arriving)


def _addresses(load: Op, at: int, source: _End, destination: _End, otherwise: str) -> Iterator[Line]:
    """Go on if the two addresses from ``at`` on are these, else jump."""
    for address in (source.address, destination.address):
        for word in range(0, len(address or b""), 4):
            assert address is not None
            yield Line(load, at + word)
            yield Line(Op.EQUAL, int.from_bytes(address[word : word + 4], "big"), no=otherwise)
        at += len(source.address or destination.address or b"")


def _ports(load: Op, at: int, source: _End, destination: _End, otherwise: str) -> Iterator[Line]:
    for offset, port in ((0, source.port), (2, destination.port)):
        if port is not None:
            yield Line(load, at + offset)
            yield Line(Op.EQUAL, port, no=otherwise)


def _label(name: str) -> Line:
    return Line(None, yes=name)


def _verdicts() -> Iterator[Line]:
    yield _label(_PASS)
    yield Line(Op.RETURN, EVERYTHING)
    yield _label(_DROP)
    yield Line(Op.RETURN, 0)
