"""How an end opened a connection, which is all that rules over a whole capture see of it."""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from collections import OrderedDict
from dataclasses import dataclass, field
from operator import attrgetter
from typing import Final, NamedTuple

from rawshake.tcp.seq import Seq
from rawshake.tcp.state import State
from rawshake.tcp.view import End, Step

Address = tuple[str, int]

#: How many SYNs of one end are remembered, how many openings of one host, and of how many hosts and tuples.
SYNS: Final = 64
OF_ONE: Final = 16
HOSTS: Final = 4096
TUPLES: Final = 16_384

#: When it was opened.
_TIME: Final = attrgetter("time")


class Opening(NamedTuple):
    """The SYNs of one end of one connection. Times are ns since the epoch.

    ``connection`` is its number in the capture, ``step`` the number of the first SYN within it, ``until`` how far
    the capture had come when no more was to come of the connection. ``complete`` says that the peer
    acknowledged the SYN, ``answered`` that the peer sent anything at all.
    """

    connection: int
    end: End
    step: int
    isn: Seq
    #: its own address and port, and the other end's
    ends: tuple[Address, Address]
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

    @property
    def here(self) -> Address:
        return self.ends[0]


class Host:
    """The last few openings of one host as one end of connections, told apart.

    Openings with the same ISNs at both ends are what a NAT or a load balancer shows twice: the last one counts. A
    client tries again from another port, or to another address, with an ISN of its own each time.
    """

    __slots__ = ("_by_isns", "_by_time", "_times")

    def __init__(self) -> None:
        self._by_isns: dict[int, Opening] = {}
        self._by_time: list[Opening] = []
        self._times: list[int] = []

    def earliest(self, opening: Opening, *, alone: bool) -> tuple[int, Opening, Opening]:
        """How long its ``run`` is, and the first and the second of it; ``alone``: none is on the same tuple."""
        if not alone or _isns(opening) in self._by_isns:
            run = self.run(opening)
            return len(run), run[0], run[min(1, len(run) - 1)]
        by_time, times, time = self._by_time, self._times, opening.syns[0]
        if time < times[0]:
            return len(times) + 1, opening, by_time[0]
        second = opening if len(times) == 1 or time < times[1] else by_time[1]
        return len(times) + 1, by_time[0], second

    def run(self, opening: Opening) -> list[Opening]:
        """Those on other tuples and this one, in the order of their times."""
        same, ends = self._by_isns.get(_isns(opening)), opening.ends
        found = [one for one in self._by_time if one is not same and one.ends != ends]
        insort(found, opening, key=_TIME)
        return found

    def add(self, opening: Opening) -> None:
        isns, time = _isns(opening), opening.syns[0]
        before = self._by_isns.pop(isns, None)
        if before is not None:
            self._forget(before)
        elif len(self._by_isns) == OF_ONE:
            self._forget(self._by_isns.pop(next(iter(self._by_isns))))
        self._by_isns[isns] = opening
        at = bisect_right(self._times, time)
        self._times.insert(at, time)
        self._by_time.insert(at, opening)

    def _forget(self, opening: Opening) -> None:
        at = bisect_left(self._times, opening.syns[0])
        while self._by_time[at] is not opening:
            at += 1
        del self._by_time[at], self._times[at]


class Others:
    """Openings of connections that ended before, within bounds: the last few of each host, the last of a tuple."""

    def __init__(self) -> None:
        self._clients: OrderedDict[str, Host] = OrderedDict()
        self._servers: OrderedDict[str, Host] = OrderedDict()
        self._tuples: OrderedDict[tuple[Address, Address], Opening] = OrderedDict()
        #: what was asked for last, for every rule asks for the same
        self._asked: tuple[Opening | None, Opening | None] = None, None

    def __len__(self) -> int:
        """How many hosts and tuples are remembered."""
        return len(self._clients) + len(self._servers) + len(self._tuples)

    def earliest(self, opening: Opening) -> tuple[int, Opening, Opening]:
        """How long its ``run`` is, and the first and the second of it, where it has a second."""
        hosts = self._clients if opening.end is End.CLIENT else self._servers
        host = hosts.get(opening.ends[0][0])
        if host is None:
            return 1, opening, opening
        return host.earliest(opening, alone=self.of_tuple(opening) is None)

    def run(self, opening: Opening) -> list[Opening]:
        """The opening among those of the same host as the same end on other tuples, by their times."""
        hosts = self._clients if opening.end is End.CLIENT else self._servers
        host = hosts.get(opening.ends[0][0])
        return [opening] if host is None else host.run(opening)

    def of_tuple(self, opening: Opening) -> Opening | None:
        """What the same end sent when these addresses and ports were last used."""
        if self._asked[0] is not opening:
            self._asked = opening, self._tuples.get(opening.ends)
        return self._asked[1]

    def add(self, opening: Opening) -> None:
        hosts = self._clients if opening.end is End.CLIENT else self._servers
        ends, tuples = opening.ends, self._tuples
        name = ends[0][0]
        host = hosts.get(name)
        if host is None:
            host = hosts[name] = Host()
            if len(hosts) > HOSTS:
                hosts.popitem(last=False)
        else:
            hosts.move_to_end(name)
        host.add(opening)
        if ends in tuples:
            tuples.move_to_end(ends)
        tuples[ends] = opening
        if len(tuples) > TUPLES:
            tuples.popitem(last=False)
        self._asked = None, None


def _isns(opening: Opening) -> int:
    """Both ISNs as one number, which is told apart faster than a pair."""
    peer = opening.peer_isn
    return opening.isn.value << 33 | (1 << 32 if peer is None else peer.value)


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
            other = self._first.get(end.other)
            found.append(
                Opening(
                    connection=connection,
                    end=end,
                    step=step.number,
                    isn=step.segment.seq,
                    ends=(client, server) if end is End.CLIENT else (server, client),
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
