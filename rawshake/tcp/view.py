"""What an observer holds of a connection: a view of each end, and one step per segment seen."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from enum import Enum
from operator import attrgetter
from typing import Final, NamedTuple

from rawshake.tcp.segment import Segment
from rawshake.tcp.seq import Seq
from rawshake.tcp.state import State


class End(Enum):
    """The two ends; the client is the one that sent the first SYN, or the first segment seen."""

    CLIENT = "client"
    SERVER = "server"

    __hash__ = object.__hash__  # there is one of each, and an Enum's own takes five times as long

    def __str__(self) -> str:
        return self.value

    @property
    def other(self) -> End:
        return End.SERVER if self is End.CLIENT else End.CLIENT


#: What the initial sequence number of each end is called where numbers are named after it.
LETTERS: Final = {End.CLIENT: "a", End.SERVER: "b"}


class Fate(Enum):
    """What is known of a segment's arrival: a tap sees that it passed, which proves nothing more."""

    PASSED = "passed"
    DELIVERED = "delivered"
    LOST = "lost"


class Standing(Enum):
    """How RFC 9293 3.10.7 has the receiver take a segment; decided once, before any state moves."""

    NEW = "new"  #: acceptable: everything in it counts
    OLD = "old"  #: outside the window, to the left: answered by an ACK, dropped
    OUT_OF_WINDOW = "out of window"  #: outside the window, to the right: answered by an ACK, dropped
    BAD_ACK = "bad ack"  #: acknowledges what was never sent
    NO_ACK = "no ack"  #: the ACK bit is missing where it must be set: dropped
    SYN_CHALLENGED = "SYN challenged"  #: a SYN inside a synchronized connection (RFC 5961 section 4)
    RST_CHALLENGED = "RST challenged"  #: inside the window, but not at RCV.NXT (RFC 5961 section 3)
    RST_IGNORED = "RST ignored"  #: a reset that the receiver must not believe
    NO_CONNECTION = "no connection"  #: nothing there to take it: answered by a RST
    DROPPED = "dropped"  #: of no use in this state: dropped in silence
    UNKNOWN = "unknown"  #: too little was seen of the receiver to tell


#: Stands among the kinds of options for those that could not be read.
UNREADABLE: Final = -1


@dataclass(slots=True)
class View:
    """One end as seen from outside. None stands for what was not seen; never changed once in a Step.

    ``proven`` is where the end's own segments show it to be; ``expected`` where it stands if everything
    sent so far arrives. Numbers are absolute. Shared names are RFC 9293's (section 3.3.1).
    """

    end: End
    #: whether it was opened through LISTEN
    passive: bool = False
    proven: State | None = None
    expected: State | None = None

    iss: Seq | None = None
    #: SND.NXT, one past the highest number it sent
    nxt: Seq | None = None
    #: SND.UNA if every acknowledgment sent so far arrives
    una: Seq | None = None
    #: SND.UNA as far as its own segments prove that the acknowledgment arrived
    una_proven: Seq | None = None
    #: the number of its FIN
    fin: Seq | None = None

    #: RCV.NXT if everything sent so far arrives
    rcv_nxt: Seq | None = None
    #: the highest number it acknowledged, among those that were ever sent to it: proven RCV.NXT
    acked: Seq | None = None
    #: the acknowledgment field of its latest segment, right or wrong
    last_ack: Seq | None = None
    #: proven: it received the peer's SYN, the peer's FIN
    got_syn: bool = False
    got_fin: bool = False
    #: the peer sent it a reset that it must believe
    got_rst: bool = False
    #: back in LISTEN by that reset, it was sent another SYN
    reopened: bool = False

    #: the window it last advertised, in octets, and the highest right edge that it ever advertised
    window: int | None = None
    edge: Seq | None = None
    #: what it sends from this number on, it sends after the segment that advertised that edge
    edge_before: Seq | None = None
    #: what its SYN offered: MSS in octets, window scale as written
    mss: int | None = None
    wscale: int | None = None
    sack_permitted: bool = False
    timestamps: bool = False
    #: its SYN set up ECN: ECE and CWR on a SYN, ECE alone on a SYN,ACK (RFC 3168 section 6.1.1)
    ecn_setup: bool = False
    #: its SYN carried data or asked for Fast Open
    fast_open: bool = False
    #: its SYN offered AccECN: AE, CWR and ECE (RFC 9768)
    accecn: bool = False
    #: the kinds of options on any of its SYNs, repeated ones included; None where no SYN was seen. UNREADABLE
    #: is among them where one was malformed, so that others behind it may be unknown
    offered: frozenset[int] | None = None
    #: when it last sent a SYN, in ns; and whether it has sent SYNs of more than one ISN
    syn_at: int | None = None
    renumbered: bool = False
    #: the shift that its windows carry after the handshake
    shift: int = 0

    @property
    def rcv_wnd(self) -> int:
        """RCV.WND in octets, from the right edge it advertised; before it acknowledged anything, its window."""
        if self.edge is None or self.rcv_nxt is None:
            return self.window or 0
        return max(0, self.edge - self.rcv_nxt)

    @property
    def state(self) -> str:
        """The expected state as a ladder shows it: with ``?`` until it is proven."""
        if self.expected is None:
            return "?"
        certain = self.expected is self.proven and not self.reopened
        return str(self.expected) if certain else f"{self.expected}?"

    def copy(self) -> View:
        return View(*_values(self))


#: every field of a view, in their order
_values: Final = attrgetter(*(f.name for f in fields(View)))


class Ends(NamedTuple):
    """Both ends at one moment."""

    client: View
    server: View

    def of(self, end: End) -> View:
        return self.client if end is End.CLIENT else self.server


@dataclass(frozen=True, slots=True)
class Step:
    """One segment and what it did: all that a rule of scope step sees.

    ``number`` counts from 1 within the connection, ``time`` is nanoseconds since the epoch. ``again`` says
    that every number it occupies had been sent before: a retransmission. ``ours`` says that rawshake made
    the segment, ``note`` what else is to be shown of it; ``meant`` is what its sender believes to have sent,
    where it sent something else on purpose. A ``copy`` is one that rawshake held back on its own side, or doubled:
    its sender sent it in an earlier step, and here it only arrives.
    """

    number: int
    time: int
    segment: Segment
    sender: End
    standing: Standing
    before: Ends
    after: Ends
    fate: Fate = Fate.PASSED
    again: bool = False
    ours: bool = False
    note: str = ""
    meant: Segment | None = None
    copy: bool = False

    receiver: End = field(init=False, repr=False, compare=False)
    #: the sender before this segment, and after it
    was: View = field(init=False, repr=False, compare=False)
    now: View = field(init=False, repr=False, compare=False)
    #: the receiver before it, and after it
    peer_was: View = field(init=False, repr=False, compare=False)
    peer_now: View = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        put, receiver = object.__setattr__, self.sender.other
        put(self, "receiver", receiver)
        put(self, "was", self.before.of(self.sender))
        put(self, "now", self.after.of(self.sender))
        put(self, "peer_was", self.before.of(receiver))
        put(self, "peer_now", self.after.of(receiver))
