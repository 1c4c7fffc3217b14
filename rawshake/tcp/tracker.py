"""The one TCP machine: follows both ends of a connection from outside, one segment at a time."""

from __future__ import annotations

from typing import Final

from rawshake.tcp.flight import Flight, join
from rawshake.tcp.hindsight import Reset, outlive
from rawshake.tcp.segment import Checksum, Flags, Segment
from rawshake.tcp.seq import Seq, later
from rawshake.tcp.standing import standing
from rawshake.tcp.state import Event, State, advance
from rawshake.tcp.view import UNREADABLE, End, Ends, Fate, Standing, Step, View

#: Standings whose numbers and acknowledgment the receiver uses.
TAKEN: Final = frozenset({Standing.NEW, Standing.UNKNOWN})

MAX_SHIFT: Final = 14
#: RFC 7323 section 2.3: no window is larger, so what lies further ahead is not sent in any order.
MAX_WINDOW: Final = 1 << 30
_ACCECN: Final = Flags.AE | Flags.CWR | Flags.ECE


class Tracker:
    """Both ends of one connection, from its first segment on.

    The sender's words about itself always count; its words about the receiver count only where the
    receiver must believe them (``Step.standing``) and can have heard them (``Fate``).
    """

    def __init__(self, client: tuple[str, int], server: tuple[str, int]) -> None:
        self.client = client
        self.server = server
        self.ends = Ends(View(End.CLIENT), View(End.SERVER))
        self.count = 0
        self._resets: dict[End, Reset] = {}
        self._said: dict[End, Seq | None] = {End.CLIENT: None, End.SERVER: None}
        self._flight = {End.CLIENT: Flight(), End.SERVER: Flight()}
        self._beyond: dict[End, list[tuple[Seq, Seq]]] = {End.CLIENT: [], End.SERVER: []}

    def sender_of(self, segment: Segment) -> End:
        """Which end sent it, by its addresses."""
        return End.CLIENT if (segment.src, segment.sport) == self.client else End.SERVER

    def apply(
        self,
        segment: Segment,
        time: int,
        *,
        fate: Fate = Fate.PASSED,
        ours: bool = False,
        meant: Segment | None = None,
        note: str = "",
        copy: bool = False,
    ) -> Step:
        """Follow one segment, seen at ``time`` (ns), and tell what it did.

        ``meant`` is what the sender believes to have sent, where it sent something else on purpose. A ``copy``
        says nothing new of its sender: it arrives, and that is all.
        """
        sender = self.sender_of(segment)
        before = self.ends
        me, peer = before.of(sender).copy(), before.of(sender.other).copy()
        if self.count == 0:
            _open(me, peer, segment)
        # RFC 9293 MUST-3: what fails its checksum has no effect, and its numbers may be the damage. Our own
        # are known to be meant.
        corrupt = segment.checksum is Checksum.WRONG
        if self._resets and fate is Fate.PASSED and not corrupt and not copy:
            outlive(self._resets, me, peer, segment)
        verdict = Standing.DROPPED if corrupt else standing(peer, segment)
        own = segment if meant is None else meant
        fresh = own.syn and me.iss is not None and own.seq != me.iss
        again = not fresh and not copy and self._flight[sender].again(own)
        heard = (ours or not corrupt) and not copy
        if heard and not own.rst:
            self._tell_of_sender(me, peer, own, verdict, again=again)
            if own.syn:
                me.syn_at = time
        if fate is not Fate.LOST:
            self._tell_receiver(me, peer, segment, verdict)
        if heard and own.rst:
            if sender not in self._resets and me.proven is not None:
                self._resets[sender] = Reset(me.proven, own.seq, me.nxt, peer.nxt)
            _sent_reset(me, own, heard=self._said[sender.other])
        if segment.has_ack and not copy:
            self._said[sender] = segment.ack
            me.last_ack = me.last_ack if own.has_ack else segment.ack  # nor was it meant to acknowledge
        me.expected = _expected(me, peer)
        peer.expected = _expected(peer, me)
        if fate is Fate.DELIVERED and not corrupt:
            _delivered(peer, segment)
        self.count += 1
        self.ends = Ends(me, peer) if sender is End.CLIENT else Ends(peer, me)
        return Step(
            number=self.count,
            time=time,
            segment=segment,
            sender=sender,
            standing=verdict,
            before=before,
            after=self.ends,
            fate=fate,
            again=again,
            ours=ours,
            note=note,
            meant=None if meant == segment else meant,
            copy=copy,
        )

    def _tell_of_sender(
        self, me: View, peer: View, segment: Segment, verdict: Standing, *, again: bool
    ) -> None:
        refused = verdict is Standing.BAD_ACK or verdict is Standing.NO_CONNECTION
        if segment.syn:
            iss = me.iss
            _sent_syn(me, peer, segment)
            if iss is not None and me.iss != iss:
                self._flight[me.end] = Flight()
                self._beyond[me.end] = []
        else:
            _sent_without_syn(me, peer, segment)
        established = not segment.syn and not refused and _proves_established(me, peer, segment)
        if segment.has_ack:
            me.last_ack = segment.ack
            self._sent_ack(me, peer, segment)
        if established and me.proven is State.SYN_RECEIVED:
            me.una_proven = later(me.una_proven, _after_syn(me))
            me.proven = advance(me.proven, Event.SYN_ACKED)
        if segment.syn and me.iss != segment.seq:
            me.got_rst = me.reopened = False
            return  # 3.10.7.4 fourth: a second ISN is challenged, and nothing that it numbers is sent
        if again:
            _lost_acknowledgment(me, segment)
        if me.nxt is None or abs(segment.end - me.nxt) <= MAX_WINDOW:
            me.nxt = later(me.nxt, segment.end)
        if segment.fin and me.fin is None:
            me.fin = segment.fin_seq
            me.proven = None if me.proven is None else advance(me.proven, Event.SENT_FIN)
        _sent_window(me, peer, segment, again=again or segment.end != me.nxt)
        if segment.length:
            self._flight[me.end].add(segment, again=again)
        if again or segment.syn:
            # Anything else may have crossed the reset; this says that it did not believe, or get, the reset.
            me.got_rst = me.reopened = False

    def _sent_ack(self, me: View, peer: View, segment: Segment) -> None:
        ack = segment.ack
        if not _is_sent(peer, ack):
            return
        me.acked = later(me.acked, ack)
        self._reach(me, ack)  # also what never passed here, or was thought to be lost
        bound = self._flight[peer.end].acknowledged(ack)
        if bound is not None and _is_sent(me, bound):
            me.una_proven = later(me.una_proven, bound)
        me.got_syn = True
        if peer.fin is not None and ack > peer.fin:
            me.got_fin = True
        if me.proven is not None:
            me.proven = _fold(me, me.proven, me.una_proven, got_syn=me.got_syn, got_fin=me.got_fin)

    def _tell_receiver(self, me: View, peer: View, segment: Segment, verdict: Standing) -> None:
        zero_window = verdict is Standing.OUT_OF_WINDOW and peer.rcv_wnd == 0 and segment.seq == peer.rcv_nxt
        # What is sent again fills a gap, or replaces what was lost, as long as nobody has acknowledged it.
        wanted = verdict is Standing.OLD and peer.acked is not None and segment.end > peer.acked
        if verdict not in TAKEN and not zero_window and not wanted:
            return
        if segment.rst:
            if verdict is Standing.NEW:
                peer.got_rst = True
            return
        if segment.has_ack and _is_sent(peer, segment.ack):
            peer.una = later(peer.una, segment.ack)
        if not zero_window:
            self._receive(me, peer, segment)

    def _receive(self, me: View, peer: View, segment: Segment) -> None:
        if segment.syn:
            peer.reopened = peer.got_rst and peer.expected is State.LISTEN
            if peer.expected is State.LISTEN:
                peer.rcv_nxt = segment.end
            elif peer.rcv_nxt is None or me.iss == segment.seq:
                peer.rcv_nxt = later(peer.rcv_nxt, segment.end)
            return
        if peer.rcv_nxt is None:
            # Midstream, or the SYN was lost to us: what it acknowledged is the best word on where it stands.
            peer.rcv_nxt = peer.last_ack if peer.last_ack is not None else segment.seq
        end = segment.end
        if me.fin is not None and end > me.fin + 1:
            end = me.fin + 1  # nothing beyond a FIN is received
        if segment.seq > peer.rcv_nxt:
            if segment.length:
                join(self._beyond[peer.end], segment.seq, end)
            return
        self._reach(peer, end)

    def _reach(self, view: View, end: Seq) -> None:
        """It has everything before ``end``, and with that what arrived out of order and now follows."""
        view.rcv_nxt = later(view.rcv_nxt, end)
        beyond = self._beyond[view.end]
        while joined := [piece for piece in beyond if piece[0] <= view.rcv_nxt]:
            for piece in joined:
                beyond.remove(piece)
                view.rcv_nxt = later(view.rcv_nxt, piece[1])


