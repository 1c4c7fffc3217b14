"""The processes that a lab consists of: the anchor, the first process of its PID namespace, and the servers.

The launcher starts the anchor as a program of its own, with a clean memory and few descriptors. The
anchor makes the namespaces and forks their first process, *init*; init forks the servers' process and
what the launcher has it run. Each has asked to be killed when its parent ends, the kernel ends a PID
namespace with its first process, and init ends when the servers do: so none outlives another.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import select
import signal
import socket
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, NoReturn

from pyroute2.netlink.exceptions import NetlinkError

from rawshake.net import lab
from rawshake.net.lab import netlink, system
from rawshake.net.lab.answer import answer
from rawshake.net.lab.loop import Loop, open_doors
from rawshake.net.lab.servers import select_servers
from rawshake.net.lab.system import Capability, Namespace

#: Interface index of either end of the wire: the next after lo's.
_INDEX: Final = 2
#: Who has these needs no user namespace.
_NEEDED: Final = (
    Capability.SYS_ADMIN | Capability.NET_ADMIN | Capability.NET_RAW | Capability.NET_BIND_SERVICE
)
_RUNNING_WITHIN: Final = 5_000_000_000
#: On loopback the servers are at their ports plus this, where no privilege is needed.
LOOPBACK_OFFSET: Final = 10_000

#: What a terminal or a shell sends to all of a job. The launcher passes it on; here it does nothing.
BLOCKED: Final = frozenset({signal.SIGINT, signal.SIGQUIT, signal.SIGHUP, signal.SIGTERM})


@dataclass(frozen=True, slots=True)
class Order:
    """What the launcher tells the anchor: its own process id, the lab wanted, and inherited descriptors."""

    parent: int
    namespaces: bool
    servers: tuple[str, ...]
    held: bool
    agent: int
    control: int


def main() -> NoReturn:
    """The anchor; its one argument is an ``Order`` as JSON."""
    signal.pthread_sigmask(signal.SIG_SETMASK, BLOCKED)
    order = Order(**json.loads(sys.argv[1]))
    system.die_with_parent()
    if os.getppid() != order.parent:
        os._exit(1)
    agent, control = socket.socket(fileno=order.agent), socket.socket(fileno=order.control)
    for inherited in (agent, control):
        inherited.set_inheritable(False)
    try:
        if order.namespaces:
            _become_init(order, agent, control)
        Init(order, agent).govern(control)
    except Exception as error:  # noqa: BLE001
        _tell(agent, _excuse(error))
    os._exit(1)


def _excuse(error: Exception) -> dict[str, Any]:
    """What the launcher makes a sentence of: either the system refused something, or we are at fault."""
    if isinstance(error, OSError):
        what = f"{error.strerror}: {error.filename}" if error.filename else str(error.strerror or error)
        return {"impossible": [error.errno or 0, what]}
    if isinstance(error, NetlinkError):
        return {"impossible": [error.code, f"{os.strerror(error.code)}: netlink"]}
    return {"fault": f"{type(error).__name__}: {error}"}


def _tell(agent: socket.socket, what: dict[str, Any], descriptors: list[int] | None = None) -> None:
    try:
        socket.send_fds(agent, [json.dumps(what).encode()], descriptors or [])
    except OSError:
        os._exit(1)  # the launcher is gone


def _become_init(order: Order, agent: socket.socket, control: socket.socket) -> None:
    """Make the namespaces; returns in their first process, while the anchor waits for it to end."""
    _leave(user=not system.capable(_NEEDED))
    system.die_with_parent()
    if os.getppid() != order.parent:
        os._exit(1)
    lifeline, held_by_anchor = os.pipe()
    init = os.fork()
    if init:
        os.close(lifeline)
        agent.close()
        control.close()
        os.waitpid(init, 0)
        os._exit(0)
    os.close(held_by_anchor)
    system.die_with_parent()
    # The parent is out of sight in another PID namespace: only its pipe tells whether it still lives.
    if system.hung_up(lifeline):
        os._exit(1)


def _leave(*, user: bool) -> None:
    kinds = Namespace.MOUNT | Namespace.PID | Namespace.NETWORK
    if not user:
        system.unshare(kinds)
        return
    uid, gid = os.geteuid(), os.getegid()
    system.unshare(Namespace.USER | kinds)
    # An unprivileged process may map its own ids only, and groups only once it has given up setgroups
    # (user_namespaces(7)).
    for file, text in (("setgroups", "deny"), ("uid_map", f"0 {uid} 1"), ("gid_map", f"0 {gid} 1")):
        path = Path("/proc/self", file)
        try:
            path.write_text(text, encoding="ascii")
        except OSError as refusal:
            raise OSError(refusal.errno, refusal.strerror, str(path)) from refusal


@dataclass(slots=True)
class Init:
    """The process that starts, reaps and ends all others of the lab; on loopback the anchor itself."""

    order: Order
    agent: socket.socket
    servers: int = 0

    def govern(self, control: socket.socket) -> NoReturn:
        """Set the lab up, say so, then do as the launcher says, until it or the servers end."""
        child_ended, wakeup = os.pipe()
        for end in (child_ended, wakeup):
            os.set_blocking(end, False)
        signal.signal(signal.SIGCHLD, lambda _number, _frame: None)
        signal.set_wakeup_fd(wakeup, warn_on_full_buffer=False)
        here, there = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.servers = os.fork()
        if not self.servers:
            here.close()
            self.agent.close()
            signal.set_wakeup_fd(-1)
            _serve(self.order, there, control)
        there.close()
        control.close()
        _tell(self.agent, *self._set_up(here))
        here.close()
        self._obey(child_ended)

    def _set_up(self, servers: socket.socket) -> tuple[dict[str, Any], list[int]]:
        descriptors: list[int] = []
        if self.order.namespaces:
            may_mount = _own_mounts()
            _message, (server_network,), _flags, _address = socket.recv_fds(
                servers, 1, 1, socket.MSG_CMSG_CLOEXEC
            )
            netlink.lay_wire(lab.INTERFACE, _INDEX, server_network)
            servers.send(b"wired")
            has_ipv6 = _configure(lab.CLIENT4, lab.CLIENT6, lab.CLIENT_LINK_LOCAL)
            if may_mount:
                _name_servers(lab.SERVER4, *([lab.SERVER6] if has_ipv6 else []))
            descriptors = [
                os.open(f"/proc/thread-self/ns/{kind}", os.O_RDONLY) for kind in ("net", "pid", "user")
            ]
            descriptors.insert(1, server_network)
        ready: dict[str, Any] = json.loads(servers.recv(65536) or b'{"fault": "the servers ended"}')
        if "ports" in ready and self.order.namespaces:
            netlink.await_running(_INDEX, _RUNNING_WITHIN)
        return ready, descriptors

    def _obey(self, child_ended: int) -> NoReturn:
        poll = select.poll()
        poll.register(self.agent, select.POLLIN)
        poll.register(child_ended, select.POLLIN)
        running: dict[int, int] = {}
        try:
            more = True
            while more:
                ready = {descriptor for descriptor, _events in poll.poll()}
                if child_ended in ready:
                    os.read(child_ended, 4096)
                    more = self._reap(running)
                if self.agent.fileno() in ready:
                    more = self._do(running) and more
        finally:
            self._end(running)

    def _end(self, running: dict[int, int]) -> NoReturn:
        # In a PID namespace the kernel ends everyone with its first process, and waits until they are gone.
        if not self.order.namespaces:
            for child in filter(None, (self.servers, *running)):
                os.kill(child, signal.SIGKILL)  # not reaped yet, so the number is still theirs
                os.waitpid(child, 0)
        os._exit(0)

    def _reap(self, running: dict[int, int]) -> bool:
        while True:
            try:
                child, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return True
            if child == 0:
                return True
            if child == self.servers:
                self.servers = 0
                return False
            if child in running:
                _report(running.pop(child), status)

    def _do(self, running: dict[int, int]) -> bool:
        message, descriptors, _flags, _address = socket.recv_fds(self.agent, 4096, 8, socket.MSG_CMSG_CLOEXEC)
        match message.split():
            case [b"spawn"]:
                child = _spawn(descriptors)
                for descriptor in descriptors[:3] + descriptors[4:]:
                    os.close(descriptor)
                running[child] = descriptors[3]
            case [b"signal", process, number]:
                try:
                    if self.order.namespaces or int(process) in running:
                        os.kill(int(process), int(number))
                except ProcessLookupError:
                    pass
            case _:
                return False
        return True


def _report(status_pipe: int, status: int) -> None:
    code = os.waitstatus_to_exitcode(status)
    with contextlib.suppress(BrokenPipeError):
        os.write(status_pipe, b"ended %d\n" % (code if code >= 0 else 128 - code))
    os.close(status_pipe)


def _own_mounts() -> bool:
    """Show the lab's own processes and interfaces under /proc and /sys; whether the system allows any mount."""
    try:
        system.mount_private()
    except OSError:
        return False  # a mount would show outside; AppArmor forbids mounts in most containers
    for kind, target in (("proc", "/proc"), ("sysfs", "/sys")):
        with contextlib.suppress(OSError):
            system.mount(kind, target)
    return True


