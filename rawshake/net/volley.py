"""Many guarded ports, and system calls that send and receive many packets at once: sendmmsg(2), recvmmsg(2)."""

from __future__ import annotations

import ctypes
import errno
import ipaddress
import os
import resource
import select
import socket
import struct
import time
from collections.abc import Callable
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Final, Self

import numpy as np
from numpy.typing import NDArray

from rawshake.errors import Exit, Failure
from rawshake.link import Direction, Frame
from rawshake.net import bpf, craft, packetsocket
from rawshake.net.guard import Guard
from rawshake.net.send import Sender, refusal
from rawshake.tcp.segment import Segment

Column = NDArray[Any]

#: Octets of each packet that are given as a row; what ``rawshake.many.packets`` wants.
ROW: Final = 128
#: How many packets a system call sends or receives at most.
MANY: Final = 512
#: Longer than any packet but those of BIG TCP, which are cut.
_ROOM: Final = 1 << 16
#: Descriptors that a run needs beside its guards.
_SPARE: Final = 64
#: Seconds to wait before packets are offered again where a queue was full.
_PATIENCE: Final = (0.001, 0.01, 0.1)
#: Seconds after which the kernel is asked once more who is missing: it takes milliseconds.
_ASKED_AGAIN: Final = 1.0

# struct mmsghdr with struct msghdr in it, struct iovec, struct sockaddr_ll (socket.h, linux/if_packet.h).
_MMSGHDR: Final = np.dtype(
    {
        "names": ["name", "namelen", "iov", "iovlen", "control", "controllen", "flags", "length"],
        "formats": ["u8", "u4", "u8", "u8", "u8", "u8", "i4", "u4"],
        "offsets": [0, 8, 16, 24, 32, 40, 48, 56],
        "itemsize": 64,
    }
)
_IOVEC: Final = np.dtype([("base", "u8"), ("length", "u8")])
_SOCKADDR_LL: Final = np.dtype(
    [
        ("family", "u2"),
        ("protocol", ">u2"),
        ("index", "i4"),
        ("hardware", "u2"),
        ("kind", "u1"),
        ("rest", "V9"),
    ]
)
#: The two control messages in the order in which the kernel writes them: struct timespec, struct tpacket_auxdata.
_CONTROL: Final = np.dtype(
    [
        ("head1", "V16"),
        ("seconds", "i8"),
        ("nanoseconds", "i8"),
        ("head2", "V16"),
        ("status", "u4"),
        ("rest", "V20"),
    ]
)


@dataclass(frozen=True, slots=True)
class Received:
    """Packets in the order in which they were seen, each once; ``rows`` holds the first ROW octets, then zeros."""

    rows: Column
    lengths: Column
    times: Column
    offloaded: Column
    outgoing: Column
    #: where each stands in the memory for octets beyond ROW, which the next call overwrites
    _at: Column
    _beyond: Column

    def frame(self, at: int) -> Frame:
        """All of one packet, to be asked for before more is received."""
        length = self.lengths[at]
        packet = self.rows[at, :length].tobytes()
        if length > ROW:
            packet += self._beyond[self._at[at], : length - ROW].tobytes()
        direction = Direction.OUT if self.outgoing[at] else Direction.IN
        return Frame(int(self.times[at]), packet, direction, bool(self.offloaded[at]))


