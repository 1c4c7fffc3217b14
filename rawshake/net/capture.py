"""A packet socket that sees one connection on every interface, each packet once, with the kernel's time."""

from __future__ import annotations

import ctypes
import ipaddress
import os
import socket
import struct
import time
from collections import OrderedDict
from types import TracebackType
from typing import Final, Self

from rawshake.errors import Exit, Failure
from rawshake.link import Direction, Frame
from rawshake.net import bpf

# What the socket module does not name.
_SOL_PACKET: Final = 263  # bits/socket.h
_PACKET_STATISTICS: Final = 6  # linux/if_packet.h
_PACKET_AUXDATA: Final = 8
_TP_STATUS_CSUMNOTREADY: Final = 1 << 3
_SO_RCVBUFFORCE: Final = 33  # asm-generic/socket.h
_SO_TIMESTAMPNS: Final = 35  # also the type of the control message
_ETH_P_ALL: Final = 0x0003  # linux/if_ether.h
_ARPHRD_LOOPBACK: Final = 772  # linux/if_arp.h

_TIMESPEC: Final = struct.Struct("@ll")
_ANCILLARY: Final = socket.CMSG_SPACE(_TIMESPEC.size) + socket.CMSG_SPACE(20)  # struct tpacket_auxdata
#: Longer than any packet: receive offload glues segments up to 64 KB, or with BIG TCP 512 KB.
_ROOM: Final = 0x90000
#: How many packets are remembered to know their copies on other interfaces, and for how long, in
#: nanoseconds: less than any retransmission timeout (200 ms in Linux).
_MEMORY: Final = 128
_COPY_WITHIN: Final = 100_000_000


class Capture:
    """An open capture of one connection, or, without a remote end, of a listening port; see packet(7).

    ``local`` and ``local_port`` are ours. What passes the filter is told at ``bpf.conversation``; no
    packet that is older than the socket, or not of the connection, is ever queued. ``buffer`` is what
    is asked for as queue, in octets. Raises ``Failure`` with NO_PRIVILEGE without CAP_NET_RAW.
    """

    def __init__(
        self,
        local: str,
        local_port: int,
        remote: str | None,
        remote_port: int | None,
        *,
        buffer: int = 1 << 22,
    ) -> None:
        self._address = ipaddress.ip_address(local).packed
        self._port = local_port.to_bytes(2, "big")
        self._lost = 0
        self._copies = _Copies()
        self._memory = bytearray(_ROOM)
        self._view = memoryview(self._memory)
        try:
            # Protocol 0 receives nothing, until bind() says otherwise: the filter is there first.
            self._socket = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, 0)
        except PermissionError as refused:
            raise Failure(
                Exit.NO_PRIVILEGE, "This user may not open packet sockets (CAP_NET_RAW)."
            ) from refused
        try:
            self._socket.setblocking(False)
            bpf.attach(self._socket, bpf.conversation(local, local_port, remote, remote_port))
            self._socket.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1)
            self._socket.setsockopt(_SOL_PACKET, _PACKET_AUXDATA, 1)
            _enlarge(self._socket, buffer)
            _bind_everywhere(self._socket)
        except BaseException:
            self._socket.close()
            raise

    def receive(self) -> Frame | None:
        """The next frame that is queued, without its link layer's padding; None where none is, at once."""
        while True:
            try:
                length, ancillary, _, (interface, _, kind, hardware, _) = self._socket.recvmsg_into(
                    [self._memory], _ANCILLARY, socket.MSG_DONTWAIT
                )
            except BlockingIOError:
                return None
            packet = _without_padding(bytes(self._view[:length]))
            leaving = kind == socket.PACKET_OUTGOING
            if hardware == _ARPHRD_LOOPBACK:
                # Here each packet passes twice, leaving and arriving. Ours is taken as it leaves, all
                # others as they arrive.
                if leaving is not self._ours(packet):
                    continue
            elif kind == socket.PACKET_OTHERHOST:
                continue
            moment, offloaded = _metadata(ancillary)
            if self._copies.is_copy(packet, leaving, interface, moment):
                continue
            return Frame(moment, packet, Direction.OUT if leaving else Direction.IN, offloaded)

    @property
    def lost(self) -> int:
        """How many packets found the queue full and were dropped, since the capture began."""
        # The kernel's count starts anew each time it is read.
        _, dropped = struct.unpack("II", self._socket.getsockopt(_SOL_PACKET, _PACKET_STATISTICS, 8))
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
        """Whether this is TCP from our address and port."""
        if packet[0] >> 4 == 4:
            ports = 4 * (packet[0] & 0x0F)
            first = not int.from_bytes(packet[6:8], "big") & 0x1FFF
            return (
                packet[9] == socket.IPPROTO_TCP
                and packet[12:16] == self._address
                and first
                and packet[ports : ports + 2] == self._port
            )
        return (
            packet[6] == socket.IPPROTO_TCP and packet[8:24] == self._address and packet[40:42] == self._port
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


def _without_padding(packet: bytes) -> bytes:
    """Cut what follows the IP packet: Ethernet fills frames up to 60 octets.

    A length of 0 (offload of more than 64 KB) or beyond what is there cuts nothing.
    """
    if len(packet) >= 20 and packet[0] >> 4 == 4:
        length = int.from_bytes(packet[2:4], "big")
    elif len(packet) >= 40 and packet[0] >> 4 == 6:
        payload = int.from_bytes(packet[4:6], "big")
        length = 40 + payload if payload else 0
    else:
        return packet
    return packet[:length] if length else packet


def _metadata(ancillary: list[tuple[int, int, bytes]]) -> tuple[int, bool]:
    """The kernel's time in nanoseconds, and whether the checksum was left to the hardware."""
    moment = None
    offloaded = False
    for level, kind, data in ancillary:
        if level == socket.SOL_SOCKET and kind == _SO_TIMESTAMPNS:
            seconds, nanoseconds = _TIMESPEC.unpack(data[: _TIMESPEC.size])
            moment = seconds * 1_000_000_000 + nanoseconds
        elif level == _SOL_PACKET and kind == _PACKET_AUXDATA:
            (status,) = struct.unpack_from("I", data)
            offloaded = bool(status & _TP_STATUS_CSUMNOTREADY)
    return time.time_ns() if moment is None else moment, offloaded


def _bind_everywhere(opened: socket.socket) -> None:
    """Start to receive, on every interface: an ICMP error about a dead neighbour is only seen on ``lo``."""
    # struct sockaddr_ll with interface 0, which Python's bind() cannot say: it wants a name. ETH_P_ALL,
    # since sockets of ETH_P_IP are not shown what leaves.
    protocol = socket.htons(_ETH_P_ALL)
    name = struct.pack("=HHiHBB8x", socket.AF_PACKET, protocol, 0, 0, 0, 0)
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.bind(opened.fileno(), name, len(name)) != 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))


def _enlarge(opened: socket.socket, octets: int) -> None:
    try:
        opened.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, octets)
    except PermissionError:
        # Needs CAP_NET_ADMIN, and not just that of a user namespace. This is cut to net.core.rmem_max.
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, octets)
