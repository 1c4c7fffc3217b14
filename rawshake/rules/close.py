"""Rules on closing: one FIN for each direction, acknowledged by its number + 1, and silence after both."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from rawshake.rules.evidence import PATIENCE, certain, duplicate_ack, overshot, sound
from rawshake.rules.model import Level, Outcome, Scope, Verdict, broken, held, undecidable
from rawshake.rules.registry import rule
from rawshake.tcp.seq import Seq
from rawshake.tcp.state import State
from rawshake.tcp.view import End, Fate, Standing, Step

#: So many copies of a FIN are not lost one after the other on a road on which all else arrives.
COPIES: Final = 3


@rule("fin-is-final", "RFC 9293 3.10.4; RFC 9293 3.6", Level.PROCEDURE)
def fin_is_final(step: Step) -> Outcome | None:
    """A FIN has one number, the last of its direction.

    It takes one number, behind all data. Sent again it has the same; nothing is sent beyond, and bare ACKs
    carry the number after it. A receiver takes nothing beyond a FIN, so what a server sends there is lost
    without a word, as is what the application wrote after shutdown(). A keep-alive may repeat the FIN's number
    with an octet of its own. A server of SYN cookies may take the last ACK for a start: a note, once all is closed.

    Fires (data after it):
        > S 0:0(0) win 65535
        < S. 0:0(0) ack 1 win 65535
        > . 1:1(0) ack 1 win 65535
        < F. 1:1(0) ack 1 win 65535
        > . 1:1(0) ack 2 win 65535
        < P. 2:7(5) ack 1 win 65535
    Fires (data in its place):
        > S 0:0(0) win 65535
        < S. 0:0(0) ack 1 win 65535
        < F. 1:1(0) ack 1 win 65535
        > . 1:1(0) ack 2 win 65535
        < P. 1:6(5) ack 1 win 65535
    Fires (sent again with another number):
        > S 0:0(0) win 65535
        < S. 0:0(0) ack 1 win 65535
        > . 1:1(0) ack 1 win 65535
        < F. 1:1(0) ack 1 win 65535
        +1 < F. 2:2(0) ack 1 win 65535
    Fires (among data that was sent):
        > S 0:0(0) win 65535
        < S. 0:0(0) ack 1 win 65535
        < P. 1:6(5) ack 1 win 65535
        < F. 3:3(0) ack 1 win 65535
    Quiet:
        > S 0:0(0) win 65535
        < S. 0:0(0) ack 1 win 65535
        > . 1:1(0) ack 1 win 65535
        < P. 1:6(5) ack 1 win 65535
        < F. 6:6(0) ack 1 win 65535
        +1 < FP. 1:6(5) ack 1 win 65535
        > . 1:1(0) ack 7 win 65535
        > F. 1:1(0) ack 7 win 65535
        < . 7:7(0) ack 2 win 65535
    """
    segment, was = step.segment, step.was
    if segment.rst or segment.syn or was.nxt is None or was.iss is None:
        return None
    if was.renumbered or (step.meant is not None and step.meant.seq != segment.seq):
        return None  # of which of its connections it is; and sequence-contiguous
    if step.standing is Standing.NO_CONNECTION or was.proven is State.CLOSED:
        return None  # after a reset a server of SYN cookies may take any ACK for the start of another
    fin, at = was.fin, segment.fin_seq
    if fin is None:
        if at is None or overshot(step):
            return None
        if at < was.nxt - 1 or (at < was.nxt and step.again):  # a bare ACK may show a FIN that was lost
            sentence = f"FIN at {at}, though numbers up to {was.nxt - 1} were sent"
            return broken("seq", sentence, expected=was.nxt, actual=at)
        return held("seq", f"FIN at {at}, behind all data")
    if at is not None and at != fin:
        over = was.expected is State.CLOSED or (not certain(step) and was.una is not None and was.una > fin)
        reopened = was.passive and over and at == fin + 1
        verdict, why = (Verdict.NOTE, ": another connection, of SYN cookies?") if reopened else (None, "")
        why = f"FIN at {at}, not {fin} as before{why}"
        return broken("seq", why, expected=fin, actual=at, verdict=verdict)
    last = segment.seq + segment.payload_length - 1
    keep_alive = segment.payload_length == 1 and segment.seq == fin
    if segment.payload_length and last >= fin and not keep_alive:
        sentence = f"data up to {last} = FIN {fin} + {last - fin}: nothing is sent after a FIN"
        return broken("seq", sentence, expected=f"at most {fin - 1}", actual=last)
    if not segment.length and segment.seq > fin + 1:
        sentence = f"seq {segment.seq} = FIN {fin} + {segment.seq - fin}, not + 1"
        return broken("seq", sentence, expected=fin + 1, actual=segment.seq)
    return held("seq", f"FIN at {fin} as before") if at is not None else None


@rule("data-beyond-fin-ignored", "RFC 9293 3.10.7.4", Level.PROCEDURE)
def data_beyond_fin_ignored(step: Step) -> Outcome | None:
    """What comes after a FIN is not acknowledged.

    The stream has ended there. A receiver that takes more hands its application data that the sender never
    meant to belong to the stream.

    Fires (also fin-is-final):
        > S 0:0(0) win 65535
        < S. 0:0(0) ack 1 win 65535
        > F. 1:1(0) ack 1 win 65535
        < . 1:1(0) ack 2 win 65535
        > P. 2:7(5) ack 1 win 65535
        < . 1:1(0) ack 7 win 65535
    Quiet:
        > S 0:0(0) win 65535
        < S. 0:0(0) ack 1 win 65535
        > F. 1:1(0) ack 1 win 65535
        < . 1:1(0) ack 2 win 65535
    """
    right = _after_fin(step)
    if right is None or step.peer_was.nxt is None:
        return None
    ack, beyond = step.segment.ack, step.peer_was.nxt
    if ack == right:
        return held("ack", f"ack {ack}: nothing beyond the FIN")
    if not right < ack <= beyond:
        return None
    if step.was.rcv_nxt is not None and ack <= step.was.rcv_nxt:
        return None  # that had arrived before a FIN among what was sent
    if step.was.acked is not None and step.was.acked > right:
        return None  # it has gone on beyond the FIN before
    sentence = f"ack {ack} = FIN {right - 1} + {ack - right + 1}: it takes what came after the FIN"
    return broken("ack", sentence, expected=right, actual=ack)


@rule("fin-acked", "RFC 9293 3.10.7.4; RFC 9293 3.4", Level.PROCEDURE)
def fin_acked(step: Step) -> Outcome | None:
    """A FIN takes one number, and is acknowledged by that number + 1.

    With another one it is not acknowledged: who sent it sends it again and again, and stays in FIN-WAIT-1 or
    LAST-ACK until it gives up. It needs no segment of its own: data, or the other end's FIN, may carry it.

    Fires (one too many):
        > S 0:0(0) win 65535
        < S. 0:0(0) ack 1 win 65535
        > . 1:1(0) ack 1 win 65535
        > F. 1:1(0) ack 1 win 65535
        < . 1:1(0) ack 3 win 65535
        < F. 1:1(0) ack 3 win 65535
    Quiet:
        > S 0:0(0) win 65535
        < S. 0:0(0) ack 1 win 65535
        > . 1:1(0) ack 1 win 65535
        > F. 1:1(0) ack 1 win 65535
        < . 1:1(0) ack 2 win 65535
        < F. 1:1(0) ack 2 win 65535
    Quiet (FIN and ACK in one):
        > S 0:0(0) win 65535
        < S. 0:0(0) ack 1 win 65535
        > . 1:1(0) ack 1 win 65535
        > F. 1:1(0) ack 1 win 65535
        < F. 1:1(0) ack 2 win 65535
    """
    right = _after_fin(step)
    if right is None:
        return None
    ack, peer = step.segment.ack, step.peer_was
    if ack == right:
        return held("ack", f"ack {ack} = FIN {right - 1} + 1")
    if not ack > right or (peer.nxt is not None and ack <= peer.nxt):
        return None
    if peer.offered is None and step.was.acked is None:
        return undecidable("ack", "it may have had more before the capture began")
    sentence = f"ack {ack} = FIN {right - 1} + {ack - right + 1}, not + 1"
    return broken("ack", sentence, expected=right, actual=ack)


def _after_fin(step: Step) -> Seq | None:
    """What acknowledges the FIN that its receiver has sent."""
    segment, peer = step.segment, step.peer_was
    if peer.fin is None or segment.syn or segment.rst or not segment.has_ack or peer.renumbered:
        return None
    return peer.fin + 1


@rule("fin-never-acked", "RFC 9293 3.10.7.4; RFC 9293 3.6", Level.PROCEDURE, scope=Scope.EXCHANGE)
def fin_never_acked(steps: Sequence[Step]) -> Iterator[Outcome]:
    """A FIN that arrives is acknowledged, however long the other direction stays open.

    Otherwise who sent it cannot let go of the connection. Silence proves nothing, for every copy may have been
    lost. It is a breach where copies of the FIN draw an ACK that stops short of it, twice, or where three
    copies get no acknowledgment while the other end goes on for four seconds with new data, whose
    acknowledgments must have arrived since it repeats none. A window of 0 is no excuse, but many take it for one.

    Fires:
        > S 0:0(0) win 65535
        < S. 0:0(0) ack 1 win 65535
        > . 1:1(0) ack 1 win 65535
        > F. 1:1(0) ack 1 win 65535
        < . 1:1(0) ack 1 win 65535
        +1 > F. 1:1(0) ack 1 win 65535
        < . 1:1(0) ack 1 win 65535
    Fires (new data all the time):
        > S 0:0(0) win 65535
        < S. 0:0(0) ack 1 win 65535
        > . 1:1(0) ack 1 win 65535
        > F. 1:1(0) ack 1 win 65535
        < P. 1:6(5) ack 1 win 65535
        > . 2:2(0) ack 6 win 65535
        +1 > F. 1:1(0) ack 6 win 65535
        +2 > F. 1:1(0) ack 6 win 65535
        +2 < P. 6:11(5) ack 1 win 65535
        > . 2:2(0) ack 11 win 65535
    Quiet:
        > S 0:0(0) win 65535
        < S. 0:0(0) ack 1 win 65535
        > . 1:1(0) ack 1 win 65535
        > F. 1:1(0) ack 1 win 65535
        < . 1:1(0) ack 1 win 65535
        +1 > F. 1:1(0) ack 1 win 65535
        < . 1:1(0) ack 2 win 65535
    Quiet (all of ours lost, and theirs sent again):
        > S 0:0(0) win 65535
        < S. 0:0(0) ack 1 win 65535
        > . 1:1(0) ack 1 win 65535
        < P. 1:6(5) ack 1 win 65535
        > F. 1:1(0) ack 6 win 65535
        +1 > F. 1:1(0) ack 6 win 65535
        < P. 1:6(5) ack 1 win 65535
        +2 > F. 1:1(0) ack 6 win 65535
        < P. 1:6(5) ack 1 win 65535
    """
    for end in End:
        outcome = _never_acked(end, [step for step in steps if sound(step)])
        if outcome is not None:
            yield outcome


class _Wait:
    """What happened since a FIN was sent: copies of it, and what the other end said meanwhile."""

    def __init__(self) -> None:
        self.copies = 0
        #: copies that drew an ACK which stops short; and whether the last segment of that end is a copy
        self.drew = 0
        self.pending = False
        #: since when the other end sends new data and nothing again
        self.fresh_since: int | None = None
        self.talked_on = False
        self.last: Step | None = None

    def sent(self, step: Step, fin: Seq) -> None:
        segment, known = step.segment, step.peer_was.nxt
        good = segment.fin_seq == fin and segment.has_ack and known is not None and segment.ack <= known
        self.copies += good
        self.pending = good

    def heard(self, step: Step) -> None:
        self.last = step
        if duplicate_ack(step) and self.pending:
            self.drew += 1
        self.pending = False
        if step.again:
            self.fresh_since = None
        elif step.segment.payload_length:
            if self.fresh_since is None:
                self.fresh_since = step.time
            self.talked_on = self.copies >= COPIES and step.time - self.fresh_since >= PATIENCE


def _never_acked(end: End, steps: Sequence[Step]) -> Outcome | None:
    wait: _Wait | None = None
    fin: Seq | None = None
    for step in steps:
        segment = step.segment
        if segment.syn:
            wait = fin = None
        elif step.sender is end and step.fate is not Fate.LOST:
            if segment.rst:
                break  # it gives up waiting
            if wait is None and step.now.fin is not None:
                wait, fin = _Wait(), step.now.fin
            if wait is not None and fin is not None:
                wait.sent(step, fin)
        elif wait is not None and fin is not None and step.sender is not end and segment.has_ack:
            if segment.rst or segment.ack > fin:
                return None
            if segment.ack == fin:
                wait.heard(step)
    if wait is None or wait.last is None or wait.copies < 2:
        return None
    last, by = wait.last, end.other
    if wait.drew < 2 and not wait.talked_on:
        return undecidable("ack", "the FIN may never have arrived", end=by, step=last.number)
    right = last.peer_was.fin + 1 if last.peer_was.fin is not None else None
    sentence = f"ack {last.segment.ack} after {wait.copies} copies of FIN {fin}, never {right}"
    return broken("ack", sentence, expected=right, actual=last.segment.ack, end=by, step=last.number)


@rule("passive-close-sequence", "RFC 9293 3.6; RFC 9293 3.10.7.4", Level.PROCEDURE, scope=Scope.EXCHANGE)
def passive_close_sequence(steps: Sequence[Step]) -> Iterator[Outcome]:
    """Who closes last waits in LAST-ACK for the acknowledgment of its FIN, and is then gone without a word.

    A RST in answer to that last ACK shows that nobody waited for it: had it been lost, the FIN would never have
    been sent again. A further segment finds no connection, and is rightly reset; a tap may have
    missed that one, and where the RST has the form of an answer, the network may have doubled the last ACK: a
    warning.

    Fires (at the client):
        > S 0:0(0) win 65535
        < S. 0:0(0) ack 1 win 65535
        > . 1:1(0) ack 1 win 65535
        > F. 1:1(0) ack 1 win 65535
        < F. 1:1(0) ack 2 win 65535
        > . 2:2(0) ack 2 win 65535
        < R. 2:2(0) ack 2 win 0
    Fires (at the client, in the form of an answer):
        > S 0:0(0) win 65535
        < S. 0:0(0) ack 1 win 65535
        > . 1:1(0) ack 1 win 65535
        > F. 1:1(0) ack 1 win 65535
        < F. 1:1(0) ack 2 win 65535
        > . 2:2(0) ack 2 win 65535
        < R 2:2(0) win 0
    Quiet (at the client):
        > S 0:0(0) win 65535
        < S. 0:0(0) ack 1 win 65535
        > . 1:1(0) ack 1 win 65535
        > F. 1:1(0) ack 1 win 65535
        < F. 1:1(0) ack 2 win 65535
        > . 2:2(0) ack 2 win 65535
        < F. 1:1(0) ack 2 win 65535
        > . 2:2(0) ack 2 win 65535
        < R 2:2(0) win 0
    """
    yield from _closes(steps, first=False)


@rule("active-close-sequence", "RFC 9293 3.6; RFC 9293 3.10.5", Level.PROCEDURE, scope=Scope.EXCHANGE)
def active_close_sequence(steps: Sequence[Step]) -> Iterator[Outcome]:
    """Who closes first acknowledges the other end's FIN, and stays silent in TIME-WAIT.

    Even an abort sends nothing then. A RST may destroy what the other end has yet to read. Windows sends one
    if SO_LINGER is 0. A tap may have missed what drew it.

    Fires (at the client):
        > S 0:0(0) win 65535
        < S. 0:0(0) ack 1 win 65535
        > . 1:1(0) ack 1 win 65535
        < F. 1:1(0) ack 1 win 65535
        > F. 1:1(0) ack 2 win 65535
        < . 2:2(0) ack 2 win 65535
        < R. 2:2(0) ack 2 win 0
    Quiet:
        > S 0:0(0) win 65535
        < S. 0:0(0) ack 1 win 65535
        > . 1:1(0) ack 1 win 65535
        < F. 1:1(0) ack 1 win 65535
        > F. 1:1(0) ack 2 win 65535
        < . 2:2(0) ack 2 win 65535
        > F. 1:1(0) ack 2 win 65535
        < . 2:2(0) ack 2 win 65535
    """
    yield from _closes(steps, first=True)


def _closes(steps: Sequence[Step], *, first: bool) -> Iterator[Outcome]:
    """What an end says after both FINs are acknowledged; ``first`` is the one that sent its FIN first."""
    order: list[End] = []
    acked: set[End] = set()  # who has acknowledged the other's FIN
    provoked: set[End] = set()
    for step in steps:
        segment, end = step.segment, step.sender
        if not sound(step):
            continue
        if segment.syn and step.was.iss is not None and step.was.iss != segment.seq:
            order, acked, provoked = [], set(), set()
        if step.now.fin is not None and end not in order:
            order.append(end)
        if step.fate is Fate.LOST:
            continue
        if segment.rst:
            began = order[:1] == [end if first else end.other]
            if len(acked) == 2 and began and segment.seq == step.was.nxt:
                yield _last_word(step, first=first, provoked=end in provoked)
            return
        if len(acked) == 2:
            provoked.add(end.other)
        fin, taken = step.peer_was.fin, step.standing in (Standing.NEW, Standing.UNKNOWN)
        if fin is not None and segment.has_ack and segment.ack > fin and taken:
            acked.add(end)


def _last_word(step: Step, *, first: bool, provoked: bool) -> Outcome:
    end, number = step.sender, step.number
    if provoked:
        return held("flags", "RST to what came after the close", end=end, step=number)
    if not certain(step):
        return undecidable("flags", "what drew the RST may have been missed", end=end, step=number)
    flags, verdict = step.segment.flags, None
    sentence = f"flags {flags} after both FINs were acknowledged, and nothing came since"
    if not first and not step.segment.has_ack:
        # The form of an answer, which the second copy of the last ACK draws from an honest server.
        sentence, verdict = f"{sentence}, unless the network doubled the last ACK", Verdict.WARN
    return broken("flags", sentence, expected="silence", actual=flags, end=end, step=number, verdict=verdict)
