"""Probes on opening a connection where the target is the client: it dials out to us, and is in SYN-SENT."""

from __future__ import annotations

from collections.abc import Generator
from itertools import pairwise
from typing import Any, Final

from rawshake.play import Action, Peer, Script, Unexpected
from rawshake.probes.model import Check, Server, broken, note, undecided, warn
from rawshake.probes.park import GREETING, dialled, syn_sent
from rawshake.probes.prove import ANSWER, WATCH
from rawshake.probes.registry import probe
from rawshake.profile import SECOND
from rawshake.rules.model import Level
from rawshake.tcp.segment import Flags
from rawshake.tcp.view import Step

#: Our answer to a SYN: with it a target that is still in SYN-SENT opens.
SYNACK: Final = "S. 0: ack 1 <mss 1460>"


@probe(
    "dialled-syn-bare", "E20", "RFC 9293 3.10.1; RFC 9293 3.5; RFC 7323 3.2", Level.PROCEDURE,
    rules="syn-form", server=Server.DIALS,
)  # fmt: skip
def dialled_syn_bare(peer: Peer) -> Script:
    """An active open begins with one SYN that has none of ACK, FIN and RST, and nothing to echo.

    ECE, CWR and AE may ask for ECN, and data may ride on it (RFC 7413). A TSecr that is not 0 is a SHOULD that was
    not kept, and so is a second SYN within less than a second.
    """
    first = yield from dialled(peer)
    if first.segment.flags & (Flags.SYN | Flags.ACK | Flags.FIN | Flags.RST) != Flags.SYN:
        return broken("It begins with more than a SYN.", field="flags", expected="S", actual=first.text)
    # By the times of the capture: what is late here need not have been sent late.
    again = [one for one in (yield from peer.collect(WATCH)) if one.time - first.time < WATCH * SECOND]
    found: list[Check] = []
    stamps = first.segment.timestamps
    if stamps is not None and stamps[1]:
        found.append(warn("TSecr of its SYN is not 0.", expected="0", actual=str(stamps[1]), field="options"))
    if again:
        what = "a SYN is not sent again within a second"
        found.append(warn(f"It sent {again[0].text} at once.", what=what, expected="1 s", actual="less"))
    yield peer.send(SYNACK)
    yield from _opened(peer)
    return tuple(found)


@probe(
    "synack-acked", "E21", "RFC 9293 3.10.7.3; RFC 9293 3.5", Level.PROCEDURE,
    rules="handshake-third-ack", server=Server.DIALS,
)  # fmt: skip
def synack_acked(peer: Peer) -> Script:
    """In SYN-SENT a SYN,ACK is answered by <SEQ=ISS+1><ACK=IRS+1><CTL=ACK>, and the connection is open both ways.

    The ACK may carry the first data. Without it the server sends its SYN,ACK again and again, and gives up.
    """
    yield from syn_sent(peer)
    yield peer.send(SYNACK)
    yield from _opened(peer)


@probe(
    "synack-of-what-was-not-sent-reset", "E22", "RFC 9293 3.10.7.3; RFC 9293 3.5.2", Level.PROCEDURE,
    rules="synsent-bad-ack-rst", server=Server.DIALS,
)  # fmt: skip
def synack_of_what_was_not_sent_reset(peer: Peer) -> Script:
    """In SYN-SENT a SYN,ACK that acknowledges too much, or nothing, is reset by <SEQ=SEG.ACK>, and the attempt goes on.

    It answers a SYN of an earlier life: the reset clears what is left of that at the server, whose next SYN,ACK is
    right. Linux and lwIP send their SYN again at once as well; lwIP's resets have ACK, which does no harm.
    """
    yield from syn_sent(peer)
    yield peer.send("S. 0: ack 101 <mss 1460>")
    yield peer.expect("R.? 101:")
    yield peer.send("S. 0: ack 0 <mss 1460>")
    yield peer.expect("R.? 0:")
    yield peer.send(SYNACK)
    yield from _opened(peer)


@probe(
    "half-open-answer-reset", "E22", "RFC 9293 3.10.7.3; RFC 9293 3.5.1", Level.PROCEDURE,
    rules="synsent-bad-ack-rst half-open-recovery", server=Server.DIALS,
)  # fmt: skip
def half_open_answer_reset(peer: Peer) -> Script:
    """In SYN-SENT an ACK of an earlier connection is reset by <SEQ=SEG.ACK>, and the attempt goes on.

    So whoever was restarted gets through to a server that still has the old connection, and challenges the SYN. A
    client that stays silent waits until that server gives up, which may take hours.
    """
    yield from syn_sent(peer)
    yield peer.send(". 300: ack 101")
    yield peer.expect("R.? 101:")
    yield peer.send(SYNACK)
    yield from _opened(peer)


