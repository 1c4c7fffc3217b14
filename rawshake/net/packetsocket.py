"""Packet sockets (packet(7)): what the socket module does not name, and what to do to a packet that one gives."""

from __future__ import annotations

import ctypes
import os
import socket
import struct
import time
from contextlib import suppress
from typing import Final

from rawshake.errors import Exit, Failure

SOL_PACKET: Final = 263  # bits/socket.h
PACKET_ADD_MEMBERSHIP: Final = 1  # linux/if_packet.h
PACKET_RX_RING: Final = 5
PACKET_STATISTICS: Final = 6
PACKET_AUXDATA: Final = 8
PACKET_VERSION: Final = 10
TP_STATUS_USER: Final = 1 << 0
TP_STATUS_CSUMNOTREADY: Final = 1 << 3
TP_STATUS_VLAN_VALID: Final = 1 << 4
TP_STATUS_CSUM_VALID: Final = 1 << 7
ARPHRD_LOOPBACK: Final = 772  # linux/if_arp.h

_PACKET_MR_PROMISC: Final = 1
_ETH_P_ALL: Final = 0x0003  # linux/if_ether.h
_SO_RCVBUFFORCE: Final = 33  # asm-generic/socket.h
_SO_TIMESTAMPNS: Final = 35  # also the type of the control message
_TIMESPEC: Final = struct.Struct("@ll")

#: Octets of control messages that come with each packet: the time, and struct tpacket_auxdata.
ANCILLARY: Final = socket.CMSG_SPACE(_TIMESPEC.size) + socket.CMSG_SPACE(20)
#: Longer than any packet: receive offload glues segments up to 64 KB, or with BIG TCP 512 KB.
ROOM: Final = 0x90000


def opened() -> socket.socket:
    """A packet socket that gives IP whatever the link type, and nothing before ``bind``.

    Raises ``Failure`` with NO_PRIVILEGE without CAP_NET_RAW.
    """
    try:
        # Protocol 0 receives nothing, until bind() says otherwise: a filter can be there first.
        return socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, 0)
    except PermissionError as refused:
        raise Failure(Exit.NO_PRIVILEGE, "This user may not open packet sockets (CAP_NET_RAW).") from refused


def bind(receiver: socket.socket, interface: int = 0) -> None:
    """Start to receive from the interface of that index, 0 for all: what arrives and what leaves."""
    # struct sockaddr_ll, since Python's bind() wants a name and cannot say 0. ETH_P_ALL, since sockets of
    # ETH_P_IP are not shown what leaves.
    protocol = socket.htons(_ETH_P_ALL)
    name = struct.pack("=HHiHBB8x", socket.AF_PACKET, protocol, interface, 0, 0, 0)
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.bind(receiver.fileno(), name, len(name)) != 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))


def with_metadata(receiver: socket.socket) -> None:
    """Have recvmsg give the kernel's time and the checksum's status with each packet, for ``metadata``."""
    receiver.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1)
    receiver.setsockopt(SOL_PACKET, PACKET_AUXDATA, 1)


def metadata(ancillary: list[tuple[int, int, bytes]]) -> tuple[int, bool]:
    """The kernel's time in nanoseconds, and whether the checksum was left to the hardware."""
    moment = None
    offloaded = False
    for level, kind, data in ancillary:
        if level == socket.SOL_SOCKET and kind == _SO_TIMESTAMPNS:
            seconds, nanoseconds = _TIMESPEC.unpack(data[: _TIMESPEC.size])
            moment = seconds * 1_000_000_000 + nanoseconds
        elif level == SOL_PACKET and kind == PACKET_AUXDATA:
            (status,) = struct.unpack_from("I", data)
            offloaded = bool(status & TP_STATUS_CSUMNOTREADY)
    return time.time_ns() if moment is None else moment, offloaded


def enlarge(receiver: socket.socket, octets: int) -> None:
    """Ask for a queue of that size, as far as this user may have it."""
    try:
        receiver.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, octets)
    except PermissionError:
        # Needs CAP_NET_ADMIN, and not just that of a user namespace. This is cut to net.core.rmem_max.
        receiver.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, octets)


def see_all(receiver: socket.socket, interface: int) -> None:
    """Be shown what others send each other, too, where the interface can; ends with the socket."""
    with suppress(OSError):
        request = struct.pack("iHH8s", interface, _PACKET_MR_PROMISC, 0, b"")
        receiver.setsockopt(SOL_PACKET, PACKET_ADD_MEMBERSHIP, request)


def without_padding(packet: bytes) -> bytes:
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
