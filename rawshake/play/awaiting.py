"""What an action of a script has come to, judged by what its peer has in the inbox and by the time."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Final, NoReturn

from rawshake.play.actions import (
    Action,
    Arrival,
    Collect,
    Expect,
    ExpectIcmp,
    IcmpArrival,
    Mismatch,
    Next,
    Quiet,
    Unexpected,
)
from rawshake.play.peer import Peer
from rawshake.play.sketch import Difference, Sketch

#: More fields than there are.
_FAR: Final = 1000


@dataclass(frozen=True, slots=True)
class Settled:
    """An action is over; ``value`` is what the script gets."""

    value: object = None


@dataclass(slots=True)
class Awaiting:
    """An action that was begun at ``began`` (ns), by that line of the script."""

    action: Action[Any]
    began: int
    line: int
    _meanwhile: list[Arrival | IcmpArrival] = field(default_factory=list)

    @property
    def until(self) -> int:
        """When it is over at the latest, in ns."""
        return self.began + int(getattr(self.action, "within", 0))

    def settle(self, now: int) -> Settled | None:
        """What it has come to by ``now``; None if that has to be awaited. Raises ``Unexpected``."""
        action, over = self.action, now >= self.until
        inbox = action.peer.inbox
        match action:
            case Expect():
                return self._expect(action, over)
            case ExpectIcmp():
                return self._expect_icmp(action, over)
            case Quiet():
                self._quiet(action)
            case Next() if inbox:
                return Settled(inbox.popleft())
            case Collect() if over:
                found = tuple(inbox)
                inbox.clear()
                return Settled(found)
        return Settled() if over else None

    def _expect(self, action: Expect, over: bool) -> Settled | None:
        peer = action.peer
        while peer.inbox:
            arrival = peer.inbox.popleft()
            for which, sketch in enumerate(action.sketches):
                if not _differences(sketch, arrival, peer):
                    return Settled(Arrival(arrival.step, arrival.text, which))
            self._meanwhile.append(arrival)
            if action.strict:
                self._fail(action, action.sketches)
        if over:
            self._fail(action, action.sketches)
        return None

    def _expect_icmp(self, action: ExpectIcmp, over: bool) -> Settled | None:
        peer = action.peer
        while peer.icmp:
            arrival = peer.icmp.popleft()
            if action.description in ("", arrival.error.description):
                return Settled(arrival)
            self._meanwhile.append(arrival)
        if over:
            self._meanwhile += peer.inbox
            self._fail(action)
        return None

    def _quiet(self, action: Quiet) -> None:
        peer = action.peer
        while peer.inbox and peer.inbox[0].time <= self.until:
            arrival = peer.inbox.popleft()
            if all(_differences(sketch, arrival, peer) for sketch in action.but):
                self._meanwhile.append(arrival)
                self._fail(action)
        if peer.icmp and peer.icmp[0].time <= self.until:
            self._meanwhile.append(peer.icmp.popleft())
            self._fail(action)

    def _fail(self, action: Expect | Quiet | ExpectIcmp, sketches: Iterable[Sketch] = ()) -> NoReturn:
        """Tell of what came nearest to any of the sketches, or else of what came first."""
        meanwhile = tuple(self._meanwhile)
        came: Arrival | IcmpArrival | None = meanwhile[0] if meanwhile else None
        differences: tuple[Difference, ...] = ()
        nearest = _FAR
        for arrival in meanwhile:
            for sketch in sketches:
                if isinstance(arrival, IcmpArrival):
                    continue
                found = _differences(sketch, arrival, action.peer)
                if len(found) < nearest:
                    came, differences, nearest = arrival, found, len(found)
        raise Unexpected(
            Mismatch(
                expected=str(action),
                within=action.within,
                came=came,
                differences=differences,
                meanwhile=meanwhile,
                sent=action.peer.said,
                line=self.line,
                began=self.began,
            )
        )


def _differences(sketch: Sketch, arrival: Arrival, peer: Peer) -> tuple[Difference, ...]:
    return sketch.differences(arrival.segment, peer.isns(ours=False))
