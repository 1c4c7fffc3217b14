"""The command line, and how every ending becomes words and an exit status; ``commands`` holds which there are."""

from __future__ import annotations

import errno
import os
import sys
from contextlib import suppress
from typing import Final, NoReturn

from rawshake.cli.stops import Stopped, install
from rawshake.errors import Exit, Failure

#: What a write may fail with through no fault of ours.
_UNWRITABLE: Final = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EBADF)


def main() -> NoReturn:
    """Run, and leave by the exit status; the user sees sentences, never a traceback."""
    install()
    try:
        _open_standard_streams()
        from rawshake.cli.commands import run  # only now: Ctrl-C may come while click is imported

        status = run()
        sys.stdout.flush()
    except Failure as failure:
        status = complain(failure)
    except Stopped as stopped:
        status = stopped.status
    except BrokenPipeError:
        status = Exit.OK  # whoever read our output has read enough
    except Exception as fault:
        if os.environ.get("RAWSHAKE_TRACEBACK"):
            raise
        status = complain(_described(fault))
    try:
        sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    sys.exit(status)


def _open_standard_streams() -> None:
    """Open what our starter has closed: the next socket would be standard output, and be written to."""
    for descriptor, name, mode in ((0, "stdin", "r"), (1, "stdout", "w"), (2, "stderr", "w")):
        if getattr(sys, name) is None:
            null = os.open(os.devnull, os.O_RDWR)
            if null != descriptor:
                os.dup2(null, descriptor)
                os.close(null)
            setattr(sys, name, open(descriptor, mode, closefd=False))  # noqa: SIM115  # as long as we live


def _described(fault: Exception) -> Failure:
    if isinstance(fault, OSError) and fault.errno in _UNWRITABLE:
        return Failure(
            Exit.UNREADABLE,
            f"What there is to say cannot be written: {os.strerror(fault.errno)}.",
            "Look at where standard output leads.",
        )
    return Failure(
        Exit.INTERNAL,
        f"This is a fault in rawshake: {type(fault).__name__}: {fault}.",
        "Set RAWSHAKE_TRACEBACK=1, run it again, and report what it prints.",
    )


def complain(failure: Failure) -> Exit:
    """Write a failure to standard error: one sentence and a next step."""
    lines = [f"rawshake: {failure.problem}"]
    if failure.next_step:
        lines.append(f"  {failure.next_step}")
    with suppress(OSError):
        print("\n".join(lines), file=sys.stderr, flush=True)
    return failure.status
