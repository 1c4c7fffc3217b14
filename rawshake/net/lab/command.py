"""Runs one command, or one Python function, in a lab of its own, as if there were no lab around it."""

from __future__ import annotations

import os
import select
import signal
import sys
import traceback
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import Final, NoReturn

from rawshake.errors import Exit, Failure
from rawshake.net.lab import system
from rawshake.net.lab.namespaces import Lab, Spawned, raised, start

#: Signals that the command in the lab gets when this process is sent them.
PASSED_ON: Final = frozenset(
    {signal.SIGINT, signal.SIGQUIT, signal.SIGHUP, signal.SIGTERM, signal.SIGUSR1, signal.SIGUSR2}
)


def run(
    command: Sequence[str],
    *,
    environment: Mapping[str, str] | None = None,
    servers: Iterable[str] | None = None,
    namespaces: bool = True,
) -> int:
    """Run a command in the client's namespaces of a new lab; returns its exit status, 128 + n for signal n.

    It has this process's standard streams, directory, environment and terminal. Signals sent to this process
    are passed on, Ctrl-C reaches it from the terminal. Nothing that it started outlives the call; but with
    ``namespaces`` False what its own children started does. Raises ``Failure`` as ``namespaces.start`` and
    ``Spawned.wait`` do.
    """
    with _blocked() as before, start(servers=servers, namespaces=namespaces, own_group=False) as lab:
        spawned = lab.spawn(command, environment=environment, mask=before)
        return _follow(spawned)


def run_function(
    function: Callable[[Lab], int],
    *,
    servers: Iterable[str] | None = None,
    namespaces: bool = True,
    held: bool = False,
    meanwhile: Callable[[], None] | None = None,
) -> int:
    """Call ``function`` in the client's namespaces of a new lab, and return what it returned: an exit status.

    It runs in a child of this process, forked once the lab is up: call this while there is one thread. It
    gets the lab to step its servers and ask their kernel; ``Lab.spawn`` and ``Lab.entered`` are not for it.
    What it raises is raised here, as a ``Failure``. With ``namespaces`` False it is called in this process.
    """
    if not namespaces:
        with start(servers=servers, namespaces=False, held=held, meanwhile=meanwhile) as lab:
            return function(lab)
    with _blocked() as before, start(servers=servers, held=held, own_group=False, meanwhile=meanwhile) as lab:
        sys.stdout.flush()
        sys.stderr.flush()
        status, theirs = os.pipe()
        parent = os.getpid()
        guide = os.fork()
        if not guide:
            os.close(status)
            _guide(lab, function, parent, theirs, before)
        os.close(theirs)
        try:
            return _follow(Spawned(lab, [function.__name__], status))
        finally:
            # It ends with its child, which ends with the lab; reaped so that nothing is left when we return.
            lab.close()
            os.waitpid(guide, 0)


@contextmanager
def _blocked() -> Iterator[set[signal.Signals | int]]:
    before: set[signal.Signals | int] = set(signal.pthread_sigmask(signal.SIG_BLOCK, PASSED_ON))
    try:
        yield before
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _follow(spawned: Spawned) -> int:
    """Wait for the end of a program in the lab, and pass on meanwhile the signals that come."""
    signals = system.signal_descriptor(PASSED_ON)
    try:
        poll = select.poll()
        poll.register(signals, select.POLLIN)
        poll.register(spawned.status, select.POLLIN)
        while spawned.exit_status is None:
            ready = {descriptor for descriptor, _events in poll.poll()}
            if spawned.status in ready:
                spawned.listen()
            if signals in ready:
                number, code = system.read_signal(signals)
                # The terminal has sent it to the command as well, as to all of the foreground job.
                if code != system.SI_KERNEL:
                    spawned.send_signal(number)
        return spawned.exit_status
    finally:
        os.close(signals)


def _guide(
    lab: Lab, function: Callable[[Lab], int], parent: int, status: int, mask: Iterable[int]
) -> NoReturn:
    """The child that enters the lab; only its own child, born there, is in the PID namespace."""
    try:
        system.die_with_parent()
        if os.getppid() != parent:
            os._exit(1)
        lab.enter_for_good()
        # A new user namespace is a change of credentials, which undoes it.
        system.die_with_parent()
        if os.getppid() != parent:
            os._exit(1)
        lifeline, held_by_guide = os.pipe()
        child = os.fork()
        if not child:
            os.close(held_by_guide)
            system.die_with_parent()
            if not system.hung_up(lifeline):
                _call(lab, function, status, mask)
            os._exit(1)
        _pid, ended = os.waitpid(child, 0)
        code = os.waitstatus_to_exitcode(ended)
        os.write(status, b"ended %d\n" % (code if code >= 0 else 128 - code))
    finally:
        os._exit(0)


def _call(lab: Lab, function: Callable[[Lab], int], status: int, mask: Iterable[int]) -> None:
    os.write(status, b"started %d\n" % os.getpid())
    code = int(Exit.INTERNAL)
    try:
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        code = function(lab)
    except KeyboardInterrupt:
        code = int(Exit.INTERRUPTED)
    except SystemExit as leaving:
        code = leaving.code if isinstance(leaving.code, int) else int(leaving.code is not None)
    except Failure as failure:
        os.write(status, raised(failure))
    except BrokenPipeError:
        code = int(Exit.OK)  # whoever read our output has read enough
    except Exception as fault:  # noqa: BLE001
        if os.environ.get("RAWSHAKE_TRACEBACK"):
            traceback.print_exc()
        problem = f"This is a fault in rawshake: {type(fault).__name__}: {fault}."
        advice = "Set RAWSHAKE_TRACEBACK=1, run it again, and report what it prints."
        os.write(status, raised(Failure(Exit.INTERNAL, problem, advice)))
    except BaseException as stopped:  # noqa: BLE001
        # What a signal handler of the caller's raises carries the exit status.
        code = int(getattr(stopped, "status", Exit.INTERNAL))
    finally:
        for stream in (sys.stdout, sys.stderr):
            with suppress(OSError):
                stream.flush()
        os._exit(code)
