"""An agent in the host whose TCP is looked at: it makes socket calls for whoever connects to its control port.

It is one file that needs nothing but Python: copy it to any machine, and run there

    python3 agent.py --control 9000 --bind 192.0.2.10

It listens at 127.0.0.1 unless another address is named. Whoever reaches its control port can have it listen at that
same address, connect to themselves and to nobody else, and send letters; it touches no file and runs no program. Still
it is for test networks only: it asks nobody for a password. It ends with Ctrl-C.

**The control port.** A line is an order, and is answered by one line: "ok", and what came of it, or "error" and the
name of the errno, as in "error ECONNRESET". Sockets are numbered from 1 for each control connection. When that ends,
whatever it had made is aborted. Orders are obeyed in turn; SECONDS is how long one waits at most, 0 unless given, and
"error EAGAIN" is what comes where that was not enough.

    hello                            ok rawshake-agent 1
    listen [BACKLOG]                 ok SOCKET PORT
    accept SOCKET [SECONDS]          ok SOCKET
    socket                           ok SOCKET           one that is not connected
    connect SOCKET PORT              ok                  begins to connect to the caller's PORT
    send SOCKET OCTETS [SECONDS]     ok OCTETS           how many the kernel took
    recv SOCKET OCTETS [SECONDS]     ok HEX, or ok eof
    urgent SOCKET [SECONDS]          ok HEX              the octet that is out of band
    error SOCKET [SECONDS]           ok ERRNO, or ok 0   SO_ERROR, which is cleared by that
    shutdown SOCKET rd|wr|rdwr       ok
    close SOCKET [SECONDS]           ok                  once the call has returned: see linger
    abort SOCKET                     ok                  a close with linger 0
    set SOCKET OPTION NUMBER         ok

OPTION is linger (seconds; -1: off), nodelay, cork, keepalive, keepidle, keepintvl (seconds), keepcnt, user-timeout
(milliseconds), receive-buffer (octets).
"""

from __future__ import annotations

import argparse
import contextlib
import errno
import selectors
import socket
import struct
import sys
import threading
import time
from typing import Any, Callable, Dict, Generator, List, Optional, Tuple  # noqa: UP035  # runs on old Pythons, too

NAME = "rawshake-agent 1"
#: Seconds between two looks at a socket that an order waits for.
GLANCE = 0.005
#: What a line, and a wait in seconds, may come to; how many sockets one caller may have.
LONGEST_LINE = 1000
LONGEST_WAIT = 600.0
MOST_SOCKETS = 64
MOST_OCTETS = 1 << 20

#: What an order gives is yielded as pauses in seconds, and returned as the rest of its line.
Acts = Generator[float, None, str]

OPTIONS: Dict[str, Tuple[int, str]] = {  # noqa: UP006
    "nodelay": (socket.IPPROTO_TCP, "TCP_NODELAY"),
    "cork": (socket.IPPROTO_TCP, "TCP_CORK"),
    "keepalive": (socket.SOL_SOCKET, "SO_KEEPALIVE"),
    "keepidle": (socket.IPPROTO_TCP, "TCP_KEEPIDLE"),
    "keepintvl": (socket.IPPROTO_TCP, "TCP_KEEPINTVL"),
    "keepcnt": (socket.IPPROTO_TCP, "TCP_KEEPCNT"),
    "user-timeout": (socket.IPPROTO_TCP, "TCP_USER_TIMEOUT"),
    "receive-buffer": (socket.SOL_SOCKET, "SO_RCVBUF"),
}
HOW = {"rd": socket.SHUT_RD, "wr": socket.SHUT_WR, "rdwr": socket.SHUT_RDWR}


def serve(control: socket.socket) -> Generator[float, None, None]:
    """Do what comes over ``control``, which must not block, to its end.

    Yields 0 to be resumed once it can be read, and otherwise how many seconds to pause.
    """
    session: Optional[Session] = None  # noqa: UP045
    text = b""
    try:
        session = Session(control)
        while len(text) <= LONGEST_LINE:
            yield 0.0
            try:
                more = control.recv(LONGEST_LINE)
            except BlockingIOError:
                continue
            if not more:
                return
            text += more
            while b"\n" in text:
                line, _, text = text.partition(b"\n")
                answer = yield from session.obey(line.decode("ascii", "replace").split())
                control.sendall(answer.encode() + b"\n")
    except OSError:
        pass  # the caller is gone
    finally:
        if session is not None:
            session.end()


