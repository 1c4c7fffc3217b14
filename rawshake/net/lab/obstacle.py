"""Why a system allows no lab, in words, and what to do about it."""

from __future__ import annotations

import errno
import os
import sys
from pathlib import Path
from typing import Final

from rawshake.errors import Exit, Failure
from rawshake.net.privilege import sudo_line

#: Settings that forbid namespaces, and the value that does.
_SETTINGS: Final = {
    "user/max_user_namespaces": "0",
    "user/max_net_namespaces": "0",
    "user/max_pid_namespaces": "0",
    "user/max_mnt_namespaces": "0",
    "kernel/unprivileged_userns_clone": "0",
    "kernel/apparmor_restrict_unprivileged_userns": "1",
}
#: "Seccomp:" of /proc/PID/status: system calls are filtered (proc(5)).
_FILTERED: Final = "2"


def impossible(number: int, refusal: str, *, proc: Path = Path("/proc")) -> Failure:
    """The failure to raise for an ``errno`` and what was refused; LAB_IMPOSSIBLE.

    ``proc`` is where the system's settings are.
    """
    problem = f"This system allows no lab: {_reason(number, refusal, proc)}."
    return Failure(Exit.LAB_IMPOSSIBLE, problem, _next_step(proc))


def _reason(number: int, refusal: str, proc: Path) -> str:
    for setting, forbidding in _SETTINGS.items():
        if _read(proc / "sys" / setting) == forbidding:
            return f"its setting {setting.replace('/', '.')} is {forbidding}"
    if number in (errno.EPERM, errno.EACCES, errno.ENOSYS) and _filtered(proc):
        return f"this container's seccomp profile forbids it ({refusal})"
    if number in (errno.ENOSYS, errno.EINVAL):
        return f"this kernel has not all that it takes ({refusal})"
    if number in (errno.ENOSPC, errno.EUSERS):
        return f"there are as many namespaces as are allowed, or they are nested too deep ({refusal})"
    return refusal


def _next_step(proc: Path) -> str:
    if os.geteuid() != 0:
        return f"Type this: {sudo_line(sys.argv)}"
    if _filtered(proc):
        return "Start the container with more: docker run --privileged, or the same with podman."
    return "Run it outside this container, or in one that was started with --privileged."


def _filtered(proc: Path) -> bool:
    lines = _read(proc / "self/status").splitlines()
    return any(line.split() == ["Seccomp:", _FILTERED] for line in lines)


def _read(file: Path) -> str:
    try:
        return file.read_text(encoding="ascii", errors="replace").strip()
    except OSError:
        return ""
