"""Step by step: somebody lets each segment of ours leave, and until then time stands still for our end."""

from __future__ import annotations

from collections.abc import Iterable
from copy import deepcopy
from dataclasses import dataclass
from typing import Final, Protocol

from rawshake.endpoint import Endpoint
from rawshake.judge import Ruling
from rawshake.tcp.view import Step

#: What these rules ask of us in time, whoever lets our segments wait may break: that is no fault worth telling.
UNHURRIED: Final = frozenset(
    """
    delayed-ack-under-500ms ack-every-second-segment unacceptable-seq-acked out-of-order-dup-ack keepalive-answered
    syn-backoff data-rto-backoff fast-retransmit fin-never-acked sequence-gap-filled timewait-reacks ts-value-monotonic
    zero-window-probed receiver-sws-avoided
    """.split()
)


class Gate(Protocol):
    """Whoever says when a segment may leave."""

    def ask(self, step: Step) -> None:
        """Show what is to be sent next, as the step that it will be."""
        ...

    def opened(self) -> bool:
        """Whether it may leave, told once; may raise where nobody wants that any more."""
        ...

    def withdraw(self) -> None:
        """There is nothing to be sent any more."""
        ...


@dataclass(slots=True)
class Pace:
    """Whether our end may send now, and what time it is for it; without a gate always, and the usual time.

    Times are nanoseconds since the epoch.
    """

    gate: Gate | None = None
    #: something waits until all that has passed is told
    withheld: bool = False
    _stepped: bool = False
    _paused: int = 0
    #: since when a question is open, and in what situation it was asked
    _since: int | None = None
    _asked: tuple[object, ...] | None = None

    def own(self, now: int) -> int:
        """What time it is for our end: it does not see the time in which it is not let go on."""
        return (now if self._since is None else self._since) - self._paused

    def real(self, own: int | None) -> int | None:
        """When a moment of our end's time comes; None while its time stands still."""
        return None if own is None or self._since is not None or self.withheld else own + self._paused

    def may_send(self, endpoint: Endpoint, now: int, *, told: int, untold: bool) -> bool:
        """Whether ``endpoint`` may send its next segment, if it has any.

        ``told`` is how much of the transcript has been told; nothing is asked while something is left ``untold``.
        """
        self.withheld = False
        if self.gate is None:
            return True
        self._stepped = True
        situation = told, untold, endpoint.tracker.count, endpoint.want, endpoint.queued, len(endpoint.unread)
        if situation != self._asked:
            next_step = preview(endpoint, self.own(now))
            if next_step is None:
                if self._since is not None:
                    self.gate.withdraw()
                self._go_on(now)
                return True
            if untold:
                self.withheld = True
                return False
            self._since = now if self._since is None else self._since
            self._asked = situation
            self.gate.ask(next_step)
        if not self.gate.opened():
            return False
        self._go_on(now)
        return True

    def release(self, now: int) -> None:
        """Ask no more: from now on everything leaves at once."""
        if self.gate is not None and self._since is not None:
            self.gate.withdraw()
        self._go_on(now)
        self.gate, self.withheld = None, False

    def _go_on(self, now: int) -> None:
        if self._since is not None:
            self._paused += now - self._since
        self._since = self._asked = None

    def fair(self, rulings: Iterable[Ruling]) -> tuple[Ruling, ...]:
        """The rulings without what we are charged with only because we were not let go on."""
        if not self._stepped:
            return tuple(rulings)
        return tuple(one for one in rulings if not (one.ours and one.is_finding and one.rule in UNHURRIED))


def preview(endpoint: Endpoint, now: int) -> Step | None:
    """What ``endpoint`` would send now, and what that would do; nothing is decided by that."""
    tracker = deepcopy(endpoint.tracker)
    outgoing = deepcopy(endpoint, {id(endpoint.tracker): tracker}).poll(now)
    if outgoing is None:
        return None
    return tracker.apply(outgoing.segment, now, ours=True, meant=outgoing.meant)