class Volley:
    """A ``many.line.Line``: ``count`` guarded ports on ``source``, and a way to ``dport`` of ``target`` and back.

    ``index`` is that of the interface to it. Raises ``Failure``: PORT_TAKEN if so many ports are not to be had,
    FOREIGN_SOURCE, NO_PRIVILEGE, INTERFACE_DOWN.
    """

    def __init__(
        self, source: str, target: str, dport: int, count: int, *, index: int, scope: int = 0,
        interface: str | None = None,
    ) -> None:  # fmt: skip
        self.source, self.target, self.dport = source, target, dport
        self._index = index
        self._lost = 0
        self._asked, self._obstacle = -_ASKED_AGAIN, ""
        self._libc = ctypes.CDLL(None, use_errno=True)
        with ExitStack() as opened:
            make_room(count)
            guards = [opened.enter_context(Guard(source, scope=scope)) for _ in range(count)]
            self.ports = tuple(guard.port for guard in guards)
            self._capture = opened.enter_context(packetsocket.opened())
            self._capture.setblocking(False)
            bpf.attach(self._capture, bpf.conversation(source, None, target, dport, once=True))
            packetsocket.with_metadata(self._capture)
            packetsocket.enlarge(self._capture, 1 << 24)
            packetsocket.bind(self._capture)
            self._sender = opened.enter_context(Sender(source, scope=scope, interface=interface))
            craft.warm_up(v6=":" in source)
            self._opened = opened.pop_all()
        self._poll = select.poll()
        self._poll.register(self._capture, select.POLLIN)
        self._prepare_to_send(scope)
        self._prepare_to_receive()

    def _prepare_to_send(self, scope: int) -> None:
        packed = ipaddress.ip_address(self.target).packed
        if len(packed) == 4:
            name = struct.pack("=HH4s8x", socket.AF_INET, 0, packed)
        else:
            name = struct.pack("=HHI16sI", socket.AF_INET6, 0, 0, packed, scope)
        self._name = np.frombuffer(name, np.uint8).copy()
        self._out = np.zeros((MANY, ROW), np.uint8)
        self._out_parts = np.zeros(MANY, _IOVEC)
        self._out_parts["base"] = _places(self._out)
        self._out_heads = np.zeros(MANY, _MMSGHDR)
        self._out_heads["name"], self._out_heads["namelen"] = self._name.ctypes.data, len(name)
        self._out_heads["iov"], self._out_heads["iovlen"] = _places(self._out_parts), 1

    def _prepare_to_receive(self) -> None:
        # What is short, as most packets are, stays together in little memory.
        self._in = np.zeros((MANY, ROW), np.uint8)
        self._beyond = np.zeros((MANY, _ROOM - ROW), np.uint8)
        self._in_parts = np.zeros((MANY, 2), _IOVEC)
        self._in_parts["base"] = np.stack([_places(self._in), _places(self._beyond)], axis=1)
        self._in_parts["length"] = ROW, _ROOM - ROW
        self._in_names = np.zeros(MANY, _SOCKADDR_LL)
        self._in_control = np.zeros(MANY, _CONTROL)
        self._in_heads = np.zeros(MANY, _MMSGHDR)
        self._in_heads["name"] = _places(self._in_names)
        self._in_heads["iov"], self._in_heads["iovlen"] = _places(self._in_parts), 2
        self._in_heads["control"] = _places(self._in_control)
        self._dirty = 0

    def now(self) -> int:
        return time.time_ns()

    def send(self, rows: Column) -> None:
        """Send whole packets of one length, one a row. Raises ``Failure``: LOCAL_FIREWALL, NO_ROUTE, INTERFACE_DOWN."""
        octets = rows.shape[1]
        for first in range(0, len(rows), MANY):
            some = rows[first : first + MANY]
            self._out[: len(some), :octets] = some
            self._out_parts["length"][: len(some)] = octets
            self._send(len(some), octets)

    def _send(self, count: int, octets: int) -> None:
        sent, patience = 0, iter(_PATIENCE)
        while sent < count:
            heads = self._out_heads.ctypes.data + sent * _MMSGHDR.itemsize
            done = self._libc.sendmmsg(self._sender.fileno(), ctypes.c_void_p(heads), count - sent, 0)
            if done >= 0:
                sent += done
                continue
            code = ctypes.get_errno()
            if code == errno.EINTR:
                continue
            wait = next(patience, None) if code == errno.ENOBUFS else None
            if wait is None:
                raise refusal(OSError(code, os.strerror(code)), self.target, octets)
            time.sleep(wait)  # the device's queue is full, and no descriptor tells when it has room

    def transmit(self, segment: Segment, checksum: Callable[[int], int] | None = None) -> bytes:
        """Send one segment, built by Scapy, and return its packet."""
        packet = craft.build(segment, checksum=checksum)
        self._sender.send(packet, self.target)
        return packet

    def receive(self) -> Received | None:
        """What has come, up to MANY packets; None if nothing has."""
        heads = self._in_heads
        heads["namelen"], heads["controllen"], heads["flags"] = (
            _SOCKADDR_LL.itemsize,
            _CONTROL.itemsize,
            0,
        )
        self._in[: self._dirty] = 0
        pointer = ctypes.c_void_p(heads.ctypes.data)
        done = self._libc.recvmmsg(self._capture.fileno(), pointer, MANY, socket.MSG_DONTWAIT, None)
        if done <= 0:
            self._dirty = 0
            return None
        self._dirty = done
        names, control = self._in_names[:done], self._in_control[:done]
        rows = self._in[:done]
        outgoing = names["kind"] == socket.PACKET_OUTGOING
        # The same packet may pass on several interfaces; but an error about a dead neighbour only passes on ``lo``.
        icmp = self._is_icmp(rows)
        wanted = (names["index"] == self._index) | icmp
        loopback = names["hardware"] == packetsocket.ARPHRD_LOOPBACK
        # There each packet passes twice, leaving and arriving. Of TCP the filter lets one through, and an error is
        # taken as it arrives.
        wanted &= np.where(loopback, ~(icmp & outgoing), names["kind"] != socket.PACKET_OTHERHOST)
        at = np.nonzero(wanted)[0]
        if not len(at):
            return None if done < MANY else self.receive()
        rows = rows[at]
        return Received(
            rows=rows,
            lengths=self._lengths(rows, heads["length"][at].astype(np.int64)),
            times=control["seconds"][at] * 1_000_000_000 + control["nanoseconds"][at],
            offloaded=control["status"][at] & packetsocket.TP_STATUS_CSUMNOTREADY != 0,
            outgoing=outgoing[at],
            _at=at,
            _beyond=self._beyond,
        )

    def _is_icmp(self, rows: Column) -> Column:
        v6 = ":" in self.source
        found: Column = rows[:, 6 if v6 else 9] == (socket.IPPROTO_ICMPV6 if v6 else socket.IPPROTO_ICMP)
        return found

    def _lengths(self, rows: Column, captured: Column) -> Column:
        """Without the link layer's padding; a row that padding has got into is cleaned."""
        at, more = (4, 40) if ":" in self.source else (2, 0)
        told = np.ascontiguousarray(rows[:, at : at + 2]).view(">u2")[:, 0].astype(np.int64)
        lengths = np.where(told > 0, np.minimum(captured, told + more), captured)
        for row in np.nonzero((lengths < captured) & (lengths < ROW))[0]:
            rows[row, lengths[row] :] = 0
        return lengths

    def wait(self, deadline: int) -> None:
        """Until something comes, or ``now() >= deadline``, or someone wakes us."""
        self._poll.poll(max(0, deadline - self.now()) / 1e6)

    def wake_by(self, descriptor: int) -> None:
        """Have ``wait`` return when that can be read."""
        self._poll.register(descriptor, select.POLLIN)

    def obstacle(self) -> str:
        """Who does not answer on the first hop, in words; empty if nobody is missing there."""
        from rawshake.net.neighbour import obstacle

        now = time.monotonic()
        if now >= self._asked + _ASKED_AGAIN:
            self._asked, self._obstacle = now, obstacle(self.target)
        return self._obstacle

    @property
    def lost(self) -> int:
        """How many packets the capture had no room for."""
        statistics = self._capture.getsockopt(packetsocket.SOL_PACKET, packetsocket.PACKET_STATISTICS, 8)
        self._lost += struct.unpack("II", statistics)[
            1
        ]  # the kernel's count starts anew each time it is read
        return self._lost

    def close(self) -> None:
        """Close all: from then on the kernel answers the peer with RST."""
        self._opened.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, raised: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def make_room(count: int) -> None:
    """Allow so many more open descriptors. Raises ``Failure`` with USAGE where the system's limit is lower."""
    wanted = count + _SPARE
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        if hard != resource.RLIM_INFINITY and hard < wanted:
            raise Failure(
                Exit.USAGE,
                f"{count} guarded ports take as many open files, and this process may have {hard}.",
                "Ask for fewer --jobs, or raise the limit: ulimit -n.",
            )
        with suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def _places(rows: Column) -> Column:
    """The address of each row in memory."""
    found: Column = rows.ctypes.data + np.arange(len(rows), dtype=np.uint64) * rows.strides[0]
    return found
