"""How a test gets a network of its own for a moment: a thread in a new namespace, which ends with it."""

from __future__ import annotations

import ctypes
import os
import socket
import struct
from collections.abc import Callable
from functools import wraps
from threading import Thread

from rawshake.net.lab.netlink import LOOPBACK_INDEX, bring_up
from rawshake.net.lab.system import Namespace, unshare


def isolated(test: Callable[..., None]) -> Callable[..., None]:
    """Run the test in a new network namespace where only loopback is, on one processor.

    Loopback hands packets over on the processor that sent them. So there, when a packet is seen, all that the
    kernel did because of earlier ones has been done: to see that nothing happened no test must wait.
    """

    @wraps(test)
    def run(*arguments: object, **named: object) -> None:
        raised: list[BaseException] = []

        def body() -> None:
            try:
                os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
                unshare(Namespace.NETWORK)
                bring_up(LOOPBACK_INDEX)
                test(*arguments, **named)
            except BaseException as error:  # noqa: BLE001  # handed on to the thread that waits
                raised.append(error)

        thread = Thread(target=body)
        thread.start()
        thread.join()
        if raised:
            raise raised[0]

    return run


NET_BIND_SERVICE, NET_ADMIN, NET_RAW = 10, 12, 13  # linux/capability.h


def keep_capabilities(*kept: int) -> None:
    """Take all capabilities but these from this thread, not from its process: capset(2)."""
    mask = sum(1 << number for number in kept)
    header = struct.pack("=Ii", 0x20080522, 0)  # _LINUX_CAPABILITY_VERSION_3
    data = struct.pack("=6I", mask, mask, 0, 0, 0, 0)
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.capset(header, data) != 0:
        raise OSError(ctypes.get_errno(), "capset")


def inject(packet: bytes, interface: str = "lo") -> None:
    """Put any octets at all onto an interface as an IP packet, below what raw sockets would mend."""
    ethertype = {4: 0x0800, 6: 0x86DD}[packet[0] >> 4]
    with socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, 0) as link:
        link.sendto(packet, (interface, ethertype, 0, 0, b"\0" * 6))