def _open(me: View, peer: View, segment: Segment) -> None:
    """Where both ends stand before the first segment seen."""
    if segment.syn and not segment.has_ack:
        me.proven = me.expected = State.CLOSED
        peer.passive = True
        peer.expected = State.LISTEN
    elif segment.syn:
        me.passive = True
        me.expected = State.LISTEN
        peer.expected = None
    elif not segment.rst:
        me.proven = me.expected = State.ESTABLISHED


def _sent_syn(me: View, peer: View, segment: Segment) -> None:
    if me.iss is not None and me.iss != segment.seq:
        me.renumbered = True
        retry = me.expected is State.SYN_SENT and not segment.has_ack and peer.proven is None
        # RFC 9293 MAY-2: a new SYN may open a connection out of TIME-WAIT.
        reused = me.expected is State.TIME_WAIT and segment.has_ack and peer.proven is State.SYN_SENT
        # 3.10.7.3: a client counts by the first SYN,ACK that it takes, and has taken none yet.
        unheard = segment.has_ack and peer.expected is State.SYN_SENT
        over = me.expected in (State.LISTEN, State.CLOSED) or me.reopened or reused or unheard
        if not over and not retry:
            return  # a second ISN is for the rules; the first one stays until the end itself moves on
        if retry:
            peer.rcv_nxt = None  # another attempt from the same port: nothing shows that the first was heard
        _forget(me)
        if segment.has_ack and peer.iss is not None:
            me.rcv_nxt = later(peer.nxt, peer.iss + 1)
    elif me.iss is not None and me.proven is State.CLOSED:
        return  # its reset, or the end of all, has overtaken it
    if me.iss != segment.seq:
        me.iss = segment.seq
        me.nxt = me.fin = None
        me.una = me.una_proven = segment.seq
    if segment.has_ack:
        # Only one who got a SYN answers with SYN,ACK: that much is its own word, whatever it acknowledges.
        me.got_syn = True
        if me.proven in (None, State.CLOSED) or me.expected in (State.LISTEN, State.TIME_WAIT):
            me.passive = True
            me.proven = State.LISTEN
        me.proven = advance(me.proven, Event.GOT_SYN)
        if peer.fast_open and me.acked is None and _is_sent(peer, segment.ack):
            # It says itself how much it took of what came with the SYN.
            me.rcv_nxt = segment.ack
    else:
        me.passive = False
        me.proven = advance(me.proven or State.CLOSED, Event.SENT_SYN)
    known = me.offered is not None
    kinds = {option.kind if option.known else UNREADABLE for option in segment.options}
    me.offered = (me.offered or frozenset()) | kinds
    if known and segment.has_ack and peer.expected is not State.SYN_SENT:
        return  # the client has taken the first: that one binds both
    me.mss, me.wscale = segment.mss, segment.wscale
    me.sack_permitted, me.timestamps = segment.sack_permitted, segment.timestamps is not None
    setup = segment.flags & (Flags.ECE | Flags.CWR)
    me.ecn_setup = setup == (Flags.ECE if segment.has_ack else Flags.ECE | Flags.CWR)
    me.fast_open = segment.payload_length > 0
    me.accecn = me.accecn or (segment.flags & _ACCECN == _ACCECN and not segment.has_ack)
    if me.wscale is not None and peer.wscale is not None:
        me.shift, peer.shift = min(me.wscale, MAX_SHIFT), min(peer.wscale, MAX_SHIFT)
    else:
        me.shift = peer.shift = 0