def _name_servers(*addresses: str) -> None:
    """Have /etc/hosts know the servers' host by name, as far as it is seen in here."""
    hosts = Path("/etc/hosts")
    with contextlib.suppress(OSError):
        known = hosts.read_text(encoding="utf-8", errors="surrogateescape")
        # The file's own file system is gone from sight at once, and lasts as long as the file is shown.
        system.mount("tmpfs", "/sys")
        try:
            new = Path("/sys/hosts")
            lines = "".join(f"{address} {lab.NAME}\n" for address in addresses)
            new.write_text(lines + known, encoding="utf-8", errors="surrogateescape")
            system.bind(str(new), str(hosts))
        finally:
            system.unmount("/sys")


def _configure(address4: str, address6: str, link_local: str) -> bool:
    """Addresses for one end of the wire; returns whether it has IPv6."""
    netlink.bring_up(netlink.LOOPBACK_INDEX)
    netlink.honest_checksums(lab.INTERFACE)
    has_ipv6 = netlink.no_made_up_address(_INDEX)
    netlink.bring_up(_INDEX)
    netlink.add_address(_INDEX, address4, lab.PREFIX4)
    if has_ipv6:
        netlink.add_address(_INDEX, address6, lab.PREFIX6)
        netlink.add_address(_INDEX, link_local, lab.PREFIX6)
    return has_ipv6