@probe(
    "ack-without-syn-dropped", "E23", "RFC 9293 3.10.7.3", Level.PROCEDURE,
    rules="synsent-bare-ack-dropped", server=Server.DIALS,
)  # fmt: skip
def ack_without_syn_dropped(peer: Peer) -> Script:
    """In SYN-SENT an ACK that acknowledges the SYN, but has no SYN itself, is dropped in silence.

    "If neither of the SYN or RST bits is set, then drop the segment": it can be ahead of the SYN,ACK, which a reset
    would end. lwIP resets it.
    """
    yield from syn_sent(peer)
    yield peer.send(". 1: ack 1")
    yield from _goes_on(peer)


@probe(
    "refusal-without-good-ack-ignored", "E24", "RFC 9293 3.10.7.3; RFC 9293 3.5.3", Level.PROCEDURE,
    rules="synsent-rst-needs-good-ack", server=Server.DIALS,
)  # fmt: skip
def refusal_without_good_ack_ignored(peer: Peer) -> Script:
    """In SYN-SENT a RST that does not acknowledge the SYN, or something else, is ignored.

    Whoever does not see the SYN cannot know its number: else anybody could refuse in the name of others.
    """
    yield from syn_sent(peer)
    yield peer.send("R 0:")
    yield peer.send("R. 0: ack 6")
    yield peer.send("R. 0: ack 0")
    yield from _goes_on(peer)


@probe(
    "refusal-believed", "E24", "RFC 9293 3.10.7.3; RFC 9293 3.5.3", Level.PROCEDURE,
    rules="synsent-rst-needs-good-ack", server=Server.DIALS,
)  # fmt: skip
def refusal_believed(peer: Peer) -> Script:
    """In SYN-SENT a RST that acknowledges the SYN ends the attempt, without an answer.

    It is how a closed port refuses; whoever goes on keeps its program waiting for a minute or more. Windows tries
    some times more, half a second apart, which is told as a note.
    """
    yield from syn_sent(peer)
    yield peer.send("R. =0: ack 1")
    try:
        yield peer.quiet(WATCH)
    except Unexpected as unexpected:
        if not any(one.text.startswith("S") for one in unexpected.mismatch.meanwhile):
            raise
        return note("As in Windows: a connection that was refused is tried again.")
    yield peer.send(SYNACK)
    yield peer.expect("R.? 1:")
    return None


@probe(
    "segments-without-syn-dropped", "E25", "RFC 9293 3.10.7.3", Level.PROCEDURE,
    rules="synsent-bare-ack-dropped", server=Server.DIALS,
)  # fmt: skip
def segments_without_syn_dropped(peer: Peer) -> Script:
    """In SYN-SENT a FIN, data, or no flags, all without ACK, are dropped in silence, and nothing of them is kept.

    There is no RCV.NXT yet to compare them with: they cannot belong to this connection.
    """
    yield from syn_sent(peer)
    yield peer.send("F 1:")
    yield peer.send("P 1:", data=b"early")
    yield peer.send("- 1:")
    yield from _goes_on(peer)


@probe(
    "fin-ack-in-syn-sent-dropped", "E25", "RFC 9293 3.10.7.3", Level.PROCEDURE,
    rules="synsent-bare-ack-dropped", server=Server.DIALS,
)  # fmt: skip
def fin_ack_in_syn_sent_dropped(peer: Peer) -> Script:
    """In SYN-SENT a FIN that acknowledges the SYN is dropped in silence, and so is data that does.

    A server may send both behind its SYN,ACK, and they may overtake it. lwIP resets them.
    """
    yield from syn_sent(peer)
    yield peer.send("F. 6: ack 1")
    yield peer.send("P. 1: ack 1", data=b"early")
    yield from _goes_on(peer)


@probe(
    "simultaneous-open-by-synack", "E26", "RFC 9293 3.5 MUST-10; RFC 9293 3.10.7.3", Level.MUST,
    rules="simultaneous-open", server=Server.DIALS,
)  # fmt: skip
def simultaneous_open_by_synack(peer: Peer) -> Script:
    """In SYN-SENT a SYN is answered by <SEQ=ISS><ACK=IRS+1><CTL=SYN,ACK>, and our SYN,ACK opens the connection.

    Figure 7. Our SYN,ACK begins before its RCV.NXT, and must count all the same (appendix A.2). Programs that make
    holes in address translators rely on it. lwIP cannot do this.
    """
    yield from syn_sent(peer)
    yield peer.send("S 0: <mss 1460>")
    yield peer.expect("S.E? 0: ack 1")
    yield peer.send("S. 0: ack 1 <mss 1460>")
    yield from _takes_data(peer)


@probe(
    "simultaneous-open-by-ack", "E26", "RFC 9293 3.5 MUST-10; RFC 9293 3.10.7.4", Level.MUST,
    rules="simultaneous-open", server=Server.DIALS,
)  # fmt: skip
def simultaneous_open_by_ack(peer: Peer) -> Script:
    """After SYNs that crossed, an ACK of its SYN,ACK opens the connection as well.

    So Linux answers when its own SYN,ACK was lost. Who waits for a SYN,ACK alone never opens.
    """
    yield from syn_sent(peer)
    yield peer.send("S 0: <mss 1460>")
    yield peer.expect("S.E? 0: ack 1")
    yield peer.send(". 1: ack 1")
    yield from _takes_data(peer)


