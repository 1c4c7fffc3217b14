"""Listens to whole interfaces: a thread that only stores what the kernel gives, and whoever asks gets frames."""

from __future__ import annotations

import errno
import os
import select
import socket
import threading
import time
from collections import OrderedDict, deque
from collections.abc import Iterator
from contextlib import suppress
from operator import itemgetter
from types import TracebackType
from typing import Final, Self

from rawshake.errors import Exit, Failure
from rawshake.link import Direction, Frame
from rawshake.net import bpf, packetsocket, ring
from rawshake.net.kernel_filter import compile_filter
from rawshake.net.ring import BLOCK, LATENCY, Captured, Ring, Sum, packets
from rawshake.trace.expression import Filter, look, parse

ANY: Final = "any"
#: Octets of the ring: more than 100,000 packets without payload.
RING: Final = 1 << 24
#: Copies of a packet on other interfaces come within this time, in ns; less than any retransmission timeout.
COPY_WITHIN: Final = 100_000_000
#: How many packets are remembered to know copies by.
REMEMBERED: Final = 1 << 14

_VLAN: Final = (0x8100, 0x88A8)
_TAGS: Final = tuple(tag.to_bytes(2, "big") for tag in _VLAN)
_DIRECTIONS: Final = {socket.PACKET_OUTGOING: Direction.OUT, socket.PACKET_HOST: Direction.IN}


