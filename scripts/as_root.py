"""How to run a command as root of a network namespace of its own, also without being root."""

from __future__ import annotations

import ctypes
import fcntl
import os
import socket
import struct
import sys
from pathlib import Path

CLONE_NEWUSER = 0x10000000  # <linux/sched.h>; os.unshare came with Python 3.12
CLONE_NEWNET = 0x40000000
SIOCSIFFLAGS = 0x8914  # <linux/sockios.h>
IFF_UP = 1


def unshare(flags: int) -> None:
    """Leave the namespaces that ``flags`` names for new ones: unshare(2); OSError where forbidden."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(flags) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


def become_root() -> None:
    """Make this process root of a new network namespace, loopback up; OSError where the system forbids it."""
    uid, gid = os.geteuid(), os.getegid()
    if uid == 0:
        unshare(CLONE_NEWNET)
    else:
        unshare(CLONE_NEWUSER | CLONE_NEWNET)
        # user_namespaces(7): an unprivileged process may map its own group only after giving up setgroups.
        Path("/proc/self/setgroups").write_text("deny", encoding="ascii")
        Path("/proc/self/uid_map").write_text(f"0 {uid} 1", encoding="ascii")
        Path("/proc/self/gid_map").write_text(f"0 {gid} 1", encoding="ascii")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        fcntl.ioctl(any_socket, SIOCSIFFLAGS, struct.pack("16sh14x", b"lo", IFF_UP))


def check() -> bool:
    """Whether raw sockets and network namespaces can be had, by having them; they end with this process."""
    try:
        become_root()
        # AppArmor may let a user namespace be made and then grant it nothing.
        unshare(CLONE_NEWNET)
        socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW).close()
    except OSError:
        return False
    return True


def main(arguments: list[str]) -> int:
    """Check, or become the command."""
    match arguments:
        case ["--check"]:
            return 0 if check() else 1
        case ["--", command, *rest]:
            become_root()
            os.execvp(command, [command, *rest])
    print("usage: as_root.py --check | as_root.py -- COMMAND [ARGUMENT]...", file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
