"""A lab seen from outside: starts it, runs programs in it, enters its network namespaces, and ends it."""

from __future__ import annotations

import json
import os
import select
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from enum import Enum
from pathlib import Path
from types import TracebackType
from typing import Any, Final

from rawshake.errors import Exit, Failure
from rawshake.net import lab
from rawshake.net.lab import system
from rawshake.net.lab.control import Control
from rawshake.net.lab.obstacle import impossible
from rawshake.net.lab.servers import SERVERS, select_servers
from rawshake.net.lab.system import Namespace

_PROGRAM: Final = "import sys; sys.path[:] = {!r}; from rawshake.net.lab import anchor; anchor.main()"
_READY_WITHIN: Final = 30_000  # milliseconds
_GONE_WITHIN: Final = 10_000


class Side(Enum):
    """The two network namespaces of a lab; the value is the place of each in what ``Lab`` keeps."""

    CLIENT = 0
    SERVER = 1


class Lab:
    """A lab that runs until ``close`` or the end of the ``with`` block; made by ``start``.

    ``address4`` and ``address6`` are the servers' addresses (None without IPv6), ``client4`` and ``client6``
    those of the client's end; ``ports`` has each server's port by its name. ``namespaces`` is False for a lab
    on loopback. ``control`` steps the servers and asks their kernel.
    """

    def __init__(
        self,
        anchor: subprocess.Popen[bytes],
        agent: socket.socket,
        control: Control,
        ready: Mapping[str, Any],
        descriptors: Sequence[int],
    ) -> None:
        self._anchor: Final = anchor
        self._agent: Final = agent
        self._descriptors: Final = list(descriptors)
        self.control: Final = control
        self.namespaces: Final = bool(descriptors)
        self.ports: Final[Mapping[str, int]] = dict(ready["ports"])
        ipv6 = bool(ready["ipv6"])
        self.address4: Final = lab.SERVER4 if self.namespaces else "127.0.0.1"
        self.client4: Final = lab.CLIENT4 if self.namespaces else "127.0.0.1"
        self.address6: Final = (lab.SERVER6 if self.namespaces else "::1") if ipv6 else None
        self.client6: Final = (lab.CLIENT6 if self.namespaces else "::1") if ipv6 else None

    def __enter__(self) -> Lab:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def addresses(self) -> tuple[str, ...]:
        """The servers' addresses: IPv4, then IPv6 where there is any."""
        return (self.address4,) if self.address6 is None else (self.address4, self.address6)

    @property
    def process(self) -> int:
        """Process id of the anchor, from which all processes of the lab descend."""
        return self._anchor.pid

    def close(self) -> None:
        """End the lab; when this returns none of its processes is left."""
        self._agent.close()
        self.control.close()
        while self._descriptors:
            os.close(self._descriptors.pop())
        if self._anchor.returncode is None:
            _await_end(self._anchor)

    @contextmanager
    def entered(self, side: Side = Side.CLIENT) -> Iterator[None]:
        """Have this thread make its sockets in the lab, for the ``with`` block; on loopback nothing changes.

        Sockets stay where they were made. Needs CAP_SYS_ADMIN, since the way back does (setns(2)): without it
        use ``spawn`` or ``command.run_function``. Raises ``Failure`` with NO_PRIVILEGE.
        """
        if not self.namespaces:
            yield
            return
        home = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
        try:
            try:
                system.setns(self._descriptors[side.value], Namespace.NETWORK)
            except PermissionError:
                raise Failure(
                    Exit.NO_PRIVILEGE,
                    "Only root can enter the lab's network and come back.",
                    "Run a command in the lab instead: rawshake lab run -- COMMAND.",
                ) from None
            try:
                yield
            finally:
                system.setns(home, Namespace.NETWORK)
        finally:
            os.close(home)

    def enter_for_good(self) -> None:
        """Move this process, of one thread, into the client side; its children into the PID namespace too.

        It cannot come back: call it in a child. Works without root. Raises ``OSError``.
        """
        if not self.namespaces:
            return
        network, _server, process, user = self._descriptors
        if self._has_users():
            system.setns(user, Namespace.USER)
        system.setns(process, Namespace.PID)
        system.setns(network, Namespace.NETWORK)

    def _has_users(self) -> bool:
        """Whether it has a user namespace of its own, in which only one user exists."""
        if not self.namespaces:
            return False
        return not os.path.samestat(os.fstat(self._descriptors[3]), Path("/proc/self/ns/user").stat())

    def spawn(
        self,
        command: Sequence[str],
        *,
        environment: Mapping[str, str] | None = None,
        directory: str | None = None,
        stdin: int = 0,
        stdout: int = 1,
        stderr: int = 2,
        mask: Iterable[int] | None = None,
    ) -> Spawned:
        """Start a program in the lab, as root of its namespaces; no privilege is needed for that.

        ``environment`` and ``directory`` default to those of this process, and RAWSHAKE_LAB is set to the
        servers' addresses; the other three are descriptors. ``mask``: signals to be blocked, else as here.
        Raises ``Failure`` with INTERNAL where the lab has ended. A program that cannot be run shows in
        ``Spawned.wait``.
        """
        if mask is None:
            mask = signal.pthread_sigmask(signal.SIG_BLOCK, ())
        given = dict(os.environ if environment is None else environment)
        if self._has_users():
            # Whoever ran sudo out here is nobody in there.
            given = {name: value for name, value in given.items() if name not in ("SUDO_UID", "SUDO_GID")}
        request = {
            "command": list(command),
            "environment": {**given, lab.ENVIRONMENT: " ".join(self.addresses)},
            "directory": str(Path.cwd()) if directory is None else directory,
            "mask": [int(number) for number in mask],
        }
        status, theirs = os.pipe()
        written = os.memfd_create("request")
        try:
            os.write(written, json.dumps(request).encode())
            os.lseek(written, 0, os.SEEK_SET)
            socket.send_fds(self._agent, [b"spawn"], [stdin, stdout, stderr, theirs, written])
        except OSError:
            os.close(status)
            raise ended() from None
        finally:
            os.close(theirs)
            os.close(written)
        return Spawned(self, list(command), status)

    def signal(self, process: int, number: int) -> None:
        """Send a signal to a process of the lab by its id in there; nothing happens where it is gone."""
        try:
            self._agent.send(b"signal %d %d" % (process, number))
        except OSError:
            raise ended() from None


