"""Rules on initial sequence numbers: how one connection's stands to another's, and that they cannot be guessed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from math import log2
from typing import Final

from rawshake.rules.model import Level, Outcome, Scope, Verdict, broken, held, undecidable
from rawshake.rules.opening import Opening, Others
from rawshake.rules.registry import rule

SECOND: Final = 1_000_000_000
#: How close the ISNs of a run must be for it to be no chance: once in 2**64 runs.
BITS: Final = 64
#: How many connections of one host show how it chooses.
ENOUGH: Final = 4
#: Connections further apart in time than this tell nothing: a clock may have gone round.
LONG: Final = 60 * SECOND
#: The steps by which old stacks moved on at each connection: 64,000, twice that, and less than 2**18.
STEP: Final = 1 << 18
#: The fastest clock that stands behind ISNs, in numbers a second: RFC 793's has 250,000, BSD's had 128,000.
CLOCK: Final = 1_000_000
#: The fastest that this is true of: Linux counts 64 ns, so that its clock goes half way round in 137 s.
HALF_ROUND: Final = 100 * SECOND


@rule("isn-differs-across-tuples", "RFC 9293 3.4.1 SHLD-1; RFC 9293 3.4.1 MUST-9; RFC 6528 3", Level.SHOULD,
      scope=Scope.CAPTURE)  # fmt: skip
def isn_differs_across_tuples(opening: Opening, others: Others) -> Iterator[Outcome]:
    """The ISNs of different connections look unrelated.

    Who can guess an ISN can open connections in another's name, or put data into them. RFC 6528 adds a secret
    hash of the addresses and ports to the clock; Linux, BSD, macOS and Windows do. Old stacks step by 64,000 for
    each connection or follow a clock alone; lwIP begins at 6510 unless it is built with a hook; scanners and
    load generators often use one number for all. Four connections of a host show it, if their ISNs are so close
    that chance would do it once in 2**64.

    Fires (a step of 64,000):
        # port 40000
        > S 0:0(0) win 65535
        < S. 0:0(0) ack 1 win 65535
        > R 1:1(0) win 0

        # port 40001
        > S 100000000:100000000(0) win 65535
        < S. 64000:64000(0) ack 100000001 win 65535
        > R 100000001:100000001(0) win 0

        # port 40002
        > S 1900000000:1900000000(0) win 65535
        < S. 128000:128000(0) ack 1900000001 win 65535
        > R 1900000001:1900000001(0) win 0

        # port 40003
        > S -900000000:-900000000(0) win 65535
        < S. 192000:192000(0) ack -899999999 win 65535
        > R -899999999:-899999999(0) win 0

        # port 40004
        > S 700000000:700000000(0) win 65535
        < S. 256000:256000(0) ack 700000001 win 65535
        > R 700000001:700000001(0) win 0

        # port 40005
        > S -1900000000:-1900000000(0) win 65535
        < S. 320000:320000(0) ack -1899999999 win 65535
        > R -1899999999:-1899999999(0) win 0
    Quiet:
        # port 40000
        > S 0:0(0) win 65535
        < S. 0:0(0) ack 1 win 65535
        > R 1:1(0) win 0

        # port 40001
        > S 100000000:100000000(0) win 65535
        < S. 1064000000:1064000000(0) ack 100000001 win 65535
        > R 100000001:100000001(0) win 0

        # port 40002
        > S 1900000000:1900000000(0) win 65535
        < S. -2000128000:-2000128000(0) ack 1900000001 win 65535
        > R 1900000001:1900000001(0) win 0

        # port 40003
        > S -900000000:-900000000(0) win 65535
        < S. 320000000:320000000(0) ack -899999999 win 65535
        > R -899999999:-899999999(0) win 0
    """
    count, first, second = others.earliest(opening)
    if count < ENOUGH or second.syns[0] - first.syns[0] > LONG:
        return
    if _far_apart(first, second):
        yield held("seq", f"the ISNs of {count} connections of the host are far apart")
        return
    run = others.run(opening)
    bits = 0.0
    for before, after in pairwise(run):
        if after.time - before.time > LONG:
            return
        if _far_apart(before, after):
            bits = 0.0
            break
        bits += 32 - log2(_spread(run, _window(before, after)))
    if not bits:
        yield held("seq", f"the ISNs of {count} connections of the host are far apart")
    elif bits >= BITS:
        apart = [after.isn - before.isn for before, after in pairwise(run)]
        if len(set(apart)) == 1:
            each = "the same" if not apart[0] else f"{apart[0]:+} each time"
        else:
            each = f"{min(apart):+} to {max(apart):+} apart"
        sentence = f"ISN {opening.isn}: those of {count} connections of {opening.here[0]} are {each}"
        yield broken("seq", sentence, expected="an ISN that cannot be guessed", actual=opening.isn)


def _far_apart(before: Opening, after: Opening) -> bool:
    return abs(after.isn - before.isn) > _window(before, after)


def _window(before: Opening, after: Opening) -> int:
    """How far a step and a clock may have moved the ISN in between."""
    return STEP + (after.syns[0] - before.syns[0]) * CLOCK // SECOND


def _spread(run: Sequence[Opening], window: int) -> int:
    """How many numbers were possible if they follow a plain pattern: one if all steps are the same."""
    apart = {after.isn - before.isn for before, after in pairwise(run)}
    return 1 if len(apart) == 1 else 2 * window


@rule("isn-clock-same-tuple", "RFC 9293 3.4.1 MUST-8", Level.MUST, scope=Scope.CAPTURE)
def isn_clock_same_tuple(opening: Opening, others: Others) -> Iterable[Outcome]:
    """When addresses and ports are used again, the new ISN is above the old connection's.

    A clock that ticks every 4 microseconds stands behind the ISN, so that what is left of the old
    connection on the way falls outside the new one. Linux, in TIME-WAIT, takes the old SND.NXT + 65537.
    OpenBSD chooses at random, SYN cookies are a hash, and behind one address may be many hosts, so a lower
    number is a note. The very same number for a connection that had data or was complete is what no stack
    chooses. Linux's clock goes half way round in 137 s: later than 100 s nothing can be told. A client that
    was refused may try again with the number that it had.

    Fires (the same number):
        > S 0:0(0) win 65535
        < S. 0:0(0) ack 1 win 65535
        > . 1:1(0) ack 1 win 65535
        > R. 1:1(0) ack 1 win 65535

        > S 70000000:70000000(0) win 65535
        < S. 0:0(0) ack 70000001 win 65535
        > . 70000001:70000001(0) ack 1 win 65535
        > R. 70000001:70000001(0) ack 1 win 65535
    Fires (a lower one):
        > S 0:0(0) win 65535
        < S. 0:0(0) ack 1 win 65535
        > . 1:1(0) ack 1 win 65535
        > R. 1:1(0) ack 1 win 65535

        > S 70000000:70000000(0) win 65535
        < S. -90000000:-90000000(0) ack 70000001 win 65535
        > . 70000001:70000001(0) ack -89999999 win 65535
        > R. 70000001:70000001(0) ack -89999999 win 65535
    Quiet:
        > S 0:0(0) win 65535
        < S. 0:0(0) ack 1 win 65535
        > . 1:1(0) ack 1 win 65535
        > R. 1:1(0) ack 1 win 65535

        > S 70000000:70000000(0) win 65535
        < S. 75000:75000(0) ack 70000001 win 65535
        > . 70000001:70000001(0) ack 75001 win 65535
        > R. 70000001:70000001(0) ack 75001 win 65535
    """
    before = others.of_tuple(opening)
    if before is None or before.connection == opening.connection:
        return ()
    return _after(before, opening)


def _after(before: Opening, opening: Opening) -> Iterator[Outcome]:
    old, new = before.isn, opening.isn
    elapsed = opening.time - before.time
    if new == old:
        yield from _same(opening, before, elapsed)
    elif not 0 < elapsed <= HALF_ROUND:
        yield undecidable("seq", "so late, the clock behind the ISN may have gone round")
    elif new > old:
        yield held("seq", f"ISN {new} = {old} + {new - old}, {_seconds(elapsed)} later")
    else:
        sentence = (
            f"ISN {new} = {old} - {old - new}, {_seconds(elapsed)} later on the same tuple: no clock; "
            "OpenBSD, SYN cookies and hosts behind one address choose so"
        )
        yield broken("seq", sentence, expected=f"more than {old}", actual=new, verdict=Verdict.NOTE)


def _same(opening: Opening, before: Opening, elapsed: int) -> Iterator[Outcome]:
    if not before.complete or not opening.complete:
        return  # another attempt at the same connection
    if before.peer_isn is None or before.peer_isn == opening.peer_isn:
        yield undecidable("seq", "both ISNs are those of a connection before: was it recorded twice?")
        return
    sentence = (
        f"ISN {opening.isn} once more, {_seconds(elapsed)} after it began a connection of the same tuple"
    )
    yield broken("seq", sentence, expected=f"more than {before.isn}", actual=opening.isn)


def _seconds(time: int) -> str:
    return f"{time / SECOND:.3g} s"
