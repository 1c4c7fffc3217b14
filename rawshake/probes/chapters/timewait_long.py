"""Probes on how long TIME-WAIT lasts, and on timestamps, by which a new connection can be told from an old one."""

from __future__ import annotations

from itertools import pairwise
from typing import Final

from rawshake.play import Peer, Script, Unexpected
from rawshake.probes.chapters.timewait import fin_again, held, reopened
from rawshake.probes.grid.block import BEYOND, Block
from rawshake.probes.model import Holds, Server, note, undecided, warn
from rawshake.probes.park import time_wait, time_wait_with_timestamps
from rawshake.probes.prove import WATCH, lives
from rawshake.probes.registry import probe
from rawshake.rules.model import Level, Verdict
from rawshake.tcp.view import Step

#: When TIME-WAIT is asked, in seconds: Linux has 60, BSD 60, lwIP and Windows 120, the letter of RFC 9293 240.
ASKED: Final = (0, 20, 55, 115, 235)
#: Seconds between FINs, and how many: each leaves less than 2 MSL, all together are more than most stacks have.
PAUSE: Final = 20
FINS: Final = 8
#: How far the TSval of a new SYN is from the last, in milliseconds.
LATER: Final = 4000


@probe(
    "time-wait-lasts", "Z02", "RFC 9293 3.6.1 MUST-13; RFC 9293 3.4.2", Level.MUST, rules="timewait-2msl",
    server=Server.CLOSES_FIRST, holds=Holds.TIME_WAIT, slow=True, patience=ASKED[-1] + 30.0,
)  # fmt: skip
def time_wait_lasts(peer: Peer) -> Script:
    """How long TIME-WAIT lasts: several connections are left in it, and each is asked at another time.

    2 MSL are four minutes by the letter, and how long a segment lives today is left to those who build stacks: Linux
    and BSD wait for a minute, lwIP and Windows for two. That is told as a note, and less than 20 seconds as a warning:
    a small stack may have had to make room.
    """
    waiting: list[tuple[Peer, Block]] = []
    for _ in ASKED[1:]:
        other = peer.another()
        waiting.append((other, (yield from time_wait(other))))
    for (last, now), (other, here) in zip(pairwise(ASKED), waiting, strict=True):
        yield peer.wait(now - last)
        yield other.collect(0)
        yield other.send(f"F. ={here.rcv_nxt - 1}: ack ={here.nxt}")
        came = yield from other.expect(held(here), f"R.? ={here.nxt}:", within=WATCH)
        if came.which and not last:
            sentence = f"TIME-WAIT lasts less than {now} s, or was ended to make room."
            return warn(sentence, field="time", expected="240 s, or at least 30", actual=f"less than {now} s")
        if came.which:
            return note(f"TIME-WAIT lasts for {last} to {now} s; 2 MSL are 240 s by the letter.")
    return None


@probe(
    "fins-restart-time-wait", "Z01", "RFC 9293 3.10.7.4; RFC 9293 3.6.1", Level.PROCEDURE,
    rules="timewait-reacks timewait-2msl", server=Server.CLOSES_FIRST, holds=Holds.TIME_WAIT, slow=True,
    patience=PAUSE * FINS + 30.0,
)  # fmt: skip
def fins_restart_time_wait(peer: Peer) -> Script:
    """Our FIN every 20 seconds is acknowledged each time, for longer than TIME-WAIT alone would last in most stacks.

    "Acknowledge it, and restart the 2 MSL timeout." An end that still sends its FIN has not got the ACK. Where
    TIME-WAIT ends all the same that is a warning, as a small stack may have had to make room.
    """
    here = yield from time_wait(peer)
    for count in range(1, FINS + 1):
        yield peer.wait(PAUSE)
        try:
            yield from fin_again(peer, here)
        except Unexpected as unexpected:
            came = unexpected.mismatch.came
            if came is None or not came.text.startswith("R"):
                raise
            if count == 1:
                undecided(f"its TIME-WAIT lasts less than {PAUSE} s")
            sentence = "FINs do not restart TIME-WAIT, or it was ended to make room."
            return warn(sentence, field="time", expected=f"more than {PAUSE * FINS} s",
                        actual=f"{PAUSE * count} s")  # fmt: skip
    return None


def _last_stamp(peer: Peer) -> int:
    said = [
        one.segment.timestamps for one in peer.entries if isinstance(one, Step) and one.sender is peer.end
    ]
    return max(stamps[0] for stamps in said if stamps)


@probe(
    "newer-timestamp-reopens-time-wait", "Z07", "RFC 6191 2; RFC 9293 3.6.1 SHLD-4", Level.SHOULD,
    rules="timewait-timestamps", server=Server.CLOSES_FIRST, holds=Holds.TIME_WAIT,
)  # fmt: skip
def newer_timestamp_reopens_time_wait(peer: Peer) -> Script:
    """With timestamps a SYN of a later time opens a new connection out of TIME-WAIT, even below the old numbers.

    The timestamp tells it from an old duplicate, so that clients with random ISNs get through at once (SHLD-4). Linux
    does it; a stack that asks for a higher number as well has half of such clients wait.
    """
    here = yield from time_wait_with_timestamps(peer)
    isn = here.rcv_nxt - 5000
    yield peer.collect(0)
    yield peer.send(f"S ={isn}: <mss 1460,TS val {_last_stamp(peer) + LATER} ecr 0>")
    came = yield from peer.expect(f"S. ack ={isn + 1}", within=WATCH)
    found = reopened(came, here)
    return found if found.verdict is Verdict.FAIL else None


@probe(
    "older-timestamp-refused-in-time-wait", "Z08", "RFC 6191 2; RFC 7323 5.3", Level.SHOULD,
    rules="timewait-stale-syn-refused timewait-timestamps", server=Server.CLOSES_FIRST, holds=Holds.TIME_WAIT,
)  # fmt: skip
def older_timestamp_refused_in_time_wait(peer: Peer) -> Script:
    """With timestamps a SYN of an earlier time opens nothing out of TIME-WAIT, even above the old numbers.

    It can only be an old duplicate, whatever its number. It is answered by an ACK, or dropped in silence, as RFC 6191
    has it.
    """
    here = yield from time_wait_with_timestamps(peer)
    isn = here.rcv_nxt + (here.rcv_wnd + BEYOND)
    yield peer.collect(0)
    yield peer.send(f"S ={isn}: <mss 1460,TS val {_last_stamp(peer) - LATER} ecr 0>")
    try:
        yield peer.expect(held(here), within=WATCH)
    except Unexpected as unexpected:
        if not unexpected.mismatch.silence:
            raise
        yield from lives(peer, here)
        return note("RFC 6191: in TIME-WAIT a SYN of an earlier time is dropped in silence.")
    return None