def _forget(me: View) -> None:
    """It begins anew: nothing of the connection before holds."""
    me.offered, me.accecn = None, False
    me.rcv_nxt = me.acked = me.last_ack = me.edge = None
    me.got_syn = me.got_fin = me.got_rst = False


def _sent_without_syn(me: View, peer: View, segment: Segment) -> None:
    """Learn from what it sends what its SYN, or the peer's, would have told."""
    if me.proven is State.SYN_SENT and peer.iss is None and segment.has_ack:
        # It goes on: a SYN,ACK has come to it that did not pass here.
        peer.proven = advance(State.LISTEN, Event.GOT_SYN)
        peer.nxt = segment.ack
        peer.iss = peer.una = peer.una_proven = segment.ack - 1
    # An end that was sent a SYN and sends something else speaks of another connection (RFC 9293, Figure 9).
    if me.iss is None and (peer.got_syn or not me.passive):
        me.iss, me.nxt = segment.seq - 1, segment.seq
        me.proven = me.proven or State.ESTABLISHED


def _sent_window(me: View, peer: View, segment: Segment, *, again: bool) -> None:
    # RFC 7323 section 2.2: the window field of a SYN is never scaled.
    me.window = segment.window if segment.syn else segment.window << me.shift
    if segment.has_ack and (peer.nxt is None or segment.ack <= peer.nxt):
        edge = segment.ack + me.window
        if me.edge is None or edge > me.edge:
            # Without sequence space of its own it may have been overtaken by others of the same number. Sent
            # again, it may have been overtaken by anything.
            me.edge, me.edge_before = edge, None if again else segment.seq + max(segment.length, 1)