class Spawned:
    """A program that runs, or ran, in a lab. ``status`` is the descriptor to wait on for news of it."""

    def __init__(self, where: Lab, command: Sequence[str], status: int) -> None:
        self._lab: Final = where
        self._command: Final = command
        self._heard = b""
        self.status: Final = status
        self.process: int | None = None
        self.exit_status: int | None = None

    def send_signal(self, number: int) -> None:
        """Send it a signal, unless it has ended."""
        while self.process is None and self.exit_status is None:
            self.listen()
        if self.process is not None and self.exit_status is None:
            self._lab.signal(self.process, number)

    def wait(self, *, within: int | None = None) -> int:
        """Its exit status once it has ended, 128 + n for signal n.

        Raises ``TimeoutError`` after ``within`` nanoseconds, ``Failure`` with USAGE where it could not be run
        and with INTERNAL where the lab ended before it.
        """
        while self.exit_status is None:
            if within is not None and not select.select([self.status], [], [], within / 1e9)[0]:
                raise TimeoutError(f"{self._command[0]} still runs after {within / 1e9:g} s")
            self.listen()
        return self.exit_status

    def listen(self) -> None:
        """Take in one piece of news, waiting for it; raises as ``wait`` does."""
        if self.exit_status is not None:
            return
        heard = os.read(self.status, 4096)
        if not heard:
            self._close(1)
            raise ended()
        *lines, self._heard = (self._heard + heard).split(b"\n")
        for line in lines:
            word, _space, rest = line.partition(b" ")
            if word == b"started":
                self.process = int(rest)
            elif word == b"raised":
                self._close(int(Exit.INTERNAL))
                status, problem, next_step = json.loads(rest)
                raise Failure(Exit(status), problem, next_step)
            elif word == b"failed":
                self._close(127)
                reason = os.strerror(int(rest))
                raise Failure(
                    Exit.USAGE,
                    f"Cannot run {self._command[0]!r} in the lab: {reason}.",
                    "Give the path of a program, or one that is found along PATH.",
                )
            elif self.exit_status is None:
                self._close(int(rest))

    def _close(self, exit_status: int) -> None:
        self.exit_status = exit_status
        os.close(self.status)