#: Seconds in which a SYN comes again for the first time: 3 was the first timeout of RFC 1122.
_FIRST_WAIT: Final = 6.0
#: Seconds that its SYNs are watched, to see the waits between them grow; and those of R2 for a SYN (MUST-23).
_WATCHED: Final = 60.0
_THREE_MINUTES: Final = 181.0


@probe(
    "syn-sent-again", "E27", "RFC 9293 3.8.3; RFC 6298 2; RFC 6298 5", Level.MUST,
    rules="syn-backoff rto-at-least-1s syn-form", server=Server.DIALS,
)  # fmt: skip
def syn_sent_again(peer: Peer) -> Script:
    """A SYN that is not answered comes again, with the same number, and not within a second.

    A lost SYN is like any lost segment. The first wait is one second (RFC 6298), and was three before 2011; options
    may be left out later on, in case somebody on the way drops SYNs that have them.
    """
    yield from syn_sent(peer)
    again = yield from peer.expect("SE?W?A? 0:", within=_FIRST_WAIT)
    waited = (again.time - min(one.time for one in peer.entries)) / SECOND
    if waited < 0.9:
        what = "the first wait is a second or more"
        return warn(
            f"It came again after {waited:.2f} s.", what=what, expected="1 s", actual=f"{waited:.2f} s"
        )
    yield peer.send(SYNACK)
    yield from _opened(peer)
    return None


@probe(
    "syn-waits-grow", "E27", "RFC 6298 5; RFC 9293 3.8.3 MUST-22", Level.MUST, rules="syn-backoff",
    server=Server.DIALS, slow=True, patience=90.0,
)  # fmt: skip
def syn_waits_grow(peer: Peer) -> Script:
    """The waits between SYNs that are not answered double.

    So that many clients do not keep a line full that lost their SYNs because it was full. Linux (from 6.5 on) and
    macOS begin with some equal waits of a second, which is told as a note; lwIP waits as long each time.
    """
    yield from syn_sent(peer)
    yield peer.expect("SE?W?A? 0:", within=_FIRST_WAIT, strict=True)
    yield peer.collect(_WATCHED)
    times = [one.time for one in peer.entries if isinstance(one, Step) and one.sender is not peer.end]
    waits = [(later - earlier) / SECOND for earlier, later in pairwise(times)]
    shown = ", ".join(f"{wait:.1f}" for wait in waits)
    if len(waits) < 3:
        undecided(f"too few SYNs came for that, after {shown} s")
    shrunk = any(after < 0.7 * before for before, after in pairwise(waits))
    if shrunk or waits[-1] < 1.5 * waits[0]:
        return broken(
            "The waits between its SYNs do not double.", field="waits", expected="doubling", actual=shown
        )
    if any(after < 1.5 * before for before, after in pairwise(waits)):
        return note(f"As in Linux and macOS: some waits are equal before they double, {shown} s.")
    return None


@probe(
    "syn-tried-for-three-minutes", "E27", "RFC 9293 3.8.3 MUST-23", Level.MUST, rules="syn-r2-three-minutes",
    server=Server.DIALS, slow=True, patience=210.0,
)  # fmt: skip
def syn_tried_for_three_minutes(peer: Peer) -> Script:
    """A SYN,ACK that comes after three minutes still opens the connection.

    "R2 for a SYN segment MUST be set large enough to provide retransmission of the segment for at least 3 minutes".
    Nobody waits that long: Linux gives up after 127 s, Windows after 21 s, and programs before. It is a note.
    """
    yield from syn_sent(peer)
    yield peer.wait(_THREE_MINUTES)
    yield peer.collect(0)
    yield peer.send(SYNACK)
    came = yield from peer.expect(". 1: ack 1", "R.? 1:", within=ANSWER)
    if came.which:
        return note("It, or its program, has given up by then, as nearly all do.")
    return None


Acts = Generator[Action[Any], Any, None]


def _opened(peer: Peer) -> Acts:
    """Expect the ACK of our SYN,ACK, and that data is taken."""
    yield from peer.expect(". 1: ack 1", within=ANSWER)
    yield from _takes_data(peer)


def _takes_data(peer: Peer) -> Acts:
    """Expect that it takes data; what it says first is acknowledged, since lwIP holds its ACK back with its echo."""
    yield from peer.collect(GREETING)
    yield from peer.send("P. 1:", data=b"hello")
    yield from peer.expect(". ack 6", within=WATCH)


def _goes_on(peer: Peer) -> Acts:
    """Expect silence, but for the SYN again, and that a SYN,ACK still opens."""
    yield from peer.quiet(WATCH, but=["SE?W?A? 0:"])
    yield from peer.send(SYNACK)
    yield from _opened(peer)