def _spawn(descriptors: list[int]) -> int:
    """Fork a program. The descriptors: its standard three, a pipe for its status, the request as a file."""
    child = os.fork()
    if child:
        return child
    status_pipe = descriptors[3]
    try:
        system.die_with_parent()
        signal.set_wakeup_fd(-1)
        with os.fdopen(descriptors[4], "rb") as file:
            request: dict[str, Any] = json.load(file)
        for standard, descriptor in enumerate(descriptors[:3]):
            os.dup2(descriptor, standard)
        # Python ignores these two; what is ignored stays so in a new program.
        for number in (signal.SIGPIPE, signal.SIGXFSZ):
            signal.signal(number, signal.SIG_DFL)
        os.write(status_pipe, b"started %d\n" % os.getpid())
        signal.pthread_sigmask(signal.SIG_SETMASK, request["mask"])
        os.chdir(request["directory"])
        os.execvpe(request["command"][0], request["command"], request["environment"])
    except (OSError, ValueError) as error:
        os.write(status_pipe, b"failed %d\n" % (getattr(error, "errno", None) or errno.EINVAL))
    finally:
        os._exit(127)


def _serve(order: Order, init: socket.socket, control: socket.socket) -> NoReturn:
    """The servers' process."""
    try:
        system.die_with_parent()
        if system.hung_up(init.fileno()):
            os._exit(1)
        loop, ready = _open_servers(order, init)
        init.send(json.dumps(ready).encode())
    except Exception as error:  # noqa: BLE001
        init.send(json.dumps(_excuse(error)).encode())
        os._exit(1)
    init.close()
    loop.run(control, answer)
    os._exit(0)


def _open_servers(order: Order, init: socket.socket) -> tuple[Loop, dict[str, Any]]:
    if order.namespaces:
        system.unshare(Namespace.NETWORK)
        network = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
        socket.send_fds(init, [b"n"], [network])
        os.close(network)
        if init.recv(8) != b"wired":
            os._exit(1)
        has_ipv6 = _configure(lab.SERVER4, lab.SERVER6, lab.SERVER_LINK_LOCAL)
        netlink.await_running(_INDEX, _RUNNING_WITHIN)
        everywhere = ["0.0.0.0", "::"] if has_ipv6 else ["0.0.0.0"]
        doors, ports = open_doors(select_servers(order.servers), everywhere)
    else:
        has_ipv6 = _loopback_has_ipv6()
        everywhere = ["127.0.0.1", "::1"] if has_ipv6 else ["127.0.0.1"]
        doors, ports = open_doors(
            select_servers(order.servers), everywhere, offset=LOOPBACK_OFFSET, elsewhere=True
        )
    return Loop(doors, held=order.held), {"ports": ports, "ipv6": has_ipv6}


def _loopback_has_ipv6() -> bool:
    try:
        with socket.socket(socket.AF_INET6, socket.SOCK_STREAM) as attempt:
            attempt.bind(("::1", 0))
    except OSError:
        return False
    return True