def raised(failure: Failure) -> bytes:
    """The news that a function in the lab raised ``failure``, which ``Spawned.listen`` raises again."""
    return b"raised %s\n" % json.dumps([failure.status, failure.problem, failure.next_step]).encode()


def ended() -> Failure:
    """What to raise where the lab is gone before its time."""
    return Failure(Exit.INTERNAL, "The lab has ended: one of its processes was killed.", "Start it again.")


def start(
    *,
    servers: Iterable[str] | None = None,
    namespaces: bool = True,
    held: bool = False,
    own_group: bool = True,
    meanwhile: Callable[[], None] | None = None,
) -> Lab:
    """Start a lab with these servers, all where None; returns once they all answer.

    ``namespaces`` False puts the servers on 127.0.0.1 and ::1 of the present network, at their ports plus
    10000 (another where that is taken: see ``Lab.ports``). ``held``: servers act only in ``Control.step``.
    ``own_group``: keep a terminal's Ctrl-C from the lab. ``meanwhile`` is called while the lab starts: for
    slow imports.

    The lab ends with the thread that called this. Raises ``Failure`` with LAB_IMPOSSIBLE where the system
    allows no namespaces, USAGE for an unknown server, INTERNAL where the lab does not start otherwise.
    """
    names = [server.name for server in select_servers(SERVERS if servers is None else servers)]
    agent, their_agent = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    control, their_control = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with their_agent, their_control:
        order = {
            "parent": os.getpid(),
            "namespaces": namespaces,
            "servers": names,
            "held": held,
            "agent": their_agent.fileno(),
            "control": their_control.fileno(),
        }
        # -I -S: no start-up file of the user's; modules come from where they come from here.
        path = [str(Path(__file__).parents[3]), *(str(Path(entry).absolute()) for entry in sys.path)]
        flags = ["-I", "-S", *(["-B"] if sys.dont_write_bytecode else [])]
        try:
            anchor = subprocess.Popen(
                [sys.executable, *flags, "-c", _PROGRAM.format(path), json.dumps(order)],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                pass_fds=(their_agent.fileno(), their_control.fileno()),
                process_group=0 if own_group else None,
            )
        except OSError as refused:
            for ours in (agent, control):
                ours.close()
            problem = f"This user cannot run {sys.executable}, as the lab must: {refused.strerror}."
            raise Failure(Exit.LAB_IMPOSSIBLE, problem, "Install rawshake where this user may.") from None
    descriptors: list[int] = []
    try:
        if meanwhile is not None:
            meanwhile()
        ready, descriptors = _await_ready(agent)
        if "impossible" in ready:
            raise impossible(*ready["impossible"])
        if "fault" in ready:
            raise Failure(Exit.INTERNAL, f"The lab did not start: {ready['fault']}.")
    except BaseException:
        for opened in (agent, control):
            opened.close()
        for descriptor in descriptors:
            os.close(descriptor)
        _await_end(anchor)
        raise
    return Lab(anchor, agent, Control(control), ready, descriptors)


def _await_ready(agent: socket.socket) -> tuple[dict[str, Any], list[int]]:
    poll = select.poll()
    poll.register(agent, select.POLLIN)
    if not poll.poll(_READY_WITHIN):
        raise Failure(Exit.INTERNAL, f"The lab was not ready after {_READY_WITHIN // 1000} s.")
    message, descriptors, _flags, _address = socket.recv_fds(agent, 65536, 8, socket.MSG_CMSG_CLOEXEC)
    if not message:
        raise Failure(Exit.INTERNAL, "The lab's first process ended before the lab was ready.")
    ready: dict[str, Any] = json.loads(message)
    return ready, descriptors


def _await_end(anchor: subprocess.Popen[bytes]) -> None:
    """Wait until the anchor, and with it the lab, has ended of itself; else kill it."""
    descriptor = os.pidfd_open(anchor.pid)
    try:
        poll = select.poll()
        poll.register(descriptor, select.POLLIN)
        if not poll.poll(_GONE_WITHIN):
            anchor.kill()
    finally:
        os.close(descriptor)
    anchor.wait()
