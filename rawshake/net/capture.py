"""A packet socket that sees one connection on every interface, each packet once, with the kernel's time."""

from __future__ import annotations

import ipaddress
import socket
import struct
from collections import OrderedDict
from collections.abc import Set
from types import TracebackType
from typing import Final, Self

from rawshake.link import Direction, Frame
from rawshake.net import bpf, packetsocket

#: How many packets are remembered to know their copies on other interfaces, and for how long, in
#: nanoseconds: less than any retransmission timeout (200 ms in Linux).
_MEMORY: Final = 1024
_COPY_WITHIN: Final = 100_000_000


class Capture:
    """An open capture of one connection, or, without a remote end, of a listening port; see packet(7).

    ``local`` and ``local_port`` are ours; in place of a port may stand the set of those that are ours now, for
    many connections to one host. What passes the filter is told at ``bpf.conversation``; no packet that is older
    than the socket, or not of the addresses and the port, is ever queued. ``buffer`` is what is asked for as
    queue, in octets. Raises ``Failure`` with NO_PRIVILEGE without CAP_NET_RAW.
    """

    def __init__(
        self,
        local: str,
        local_port: int | Set[int],
        remote: str | None,
        remote_port: int | None,
        *,
        buffer: int = 1 << 22,
    ) -> None:
        self._address = ipaddress.ip_address(local).packed
        port = local_port if isinstance(local_port, int) else None
        self._ports = {local_port} if isinstance(local_port, int) else local_port
        self._lost = 0
        self._copies = _Copies()
        self._memory = bytearray(packetsocket.ROOM)
        self._view = memoryview(self._memory)
        self._socket = packetsocket.opened()
        try:
            self._socket.setblocking(False)
            bpf.attach(self._socket, bpf.conversation(local, port, remote, remote_port))
            packetsocket.with_metadata(self._socket)
            packetsocket.enlarge(self._socket, buffer)
            # On all interfaces: an ICMP error about a dead neighbour is only seen on ``lo``.
            packetsocket.bind(self._socket)
        except BaseException:
            self._socket.close()
            raise

    def receive(self) -> Frame | None:
        """The next frame that is queued, without its link layer's padding; None where none is, at once."""
        while True:
            try:
                length, ancillary, _, (interface, _, kind, hardware, _) = self._socket.recvmsg_into(
                    [self._memory], packetsocket.ANCILLARY, socket.MSG_DONTWAIT
                )
            except BlockingIOError:
                return None
            packet = packetsocket.without_padding(bytes(self._view[:length]))
            leaving = kind == socket.PACKET_OUTGOING
            if hardware == packetsocket.ARPHRD_LOOPBACK:
                # Here each packet passes twice, leaving and arriving. Ours is taken as it leaves, all
                # others as they arrive.
                if leaving is not self._ours(packet):
                    continue
            elif kind == socket.PACKET_OTHERHOST:
                continue
            moment, offloaded = packetsocket.metadata(ancillary)
            if self._copies.is_copy(packet, leaving, interface, moment):
                continue
            return Frame(moment, packet, Direction.OUT if leaving else Direction.IN, offloaded)

    @property
    def lost(self) -> int:
        """How many packets found the queue full and were dropped, since the capture began."""
        # The kernel's count starts anew each time it is read.
        _, dropped = struct.unpack(
            "II", self._socket.getsockopt(packetsocket.SOL_PACKET, packetsocket.PACKET_STATISTICS, 8)
        )
        self._lost += dropped
        return self._lost

    def fileno(self) -> int:
        """Readable when ``receive`` may have a frame."""
        return self._socket.fileno()

    def close(self) -> None:
        self._socket.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, raised: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _ours(self, packet: bytes) -> bool:
        """Whether this is TCP from our address and a port of ours."""
        if packet[0] >> 4 == 4:
            ports = 4 * (packet[0] & 0x0F)
            first = not int.from_bytes(packet[6:8], "big") & 0x1FFF
            return (
                packet[9] == socket.IPPROTO_TCP
                and packet[12:16] == self._address
                and first
                and int.from_bytes(packet[ports : ports + 2], "big") in self._ports
            )
        return (
            packet[6] == socket.IPPROTO_TCP
            and packet[8:24] == self._address
            and int.from_bytes(packet[40:42], "big") in self._ports
        )


class _Copies:
    """Knows a packet that is seen again one interface further: on a bridge's port, a bond's link, a VLAN.

    The same octets on the same interface, or much later, are no copy: that is a segment sent again.
    """

    def __init__(self) -> None:
        self._seen: OrderedDict[tuple[bool, int], tuple[int, set[str]]] = OrderedDict()

    def is_copy(self, packet: bytes, leaving: bool, interface: str, moment: int) -> bool:
        key = (leaving, hash(packet))
        first, interfaces = self._seen.get(key, (moment, {interface}))
        if interface not in interfaces and moment - first < _COPY_WITHIN:
            interfaces.add(interface)
            return True
        self._seen[key] = (moment, {interface})
        if len(self._seen) > _MEMORY:
            self._seen.popitem(last=False)
        return False