class Tap:
    """An open capture of what ``wanted`` wants, and of ICMP errors about TCP, on one interface or on ANY.

    From the beginning of the ``with`` block a thread stores what comes, up to ``buffer`` octets as the kernel lays
    them out; what is more is counted as ``overflowed``. ``frames`` gives what is stored. With a ``size`` of 0
    there is no ring, and packets are received one by one.

    Raises ``Failure``: NO_PRIVILEGE, INTERFACE_DOWN for one that is down or that there is not.
    """

    def __init__(self, interface: str, wanted: Filter, *, buffer: int = 1 << 28, size: int = RING) -> None:
        self.overflowed = 0
        self.copies = 0
        self.cut = 0
        #: Why nothing more comes, in a sentence, if that is so.
        self.ended = ""
        self._wanted = wanted
        self._buffer = buffer
        self._dropped = 0
        self._stored: deque[bytes | list[Captured]] = deque()
        self._octets = 0
        self._copy = _Copies() if interface == ANY else None
        self._lock = threading.Lock()
        index = 0 if interface == ANY else _index(interface)
        self._interface = interface
        self._socket = packetsocket.opened()
        self._ring: Ring | None = None
        self._stop = self._news = -1
        try:
            self._socket.setblocking(False)
            self._whole = self._attach(wanted)
            if size:
                self._ring = _ring(self._socket, size)
            if self._ring is None:
                packetsocket.with_metadata(self._socket)
                packetsocket.enlarge(self._socket, RING)
            if index:
                packetsocket.see_all(self._socket, index)
            packetsocket.bind(self._socket, index)
            if self._socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) == errno.ENETDOWN:
                raise Failure(
                    Exit.INTERFACE_DOWN,
                    f"The interface '{interface}' is down.",
                    f"Bring it up: ip link set {interface} up",
                )
            self._stop = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
            self._news = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        except BaseException:
            self._close()
            raise
        self._reader = threading.Thread(target=self._store, name="rawshake capture", daemon=True)

    def _attach(self, wanted: Filter) -> bool:
        """Whether all of the filter is in the kernel."""
        compiled = compile_filter(wanted)
        try:
            bpf.attach(self._socket, compiled.program)
        except OSError:
            # Longer than net.core.optmem_max allows.
            bpf.attach(self._socket, compile_filter(parse("")).program)
            return False
        return compiled.whole

    @property
    def has_ring(self) -> bool:
        """Whether the kernel granted a ring."""
        return self._ring is not None

    @property
    def fill(self) -> float:
        """How full the store is, 0 to 1."""
        return self._octets / self._buffer

    @property
    def dropped(self) -> int:
        """How many packets the kernel had no room for."""
        with self._lock:
            if self._socket.fileno() >= 0:
                self._dropped += ring.dropped(self._socket)
            return self._dropped

    def now(self) -> int:
        """Nanoseconds since the epoch, on the clock that stamps frames."""
        return time.time_ns()

    def wait(self, deadline: int | None, *wakers: int) -> None:
        """Until something is stored, a waker can be read, or ``now() >= deadline``."""
        if self._stored or self.ended:
            return
        left = None if deadline is None else max(0, deadline - self.now()) / 1e6
        poll = select.poll()
        for descriptor in (self._news, *wakers):
            poll.register(descriptor, select.POLLIN)
        poll.poll(left)
        with suppress(BlockingIOError):
            os.eventfd_read(self._news)

    def frames(self) -> list[Frame] | None:
        """The next frames that are stored, a few thousand at the most, by time; None where nothing is stored."""
        try:
            stored = self._stored.popleft()
        except IndexError:
            return None
        with self._lock:
            self._octets -= _size(stored)
        captured = list(packets(stored)) if isinstance(stored, bytes) else stored
        captured.sort(key=itemgetter(0))  # two processors may write in another order than they stamped
        return list(self._frames(captured))

    def _frames(self, captured: list[Captured]) -> Iterator[Frame]:
        copy, whole = self._copy, self._whole
        for one in captured:
            packet, kind = one.packet, one.kind
            loopback = one.hardware == packetsocket.ARPHRD_LOOPBACK
            if loopback and kind == socket.PACKET_OUTGOING:
                continue  # it arrives, too
            if one.protocol in _VLAN:
                packet = _untagged(packet)
                if not self._is_wanted(packet):
                    continue
            elif not whole and not self._is_wanted(packet):
                continue
            if copy is not None and copy.is_copy(packet, kind, one.interface, one.time):
                self.copies += 1
                continue
            self.cut += len(packet) < one.length
            direction = Direction.UNKNOWN if loopback else _DIRECTIONS.get(kind, Direction.UNKNOWN)
            yield Frame(one.time, packet, direction, one.checksum is Sum.OPEN)

    def _is_wanted(self, packet: bytes) -> bool:
        """As the kernel's program decides, of which this is the part that it could not."""
        seen = look(packet)
        if seen is None:
            return False
        fragment = len(seen.src) == 4 and int.from_bytes(packet[6:8], "big") & 0x1FFF
        return seen.protocol != socket.IPPROTO_TCP or bool(fragment) or self._wanted.tree.holds(seen)

    def stop(self) -> None:
        """Capture no more; what the kernel holds already is stored."""
        with suppress(OSError):
            os.eventfd_write(self._stop, 1)
        if self._reader.is_alive():
            self._reader.join()

    # The thread.

    def _store(self) -> None:
        poll = select.poll()
        poll.register(self._socket, select.POLLIN)
        poll.register(self._stop, select.POLLIN)
        try:
            while not self.ended:
                events = dict(poll.poll())
                if self._stop in events:
                    self._last(poll)
                    return
                if events.get(self._socket.fileno(), 0) & select.POLLERR:
                    self._trouble()
                self._take()
        except Exception as fault:  # noqa: BLE001  # told by whoever waits
            self._end(f"The capture broke off: {type(fault).__name__}: {fault}.")

    def _last(self, poll: select.poll) -> None:
        """A block that is not full comes LATENCY after its first packet; what comes later was not asked for."""
        poll.unregister(self._stop)
        end = time.monotonic() + 3 * LATENCY / 1000
        while (left := end - time.monotonic()) > 0:
            poll.poll(left * 1000)
            self._take()
            if self._ring is None:
                return

    def _take(self) -> None:
        for stored in self._taken():
            size = _size(stored)
            with self._lock:
                full = self._octets + size > self._buffer
                if full:
                    self.overflowed += ring.count(stored) if isinstance(stored, bytes) else len(stored)
                else:
                    self._octets += size
                    self._stored.append(stored)
            os.eventfd_write(self._news, 1)

    def _taken(self) -> Iterator[bytes | list[Captured]]:
        if self._ring is not None:
            while (block := self._ring.take()) is not None:
                yield block
        else:
            while received := list(_received(self._socket)):
                yield received

    def _trouble(self) -> None:
        code = self._socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if self._interface == ANY or code in (0, errno.EINTR):
            return
        try:
            socket.if_nametoindex(self._interface)
        except OSError:
            self._end(f"The interface '{self._interface}' is gone.")
        # One that went down may come up again.

    def _end(self, why: str) -> None:
        self.ended = why
        os.eventfd_write(self._news, 1)

    def _close(self) -> None:
        _ = self.dropped  # counted to the last
        if self._ring is not None:
            self._ring.close()
        self._socket.close()
        for descriptor in (self._stop, self._news):
            if descriptor >= 0:
                os.close(descriptor)

    def __enter__(self) -> Self:
        self._reader.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, raised: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
        self._close()


