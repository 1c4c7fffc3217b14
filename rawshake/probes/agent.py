"""An agent in the target at work for a probe: orders over a connection made by hand, and those that it makes for us.

The orders are those of ``net/lab/agent.py``, which tells them all. ``peer`` of a probe that needs one (``server=
Server.AGENT``) is the control connection; what is looked at are further ones.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from math import ceil
from typing import Any, Final

from rawshake.play import Action, Peer
from rawshake.probes.model import Check, broken, undecided
from rawshake.probes.park import established, syn_sent
from rawshake.tcp.segment import Segment
from rawshake.tcp.seq import Seq

#: Seconds after which an order, or its answer, may have been lost, and it is sent again.
AGAIN: Final = 0.5
#: Seconds in which an agent answers what it need not wait for; how long it may wait for what is on its way.
ANSWERED: Final = 2.0
SOON: Final = 2


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of an order: the ``words`` after "ok", or the name of an ``errno``."""

    words: tuple[str, ...] = ()
    errno: str = ""

    def __str__(self) -> str:
        return self.errno or " ".join(("ok", *self.words))


@dataclass(slots=True, eq=False)
class Agent:
    """An agent that takes orders over ``control``; ``read`` is the number of the next octet of its answers."""

    control: Peer
    read: Seq
    text: bytes = b""
    _order: str = ""
    _sent: Segment | None = None

    def begin(self, order: str) -> Generator[Action[Any], Any, None]:
        """Give an order; its answer is awaited by ``answer``, before the next."""
        self._order = order
        self._sent = yield from self.control.send("P.", data=f"{order}\n".encode())

    def answer(self, within: float = ANSWERED) -> Generator[Action[Any], Any, Answer]:
        """What came of the order, within so many seconds. Raises ``Undecided`` where nothing does."""
        for _ in range(ceil(within / AGAIN)):
            while b"\n" not in self.text:
                came = yield from self.control.next(within=AGAIN)
                if came is None:
                    break
                yield from self._take(came.segment)
            if b"\n" in self.text:
                line, _, self.text = self.text.partition(b"\n")
                said, *words = line.decode("ascii", "replace").split() or [""]
                if said == "error" and words:
                    return Answer(errno=words[0])
                return Answer(tuple(words))
            if self._sent is not None and self.control.their.view.last_ack != self._sent.end:
                yield from self.control.send(f"P. ={self._sent.seq}:", data=self._sent.payload)
        undecided(f"the agent did not answer {self._order!r}")

    def answered(self, for_: float) -> Generator[Action[Any], Any, bool]:
        """Whether an answer comes within about so many seconds; ``answer`` still gives it."""
        while b"\n" not in self.text:
            came = yield from self.control.next(within=for_)
            if came is None:
                return False
            yield from self._take(came.segment)
        return True

    def call(self, order: str, within: float = ANSWERED) -> Generator[Action[Any], Any, Answer]:
        """Give an order, and await what comes of it."""
        yield from self.begin(order)
        return (yield from self.answer(within))

    def must(self, order: str, within: float = ANSWERED) -> Generator[Action[Any], Any, tuple[str, ...]]:
        """The same for what a probe needs for its question: its words. Raises ``Undecided`` where it failed."""
        found = yield from self.call(order, within)
        if found.errno:
            undecided(f"the agent's host said {found.errno} to {order!r}")
        return found.words

    def _take(self, segment: Segment) -> Generator[Action[Any], Any, None]:
        if segment.rst or segment.fin:
            undecided("the agent ended its control connection")
        if segment.payload_length:
            if segment.seq == self.read:
                self.text += segment.payload
                self.read = segment.end
            yield from self.control.send(".")


def hire(control: Peer) -> Generator[Action[Any], Any, Agent]:
    """Open the control connection to an agent."""
    yield from established(control)
    agent = Agent(control, read=control.their.view.nxt or Seq(0))
    words = yield from agent.must("hello")
    if words[:1] != ("rawshake-agent",):
        undecided("what listens at the port named by --agent is none")
    return agent


def served(agent: Agent) -> Generator[Action[Any], Any, tuple[Peer, str]]:
    """A connection of ours that the agent has accepted, in ESTABLISHED, and the number of its socket."""
    peer, listener = yield from unaccepted(agent)
    (number,) = yield from agent.must(f"accept {listener} {SOON}", within=ANSWERED + SOON)
    return peer, number


def unaccepted(agent: Agent) -> Generator[Action[Any], Any, tuple[Peer, str]]:
    """The same before it is accepted; the number is the listening socket's."""
    listener, port = yield from agent.must("listen")
    peer = agent.control.another(int(port))
    yield from established(peer)
    return peer, listener


def dialled(agent: Agent) -> Generator[Action[Any], Any, tuple[Peer, str]]:
    """A connection that the agent begins to us, in SYN-SENT, and the number of its socket."""
    (number,) = yield from agent.must("socket")
    peer = agent.control.another(0)
    yield from agent.must(f"connect {number} {peer.here[1]}")
    yield from syn_sent(peer)
    return peer, number


def received(agent: Agent, number: str, wanted: bytes) -> Generator[Action[Any], Any, Check]:
    """Whether RECEIVE gives just ``wanted``, in however many parts."""
    got = b""
    while len(got) < len(wanted):
        found = yield from agent.call(f"recv {number} 1000 {SOON}", within=ANSWERED + SOON)
        if found.errno or found.words == ("eof",):
            break
        got += bytes.fromhex("".join(found.words))
    return told(
        "RECEIVE gives what was sent", wanted.decode("ascii", "replace"), got.decode("ascii", "replace")
    )


def told(what: str, expected: str, actual: object) -> Check:
    """A check that the host told its program ``expected``."""
    if str(actual) == expected:
        return Check(what, expected=expected, actual=str(actual))
    return broken(
        f"{what}: it is {actual}, not {expected}.",
        what=what,
        field="answer",
        expected=expected,
        actual=actual,
    )
