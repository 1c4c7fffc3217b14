"""One live connection that has a link of its own: what its user wants of it, and the loop that waits for that."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from rawshake.conversation import Conversation
from rawshake.copies import COPY_WAIT
from rawshake.endpoint import Want
from rawshake.link import Frame
from rawshake.profile import SECOND
from rawshake.report import Exchange, Outcome
from rawshake.tcp.state import State

#: How many frames are taken before they are answered, and judged.
MAX_WAITING: Final = 64
#: How often a run asks whether it is still wanted.
CANCEL_CHECK: Final = SECOND // 2
#: How long an answer may be awaited before what has passed is judged and drawn: nothing is to delay our reply.
PROMPT: Final = SECOND // 50


@dataclass(slots=True)
class Session(Conversation):
    """Drives one connection over ``link``. All waiting is bounded by deadlines in nanoseconds since the epoch."""

    #: whoever waits for the result has gone; asked every CANCEL_CHECK
    cancelled: Callable[[], bool] = lambda: False
    #: called where nothing is half done; what it raises ends the run
    checkpoint: Callable[[], None] = lambda: None

    @property
    def over(self) -> bool:
        """Whether nothing more can come of it, or nobody wants it any more."""
        return self.ended or self.cancelled()

    def now(self) -> int:
        """What time it is for our end."""
        return self.pace.own(self.link.now())

    # What the user wants.

    def connect(self, data: bytes = b"", *, want: Want = Want.OPEN) -> bool:
        """Open; ``data`` rides on the third ACK. True once ESTABLISHED, with that ACK sent."""
        self.endpoint.send(data)
        self.endpoint.want = want
        self.run(lambda: self.established or self.over)
        return self.established and not self.over

    def await_call(self, deadline: int) -> bool:
        """Wait until ``deadline`` (ns) for a SYN of theirs; ``connect`` then opens as if ours had crossed it."""
        self.crossing = True
        self.run(lambda: self.called or self.over, deadline=deadline)
        return self.called

    def send(self, data: bytes, *, quiet: int, deadline: int | None = None) -> bytes:
        """Send, and return what came back until ``quiet`` ns of silence, the peer's FIN, or ``deadline``."""
        self.endpoint.send(data)
        self.endpoint.give(self.now())
        answer = bytearray(self.read())
        heard = self.now()

        def enough() -> bool:
            nonlocal heard
            now, fresh = self.now(), self.read()
            answer.extend(fresh)
            if fresh or self.endpoint.unacknowledged:
                heard = now
            me, fin = self.me, self.peer.fin
            ended = fin is not None and me.rcv_nxt is not None and me.rcv_nxt > fin
            finished = ended and not self.endpoint.unacknowledged
            return finished or self.over or now - heard >= quiet

        self.run(enough, deadline=deadline, tick=quiet // (1 + quiet // CANCEL_CHECK))
        return bytes(answer)

    def close(self, *, crossing: bool = False, deadline: int | None = None) -> bool:
        """Send our FIN and wait for theirs; True once both are acknowledged as far as we can know."""
        self.endpoint.want = Want.CLOSE_CROSSING if crossing else Want.CLOSE
        self.endpoint.give(self.now())

        def done() -> bool:
            self.read()  # what still comes is taken, so that our window stays open
            return self.closed or self.over

        self.run(done, deadline=deadline)
        return self.closed

    def abort(self) -> None:
        """Send a RST, and stay long enough to see what it draws."""
        self.endpoint.want = Want.ABORT
        self.run(lambda: False, deadline=self.link.now() + COPY_WAIT)

    def linger(self, duration: int) -> None:
        """Hold TIME-WAIT for ``duration`` ns: a FIN that comes again is acknowledged again."""
        if self.me.expected is State.TIME_WAIT:
            self.run(lambda: False, deadline=self.link.now() + duration)

    def exchange(self, outcome: Outcome, detail: str = "") -> Exchange:
        """The transcript so far, judged as a whole."""
        if lost := self.link.lost - self._told_lost:
            self.remark(f"the capture lost {lost} frames: more passed than is shown")
            self._told_lost += lost
        self.settle()
        return self.transcript(outcome, detail)

    # The loop.

    def run(self, done: Callable[[], bool], *, deadline: int | None = None, tick: int = CANCEL_CHECK) -> None:
        """Go on until ``done()`` or ``deadline``, which waits while our end does; ask at least every ``tick`` ns."""
        limit = None if deadline is None else deadline - self.link.now() + self.now()
        while True:
            # What has arrived comes before what we want to send: one answer to all of it.
            self._take_all()
            self.flush()
            self.checkpoint()
            now = self.link.now()
            if done() or (limit is not None and self.pace.own(now) >= limit):
                break
            deadline = self.pace.real(limit)
            frame = self._receive(now)
            if frame is None:
                # Nothing waits on the wire, nor will in a moment: the time to judge and to draw.
                since = self._copies.since
                until = now if since is None or not self.endpoint.unacknowledged else since + PROMPT
                if now >= until:
                    until = now if self.judge(most=MAX_WAITING) else now + tick
                frame = self._receive(self.next_deadline(deadline, until))
            if frame is not None:
                self.take(frame)
        self.judge()

    def pump(self) -> None:
        """Take every frame that is there, answer, judge; wait for nothing."""
        self._take_all()
        self.flush()
        self.judge()

    def _take_all(self) -> None:
        for _ in range(MAX_WAITING):
            frame = self._receive(self.link.now())
            if frame is None:
                return
            self.take(frame)
        self.judge(most=2 * MAX_WAITING)

    def _receive(self, deadline: int | None) -> Frame | None:
        frame = self.link.receive(deadline)
        if frame is None:
            self.caught_up = self.link.now()
        return frame

    def settle(self) -> None:
        """Wait for what is held back, and the captured copies of our last segments; judge all that is left."""
        deadline = self._road.until(self.link.now()) + COPY_WAIT
        self.run(lambda: self.settled, deadline=deadline)
        self.judge(rest=True)