def _sent_reset(me: View, segment: Segment, *, heard: Seq | None) -> None:
    """``heard`` is the last acknowledgment that the peer has really sent, right or wrong."""
    me.reopened = False
    if me.proven is None:
        # It has no connection, and says so: a refusal.
        me.proven = State.CLOSED
        me.passive = False
        me.rcv_nxt = None
        return
    if me.got_rst and me.expected is State.LISTEN:
        me.proven = State.LISTEN  # there it answers what comes late (3.10.7.2, second)
        return
    refused = segment.seq == heard and segment.seq != me.nxt
    if refused and me.proven in (State.SYN_SENT, State.SYN_RECEIVED):
        return  # it answers a bad ACK (3.10.7.3, 3.10.7.4 fifth) and stays where it is
    me.proven = advance(me.proven, Event.SENT_RST)


def _proves_established(me: View, peer: View, segment: Segment) -> bool:
    """Whether an end in SYN-RECEIVED shows by this segment that its SYN was acknowledged."""
    if segment.payload_length:
        return not (me.fast_open or peer.fast_open)  # with Fast Open a server may speak first
    # CLOSE in SYN-RECEIVED sends a FIN at once (RFC 9293 section 3.10.4), and a SYN that comes again, or anything
    # outside the window, draws an ACK there (3.10.7.4, first). Only after its own SYN was acknowledged does
    # an end take more than the peer's.
    if me.last_ack is None:
        return peer.passive and peer.last_ack is not None  # what it got is a SYN,ACK
    return segment.has_ack and segment.ack > me.last_ack


def _lost_acknowledgment(me: View, segment: Segment) -> None:
    """It sends again what had been acknowledged: that acknowledgment has not reached it."""
    if me.una is None or me.nxt is None or not segment.seq < me.una:
        return
    if segment.length <= 1 and segment.seq == me.nxt - 1 and not (segment.syn or segment.fin):
        return  # a keep-alive
    if segment.syn and me.fin is not None:
        return  # its FIN has overtaken it
    me.una = later(me.una_proven, segment.seq)
    if segment.syn and not segment.has_ack and not me.got_syn:
        me.rcv_nxt = None  # nor has the peer's SYN, which came with it


def _is_sent(me: View, ack: Seq) -> bool:
    """Whether it has sent, after its ISN, all that ``ack`` acknowledges."""
    return me.iss is not None and me.nxt is not None and me.iss < ack <= me.nxt


def _after_syn(me: View) -> Seq:
    return Seq(0) if me.iss is None else me.iss + 1


def _fold(me: View, state: State, una: Seq | None, *, got_syn: bool, got_fin: bool) -> State:
    """``state`` after every event that those facts imply; events that it has seen already move nothing."""
    if got_syn:
        state = advance(state, Event.GOT_SYN)
    if una is not None and me.iss is not None and una > me.iss:
        state = advance(state, Event.SYN_ACKED)
    if me.fin is not None and state is State.ESTABLISHED:
        state = advance(state, Event.SENT_FIN)  # it went with the SYN
    if una is not None and me.fin is not None and una > me.fin:
        state = advance(state, Event.FIN_ACKED)
    if got_fin:
        state = advance(state, Event.GOT_FIN)
    return state


def _expected(me: View, peer: View) -> State | None:
    """Where ``me`` stands if everything sent so far arrives: what is proven, and what is under way to it."""
    state = me.proven
    if state is None:
        if not me.passive or peer.iss is None:
            return me.expected
        state = State.LISTEN
    reached = me.rcv_nxt
    got_syn = me.got_syn or (reached is not None and peer.iss is not None and reached > peer.iss)
    got_fin = me.got_fin or (reached is not None and peer.fin is not None and reached > peer.fin)
    state = _fold(me, state, me.una, got_syn=got_syn, got_fin=got_fin)
    if me.got_rst:
        state = advance(state, Event.GOT_RST, passive=me.passive)
    return advance(state, Event.GOT_SYN) if me.reopened else state


def _delivered(peer: View, segment: Segment) -> None:
    """The receiver certainly got it: what was expected of it is proven."""
    peer.una_proven = peer.una
    # The answer to a SYN,ACK is part of the transition (Figure 5: "rcv SYN,ACK / snd ACK"): until it has left,
    # the end that opened is not yet proven ESTABLISHED.
    if segment.syn:
        return
    peer.proven = peer.expected
    if peer.proven is not None and peer.proven.synchronized:
        peer.got_syn = True
    if peer.proven in (State.CLOSE_WAIT, State.LAST_ACK, State.CLOSING, State.TIME_WAIT):
        peer.got_fin = True