class Session:
    """The sockets of one caller, and the orders on them."""

    def __init__(self, control: socket.socket) -> None:
        self._control = control
        self._here, self._caller = control.getsockname(), control.getpeername()
        self._sockets: Dict[str, socket.socket] = {}  # noqa: UP006
        self._made = 0
        self._orders: Dict[str, Callable[..., Acts]] = {  # noqa: UP006
            "hello": self._hello, "listen": self._listen, "accept": self._accept, "socket": self._socket,
            "connect": self._connect, "send": self._send, "recv": self._recv, "urgent": self._urgent,
            "error": self._error, "shutdown": self._shutdown, "close": self._close, "abort": self._abort,
            "set": self._set,
        }  # fmt: skip

    def obey(self, words: List[str]) -> Acts:  # noqa: UP006
        """Do as one line says; gives the answer. Raises ``OSError`` once the caller is gone."""
        order = self._orders.get(words[0]) if words else None
        if order is None:
            return f"error EINVAL an order is one of: {' '.join(self._orders)}"
        try:
            return ("ok " + (yield from order(*words[1:]))).rstrip()
        except _CallerGone:
            raise
        except OSError as refused:
            return f"error {errno.errorcode.get(refused.errno or 0, 'EIO')}"
        except (TypeError, ValueError, OverflowError):
            return f"error EINVAL {words[0]} has other arguments"

    def end(self) -> None:
        """Abort whatever there still is."""
        for one in self._sockets.values():
            _linger(one, 0)
            one.close()
        self._sockets.clear()

    def _hello(self) -> Acts:
        yield from ()
        return NAME

    def _listen(self, backlog: str = "16") -> Acts:
        yield from ()
        one = self._new()
        try:
            one.bind((self._here[0], 0, *self._here[2:]))
            one.listen(int(backlog))
        except (OSError, ValueError):
            one.close()
            raise
        return f"{self._keep(one)} {one.getsockname()[1]}"

    def _accept(self, name: str, seconds: str = "0") -> Acts:
        accepted, _ = yield from self._until(self._of(name).accept, seconds)
        accepted.setblocking(False)
        return self._keep(accepted)

    def _socket(self) -> Acts:
        yield from ()
        return self._keep(self._new())

    def _connect(self, name: str, port: str) -> Acts:
        yield from ()
        failed = self._of(name).connect_ex((self._caller[0], int(port), *self._caller[2:]))
        if failed not in (0, errno.EINPROGRESS, errno.EWOULDBLOCK):
            raise OSError(failed, "connect")
        return ""

    def _send(self, name: str, octets: str, seconds: str = "0") -> Acts:
        one, count = self._of(name), min(int(octets), MOST_OCTETS)
        data = (b"abcdefghijklmnopqrstuvwxyz" * (count // 26 + 1))[:count]
        return str((yield from self._until(lambda: one.send(data), seconds)))

    def _recv(self, name: str, octets: str, seconds: str = "0") -> Acts:
        one, most = self._of(name), min(int(octets), 4096)
        data = yield from self._until(lambda: one.recv(most), seconds)
        return data.hex() or "eof"

    def _urgent(self, name: str, seconds: str = "0") -> Acts:
        one = self._of(name)
        deadline = _deadline(seconds)
        while True:
            try:
                return one.recv(1, socket.MSG_OOB).hex() or "eof"
            except OSError as refused:
                # EINVAL is what a kernel says as long as no urgent data has come.
                if refused.errno not in (errno.EINVAL, errno.EAGAIN) or time.monotonic() >= deadline:
                    raise
            yield from self._glance()

    def _error(self, name: str, seconds: str = "0") -> Acts:
        one, deadline = self._of(name), _deadline(seconds)
        while True:
            failed = one.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
            if failed or time.monotonic() >= deadline:
                return errno.errorcode.get(failed, str(failed))
            yield from self._glance()

    def _shutdown(self, name: str, how: str) -> Acts:
        yield from ()
        if how not in HOW:
            raise ValueError(how)
        self._of(name).shutdown(HOW[how])
        return ""

    def _close(self, name: str, seconds: str = "0") -> Acts:
        one = self._of(name)
        del self._sockets[name]
        # Where it lingers the call itself blocks: the others here must not.
        closing = threading.Thread(target=one.close, daemon=True)
        closing.start()
        closing.join(GLANCE)

        def ended() -> None:
            if closing.is_alive():
                raise BlockingIOError(errno.EAGAIN, "close")

        yield from self._until(ended, seconds)
        return ""

    def _abort(self, name: str) -> Acts:
        yield from ()
        one = self._of(name)
        del self._sockets[name]
        _linger(one, 0)
        one.close()
        return ""

    def _set(self, name: str, what: str, number: str) -> Acts:
        yield from ()
        one, value = self._of(name), int(number)
        if what == "linger":
            _linger(one, value)
            return ""
        if what not in OPTIONS:
            raise ValueError(what)
        level, constant = OPTIONS[what]
        if not hasattr(socket, constant):
            raise OSError(errno.ENOPROTOOPT, constant)
        one.setsockopt(level, getattr(socket, constant), value)
        return ""

    # What orders have in common.

    def _new(self) -> socket.socket:
        one = socket.socket(self._control.family, socket.SOCK_STREAM)
        one.setblocking(False)
        return one

    def _keep(self, one: socket.socket) -> str:
        if len(self._sockets) >= MOST_SOCKETS:
            one.close()
            raise OSError(errno.EMFILE, "socket")
        self._made += 1
        self._sockets[str(self._made)] = one
        return str(self._made)

    def _of(self, name: str) -> socket.socket:
        if name not in self._sockets:
            raise OSError(errno.EBADF, name)
        return self._sockets[name]

    def _until(self, call: Callable[[], Any], seconds: str) -> Generator[float, None, Any]:
        """What ``call`` gives once it does not block any more."""
        deadline = _deadline(seconds)
        while True:
            try:
                return call()
            except BlockingIOError:
                if time.monotonic() >= deadline:
                    raise
            yield from self._glance()

    def _glance(self) -> Generator[float, None, None]:
        """Pause, and see whether the caller is still there."""
        yield GLANCE
        try:
            there = self._control.recv(1, socket.MSG_PEEK)
        except BlockingIOError:
            return
        except OSError as lost:
            raise _CallerGone from lost
        if not there:
            raise _CallerGone


class _CallerGone(OSError):
    """The control connection has ended while an order waited."""


def _deadline(seconds: str) -> float:
    return time.monotonic() + min(max(float(seconds), 0.0), LONGEST_WAIT)


def _linger(one: socket.socket, seconds: int) -> None:
    """Have a close wait so long for its FIN to be acknowledged; 0: send RST instead; below 0: neither."""
    form = "hh" if sys.platform == "win32" else "ii"
    one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack(form, int(seconds >= 0), max(seconds, 0)))


def open_control(address: str, port: int) -> socket.socket:
    """The control port, listening. Raises ``OSError``."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    return socket.create_server((address, port), family=family, backlog=128)


def run(listener: socket.socket) -> None:
    """Serve all who come, each in a thread, until interrupted."""
    while True:
        control, _ = listener.accept()
        threading.Thread(target=_drive, args=(control,), daemon=True).start()


def _drive(control: socket.socket) -> None:
    with control, selectors.DefaultSelector() as selector:
        control.setblocking(False)
        control.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        selector.register(control, selectors.EVENT_READ)
        for pause in serve(control):
            if pause:
                time.sleep(pause)  # a thread of its own: only this control connection waits
            else:
                selector.select()


def told(listener: socket.socket) -> str:
    """What it is, in a line."""
    address, port = listener.getsockname()[:2]
    return f"{NAME}: makes TCP calls for whoever connects to {address} port {port}; Ctrl-C ends it."


def main() -> int:
    """Run it as a program of its own; the exit status."""
    parser = argparse.ArgumentParser(description="Makes TCP calls for whoever connects to its control port.")
    parser.add_argument("--control", type=int, required=True, metavar="PORT", help="where to take orders")
    parser.add_argument(
        "--bind", default="127.0.0.1", metavar="ADDRESS", help="one of this machine's [default: 127.0.0.1]"
    )
    asked = parser.parse_args()
    try:
        listener = open_control(asked.bind, asked.control)
    except (OSError, OverflowError) as refused:
        why = str(refused).rstrip(".")
        print(f"agent: {asked.bind} port {asked.control} cannot be had: {why}.", file=sys.stderr)
        return 1
    print(told(listener), flush=True)
    with contextlib.suppress(KeyboardInterrupt):
        run(listener)
    return 0


if __name__ == "__main__":
    sys.exit(main())
