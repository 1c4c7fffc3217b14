"""How an end opened a connection, which is all that rules over a whole capture see of it."""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from rawshake.tcp.seq import Seq
from rawshake.tcp.state import State
from rawshake.tcp.view import End, Step

Address = tuple[str, int]

#: How many SYNs of one end are remembered, how many openings of one host, and of how many hosts and tuples.
SYNS: Final = 64
OF_ONE: Final = 16
HOSTS: Final = 4096
TUPLES: Final = 16_384


@dataclass(frozen=True, slots=True)
class Opening:
    """The SYNs of one end of one connection. Times are ns since the epoch.

    ``connection`` is its number in the capture, ``step`` the number of the first SYN within it, ``until`` how far
    the capture had come when no more was to come of the connection. ``complete`` says that the peer
    acknowledged the SYN, ``answered`` that the peer sent anything at all.
    """

    connection: int
    end: End
    step: int
    isn: Seq
    here: Address
    there: Address
    syns: tuple[int, ...]
    until: int
    complete: bool = False
    answered: bool = False
    #: SND.NXT when it was last seen
    nxt: Seq | None = None
    peer_isn: Seq | None = None
    #: it was left in TIME-WAIT
    waits: bool = False

    @property
    def time(self) -> int:
        return self.syns[0]


class Others:
    """Openings of connections that ended before, within bounds: the last few of each host, the last of a tuple."""

    def __init__(self) -> None:
        self._hosts: OrderedDict[str, deque[Opening]] = OrderedDict()
        self._tuples: OrderedDict[tuple[Address, Address], Opening] = OrderedDict()

    def __len__(self) -> int:
        """How many hosts and tuples are remembered."""
        return len(self._hosts) + len(self._tuples)

    def of_host(self, opening: Opening) -> Sequence[Opening]:
        """What the same host sent on other tuples, as it ended."""
        return [one for one in self._hosts.get(opening.here[0], ()) if _tuple(one) != _tuple(opening)]

    def of_tuple(self, opening: Opening) -> Opening | None:
        """What the same end sent when these addresses and ports were last used."""
        return self._tuples.get(_tuple(opening))

    def add(self, opening: Opening) -> None:
        host = opening.here[0]
        self._hosts.setdefault(host, deque(maxlen=OF_ONE)).append(opening)
        self._hosts.move_to_end(host)
        if len(self._hosts) > HOSTS:
            self._hosts.popitem(last=False)
        self._tuples[_tuple(opening)] = opening
        self._tuples.move_to_end(_tuple(opening))
        if len(self._tuples) > TUPLES:
            self._tuples.popitem(last=False)


def _tuple(opening: Opening) -> tuple[Address, Address]:
    return opening.here, opening.there


@dataclass(slots=True)
class Syns:
    """Gathers the SYNs of one connection, step by step."""

    _first: dict[End, Step] = field(default_factory=dict)
    _times: dict[End, list[int]] = field(default_factory=dict)
    _heard: set[End] = field(default_factory=set)
    _last: Step | None = None

    def add(self, step: Step) -> None:
        """Take the next step."""
        self._last = step
        self._heard.add(step.sender)
        segment = step.segment
        if not segment.syn or segment.rst:
            return
        first = self._first.get(step.sender)
        if first is None or first.segment.seq != segment.seq:
            self._first[step.sender] = step
            self._times[step.sender] = []
        times = self._times[step.sender]
        if len(times) < SYNS:
            times.append(step.time)
        else:
            times[-1] = step.time

    def openings(self, connection: int, client: Address, server: Address, until: int) -> tuple[Opening, ...]:
        """How each end opened, as far as its SYN was seen."""
        found = []
        for end, step in self._first.items():
            assert self._last is not None
            view, peer = self._last.after.of(end), self._last.after.of(end.other)
            here, there = (client, server) if end is End.CLIENT else (server, client)
            other = self._first.get(end.other)
            found.append(
                Opening(
                    connection=connection,
                    end=end,
                    step=step.number,
                    isn=step.segment.seq,
                    here=here,
                    there=there,
                    syns=tuple(self._times[end]),
                    until=until,
                    complete=peer.acked is not None and peer.acked > step.segment.seq,
                    answered=end.other in self._heard,
                    nxt=view.nxt,
                    peer_isn=None if other is None else other.segment.seq,
                    waits=view.expected is State.TIME_WAIT,
                )
            )
        return tuple(found)
