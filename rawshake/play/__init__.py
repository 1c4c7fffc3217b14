'''Scripts that play one end of a connection by hand: they send any segment, and say what must come back, and when.

A script is a generator function of one argument, the other end. It reads like code that blocks, and never does:

    from rawshake.play import Peer, Script

    def script(peer: Peer) -> Script:
        """What it shows, in a line."""
        yield peer.send("S 0:0(0) <mss 1460>")
        synack = yield peer.expect("S. 0:0(0) ack 1", within=1.0)
        yield peer.send(". 1:1(0) ack 1")
        yield peer.send("P.", data=b"hello")
        answer = yield peer.expect(". ack 6", "R", within=0.5)
        if answer.which == 1:
            return "reset"
        yield peer.quiet(0.3)
        return f"mss {synack.segment.mss}"

**What it yields.** ``yield from`` in place of ``yield`` does the same, and lets type checkers know what comes of it.

| action | what it does | what it gives |
| --- | --- | --- |
| ``peer.send(TEXT, ...)`` | a segment leaves; octets that TEXT cannot say are arguments | the ``Segment`` |
| ``peer.expect(TEXT, ..., within=1.0)`` | awaits one that fits a TEXT, and passes over others | ``Arrival`` |
| ``peer.next(within=1.0)`` | awaits any | ``Arrival``, or None |
| ``peer.quiet(0.5, but=[TEXT])`` | nothing may come, nor lie in the inbox | |
| ``peer.collect(0.5)`` | waits, and takes all that is in the inbox by then | ``Arrival``, ... |
| ``peer.wait(0.5)`` | waits | |
| ``peer.send_icmp(SEGMENT, type=, code=)`` | an ICMP error about a segment of theirs | |
| ``peer.expect_icmp(WORDS)`` | awaits an ICMP error about a segment of ours | ``IcmpArrival`` |

Not yielded: ``peer.another(port)`` is a second connection, a ``Peer`` like the first; ``peer.restart(isn)`` begins
anew on the same ports; ``peer.window`` and ``peer.ttl`` are those of what we send; while ``peer.crossing`` is True,
what comes counts as still under way to us, so that segments cross. ``recipes`` has what many scripts begin with:
``yield from handshake(peer)``. ``examples`` has whole ones.

**What must be refused**, such as a reset beside the window, a SYN in a connection or data with a wrong checksum, moves
neither our numbers nor our state: the tracker takes it as sent on purpose, and goes on from an honest end's view.

**The inbox.** What comes is queued. ``expect`` takes from it up to and including what fits; what was passed over is
gone, but told where the expectation fails. An answer can thus have come before its stimulus: ``yield
peer.collect(0)`` empties the inbox.

**The notation** is packetdrill's (``tcp.notation``), and what is not written is left open: to be sent it is what an
honest end would send (SEQ = SND.NXT, ACK = RCV.NXT; a SYN begins at our ISN), to be awaited it does not matter.

    FLAGS [START: | START:END(OCTETS) | (OCTETS)] [ack N] [win N] [urg N] [<options>] ["payload" | hex 00ff]
          [[ttl N]] [[ecn N]] [[bad checksum]]

Numbers count from the ISNs: ours is chosen, theirs is that of the first SYN that came. ``=N`` is absolute. Others
are computed: ``f". {peer.our.nxt - 1}: ack {peer.our.rcv_nxt + 1000}"``; ``peer.our`` and ``peer.their`` have
nxt, una, rcv_nxt, top, acked, window, state, and the tracker's ``view``, which has all else. Flags are those of
``S F R P . U E W A``, the reserved bits ``1 2 3``, or ``-`` for none. In what is awaited ``?`` behind a flag leaves it
open (``R.?``), as P is where it is not written; options may come in any order, ``nop`` and ``eol`` are not compared,
``mss *`` is any value, and ``...`` lets others stand beside: ``<mss *,...>``; ``<>`` is none at all.

**What fails** raises ``Unexpected`` inside the script, which may catch it. Uncaught it ends the script as a
``Mismatch``: the expectation, what came nearest to it, each field that differs, all that came meanwhile. An error of
the script itself is a ``Mistake``. Whatever the end, each connection that is still there is left with an exact reset.

**Playing.** ``Conversation`` plays one script without clock or socket (``took``, ``poll``, ``deadline``, ``result``);
``perform`` drives any number of them over one link; ``rehearse(script, stack)`` plays one in memory, by a clock of
its own; ``host.serving("echo")`` is an honest stack for that. All segments go through the tracker, and the judge,
which knows which are ours.
'''

from __future__ import annotations

from rawshake.play.actions import Action, Arrival, IcmpArrival, Mismatch, Mistake, Unexpected
from rawshake.play.conversation import Conversation, Ending, Place, Result, Script, ScriptFunction
from rawshake.play.peer import Numbers, Peer
from rawshake.play.perform import perform
from rawshake.play.recipes import close, handshake
from rawshake.play.rehearse import Rehearsed, Stack, rehearse
from rawshake.play.sketch import Difference

__all__ = [
    "Action",
    "Arrival",
    "Conversation",
    "Difference",
    "Ending",
    "IcmpArrival",
    "Mismatch",
    "Mistake",
    "Numbers",
    "Peer",
    "Place",
    "Rehearsed",
    "Result",
    "Script",
    "ScriptFunction",
    "Stack",
    "Unexpected",
    "close",
    "handshake",
    "perform",
    "rehearse",
]
