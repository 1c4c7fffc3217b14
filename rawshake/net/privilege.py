"""Who runs this and what they may: raw sockets, the sudo line to type, and whose the written files are."""

from __future__ import annotations

import errno
import os
import shlex
import shutil
import socket
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO, NamedTuple

from rawshake.errors import Exit, Failure


class User(NamedTuple):
    """Numbers of a user and of their first group."""

    uid: int
    gid: int


def invoking_user() -> User:
    """Who ran sudo, or else who runs this (sudo(8), SUDO_UID and SUDO_GID).

    The two variables count for root only: anyone else could have set them to any number.
    """
    if os.geteuid() == 0:
        try:
            user = User(int(os.environ["SUDO_UID"]), int(os.environ["SUDO_GID"]))
        except (KeyError, ValueError):
            pass
        else:
            if min(user) >= 0:
                return user
    return User(os.getuid(), os.getgid())


def raw_sockets_allowed() -> bool:
    """Whether raw and packet sockets can be opened, tried out: what CAP_NET_RAW allows (capabilities(7))."""
    # A packet socket that was opened takes 5 to 20 ms to close, a grace period of the kernel. So one is
    # asked for of a type that there is not: whether it is allowed is looked at before that (packet(7)).
    for family, kind, protocol in (
        (socket.AF_PACKET, socket.SOCK_STREAM, 0),
        (socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW),
    ):
        try:
            socket.socket(family, kind, protocol).close()
        except OSError as refused:
            if refused.errno in (errno.EPERM, errno.EACCES, errno.EAFNOSUPPORT):
                return False
    return True


def require_raw(argv: Sequence[str]) -> None:
    """Raise ``Failure`` with NO_PRIVILEGE, and what to type for ``argv``, if raw sockets are refused."""
    if raw_sockets_allowed():
        return
    if os.geteuid() == 0:
        raise Failure(
            Exit.NO_PRIVILEGE,
            "Raw sockets are refused even to root: this container has not the capability NET_RAW.",
            "Start it with that: docker run --cap-add NET_RAW, or --cap-add=NET_RAW with podman.",
        )
    raise Failure(Exit.NO_PRIVILEGE, "Raw sockets are root's (CAP_NET_RAW).", f"Type this: {sudo_line(argv)}")


def sudo_line(argv: Sequence[str]) -> str:
    """The command line that runs ``argv``, which is like ``sys.argv``, as root, ready to be pasted.

    With full paths, since sudo searches a path of its own and does not find what is in a virtual
    environment. Where there is no sudo it is a line for su(1).
    """
    script = shutil.which(argv[0]) if argv else None
    if script is not None and Path(script).name != "__main__.py":
        command = [str(Path(script).absolute())]
    else:
        command = [sys.executable, "-m", "rawshake"]
    line = shlex.join([*command, *argv[1:]])
    return f"sudo {line}" if shutil.which("sudo") else f"su -c {shlex.quote(line)}"


def open_for_user(path: str) -> BinaryIO:
    """Open a file to write, made anew or emptied, with the rights of the user who ran sudo, and theirs.

    So a path, or a link planted in its place, leads nowhere that this user could not write without
    sudo. Raises ``Failure`` with UNREADABLE.
    """
    user = invoking_user()
    try:
        with _acting_as(user):
            return Path(path).open("wb")
    except OSError as refused:
        raise _unwritable(path, user, refused) from refused


def write_for_user(path: str, write: Callable[[BinaryIO], object]) -> None:
    """Open a file as ``open_for_user`` does and fill it; ``Failure`` with UNREADABLE also where the disk is full."""
    try:
        with open_for_user(path) as file:
            write(file)
    except OSError as refused:
        raise Failure(
            Exit.UNREADABLE,
            f"The file '{path}' could not be written to its end: {refused.strerror}.",
            "Make room, or name a file elsewhere.",
        ) from refused


def check_writable(path: str) -> None:
    """Raise ``Failure`` with UNREADABLE where ``open_for_user`` would, as far as can be told beforehand."""
    user = invoking_user()
    target = Path(path)
    with _acting_as(user):
        try:
            if target.is_dir():
                raise OSError(errno.EISDIR, os.strerror(errno.EISDIR))
            if not target.parent.stat().st_nlink:  # the directory that we are in was removed
                raise OSError(errno.ENOENT, os.strerror(errno.ENOENT))
            place, right = (target, os.W_OK) if target.exists() else (target.parent, os.W_OK | os.X_OK)
            if not os.access(place, right, effective_ids=True):
                raise OSError(errno.EACCES, os.strerror(errno.EACCES))
        except OSError as refused:
            raise _unwritable(path, user, refused) from refused


def _unwritable(path: str, user: User, refused: OSError) -> Failure:
    if os.geteuid() != user.uid:
        return Failure(
            Exit.UNREADABLE,
            f"The user {user.uid}, who ran sudo, cannot write the file '{path}': {refused.strerror}.",
            "Name a file in a directory of theirs, or unset SUDO_UID if it is to be root's.",
        )
    return Failure(
        Exit.UNREADABLE,
        f"The file '{path}' cannot be written: {refused.strerror}.",
        "Name a file in a directory of yours.",
    )


@contextmanager
def _acting_as(user: User) -> Iterator[None]:
    """Have the kernel judge by this user's rights, which only root can; for root itself nothing changes."""
    uid, gid, groups = os.geteuid(), os.getegid(), os.getgroups()
    if uid != 0 or user.uid == 0:
        yield
        return
    try:
        # In a user namespace, as the lab makes, that user does not exist, and root is no more than
        # whoever made it.
        with suppress(OSError):
            os.setgroups(_groups(user))
            os.setegid(user.gid)
            os.seteuid(user.uid)
        yield
    finally:
        os.seteuid(uid)
        os.setegid(gid)
        with suppress(PermissionError):
            os.setgroups(groups)


def _groups(user: User) -> list[int]:
    import pwd

    try:
        return os.getgrouplist(pwd.getpwuid(user.uid).pw_name, user.gid)
    except KeyError:  # sudo of a user in no password file
        return [user.gid]