class _Copies:
    """Knows a packet that is seen again one interface further: behind a bridge, a router, a bond, on a VLAN.

    Its hop count and checksums may differ then. The same once more at the same place is a segment sent again.
    """

    def __init__(self) -> None:
        self._seen: OrderedDict[bytes, tuple[int, set[tuple[int, bool]]]] = OrderedDict()

    def is_copy(self, packet: bytes, kind: int, interface: int, moment: int) -> bool:
        place = interface, kind == socket.PACKET_OUTGOING
        key = _mark(packet)
        seen = self._seen.get(key)
        if seen is not None:
            first, places = seen
            if place not in places and abs(moment - first) < COPY_WITHIN:
                places.add(place)
                return True
            del self._seen[key]
        self._seen[key] = moment, {place}
        if len(self._seen) > REMEMBERED:
            self._seen.popitem(last=False)
        return False


def _mark(packet: bytes) -> bytes:
    """What stays of the headers on the way: not the TTL, not the checksums of IP and of TCP."""
    if packet[:1] < b"\x50":
        tcp = 4 * (packet[0] & 15) if packet else 0
        return packet[2:8] + packet[9:10] + packet[12 : tcp + 16] + packet[tcp + 18 : tcp + 60]
    return packet[4:7] + packet[8:56] + packet[58:100]


def _untagged(packet: bytes) -> bytes:
    """The packet behind VLAN tags that it begins with; one that leaves has them before, out of sight."""
    while packet[2:4] in _TAGS:
        packet = packet[4:]
    version = packet[4] >> 4 if len(packet) > 4 else 0
    if (packet[2:4], version) in ((b"\x08\x00", 4), (b"\x86\xdd", 6)):
        packet = packet[4:]
    return packetsocket.without_padding(packet)


def _index(interface: str) -> int:
    try:
        index = socket.if_nametoindex(interface)
    except (OSError, ValueError):
        names = ", ".join(name for _, name in socket.if_nameindex())
        raise Failure(
            Exit.INTERFACE_DOWN, f"There is no interface '{interface}'.", f"There are: {names}, and any."
        ) from None
    return index


def _ring(receiver: socket.socket, size: int) -> Ring | None:
    """As large a ring as the kernel grants, up to ``size``; None where it grants none."""
    while size >= 2 * BLOCK:
        try:
            return Ring(receiver, size=size)
        except OSError:
            size //= 2
    return None


def _size(stored: bytes | list[Captured]) -> int:
    return len(stored) if isinstance(stored, bytes) else sum(len(one.packet) + 100 for one in stored)


def _received(receiver: socket.socket, most: int = 256) -> Iterator[Captured]:
    """What is queued, one by one, without a ring."""
    for _ in range(most):
        try:
            packet, ancillary, flags, (interface, protocol, kind, hardware, _) = receiver.recvmsg(
                packetsocket.ROOM, packetsocket.ANCILLARY
            )
        except BlockingIOError:
            return
        moment, offloaded = packetsocket.metadata(ancillary)
        yield Captured(
            moment,
            packetsocket.without_padding(packet),
            packetsocket.ROOM + 1 if flags & socket.MSG_TRUNC else 0,
            kind,
            _indexed(interface),
            hardware,
            protocol,
            Sum.OPEN if offloaded else Sum.UNKNOWN,
            None,
        )


def _indexed(interface: str) -> int:
    return hash(interface)  # told apart, which is all that is asked
