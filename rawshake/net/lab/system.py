"""The system calls that namespaces need and Python 3.11 does not have, through ctypes."""

from __future__ import annotations

import ctypes
import os
import select
import signal
import struct
from collections.abc import Iterable
from enum import IntFlag
from pathlib import Path
from typing import Final

_libc: Final = ctypes.CDLL(None, use_errno=True)


class Namespace(IntFlag):
    """Kinds of namespaces (linux/sched.h)."""

    MOUNT = 0x00020000
    USER = 0x10000000
    PID = 0x20000000
    NETWORK = 0x40000000


class Capability(IntFlag):
    """What the lab needs of root (linux/capability.h)."""

    NET_BIND_SERVICE = 1 << 10
    NET_ADMIN = 1 << 12
    NET_RAW = 1 << 13
    SYS_ADMIN = 1 << 21


_PR_SET_PDEATHSIG: Final = 1
_MS_NOSUID, _MS_NODEV, _MS_NOEXEC, _MS_BIND, _MS_REC, _MS_PRIVATE = 2, 4, 8, 1 << 12, 1 << 14, 1 << 18
_MNT_DETACH: Final = 2
_SFD_CLOEXEC: Final = os.O_CLOEXEC
#: ``si_code`` of a signal that the kernel itself sent, as a terminal's Ctrl-C is (asm-generic/siginfo.h).
SI_KERNEL: Final = 0x80


def _check(result: int, call: str) -> int:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), call)
    return result


def unshare(kinds: Namespace) -> None:
    """Leave the namespaces of these kinds for new ones; for PID, the next child does. Raises ``OSError``."""
    _check(_libc.unshare(ctypes.c_int(kinds)), f"unshare {kinds.name}")


def setns(descriptor: int, kind: Namespace) -> None:
    """Move this thread into a namespace; for PID, its next child. Raises ``OSError`` (setns(2))."""
    _check(_libc.setns(descriptor, ctypes.c_int(kind)), f"setns {kind.name}")


def die_with_parent() -> None:
    """Have the kernel SIGKILL this process when the thread that forked it ends (PR_SET_PDEATHSIG, prctl(2)).

    A parent that ended before the call is not noticed: ask ``os.getppid()`` or a pipe afterwards. A change of
    credentials, a new user namespace included, undoes it: call again.
    """
    _check(_libc.prctl(_PR_SET_PDEATHSIG, ctypes.c_ulong(signal.SIGKILL), 0, 0, 0), "prctl PR_SET_PDEATHSIG")


def mount_private() -> None:
    """Let no mount of this mount namespace reach another."""
    flags = ctypes.c_ulong(_MS_REC | _MS_PRIVATE)
    _check(_libc.mount(None, b"/", None, flags, None), "mount --make-rprivate /")


def mount(kind: str, target: str) -> None:
    """Mount a file system of the kernel's own, such as proc, over a directory. Raises ``OSError``."""
    flags = ctypes.c_ulong(_MS_NOSUID | _MS_NODEV | _MS_NOEXEC)
    text = kind.encode()
    _check(_libc.mount(text, os.fsencode(target), text, flags, None), f"mount {target}")


def bind(file: str, target: str) -> None:
    """Show a file in the place of another one. Raises ``OSError``."""
    flags = ctypes.c_ulong(_MS_BIND)
    _check(_libc.mount(os.fsencode(file), os.fsencode(target), None, flags, None), f"mount --bind {target}")


def unmount(target: str) -> None:
    """Take a file system away; what is bound from it stays. Raises ``OSError``."""
    _check(_libc.umount2(os.fsencode(target), ctypes.c_int(_MNT_DETACH)), f"umount {target}")


def capable(wanted: Capability) -> bool:
    """Whether this process has all of these capabilities in effect."""
    with Path("/proc/thread-self/status").open(encoding="ascii", errors="replace") as status:
        for line in status:
            if line.startswith("CapEff:"):
                return int(line.split()[1], 16) & wanted == wanted
    return False


def signal_descriptor(signals: Iterable[int]) -> int:
    """A descriptor that gives the blocked ``signals`` as they come (signalfd(2)); see ``read_signal``."""
    # sigset_t of the C library is 128 octets at most; signal n is bit n-1 of its first 64.
    mask = 0
    for number in signals:
        mask |= 1 << (number - 1)
    words = struct.pack("=Q", mask) + bytes(120)
    return _check(_libc.signalfd(-1, ctypes.c_char_p(words), _SFD_CLOEXEC), "signalfd")


def read_signal(descriptor: int) -> tuple[int, int]:
    """The next signal of a ``signal_descriptor``: its number and its ``si_code``."""
    number, _errno, code = struct.unpack_from("=IiI", os.read(descriptor, 128))
    return number, code


def hung_up(pipe: int) -> bool:
    """Whether nobody holds the other end of a pipe or socket pair any more."""
    poll = select.poll()
    poll.register(pipe, 0)
    return any(events & (select.POLLHUP | select.POLLERR) for _fd, events in poll.poll(0))
