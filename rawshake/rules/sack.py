"""Rules on selective acknowledgment: that it is sent, in which order, and that it is true."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Final

from rawshake.rules.evidence import certain, duplicate_ack, sound
from rawshake.rules.model import Level, Outcome, Scope, Verdict, broken, held, undecidable
from rawshake.rules.registry import rule
from rawshake.tcp.option import Kind
from rawshake.tcp.seq import HALF, SPACE, Seq
from rawshake.tcp.state import State
from rawshake.tcp.view import End, Fate, Standing, Step

Block = tuple[Seq, Seq]

#: What passed so long before an ACK did not draw it, in ns.
_RECENT: Final = 1_000_000_000
#: No window reaches further (RFC 7323 section 2.3), so no gap in a capture explains a block beyond.
_LARGEST_WINDOW: Final = 1 << 30
_GONE: Final = frozenset({State.TIME_WAIT, State.CLOSED, State.LAST_ACK})


@rule("sack-blocks-sane", "RFC 2018 3; RFC 2883 4", Level.PROCEDURE)
def sack_blocks_sane(step: Step) -> Outcome | None:
    """A SACK block is a stretch of what the peer sent, above the ACK, with a gap before it and after it.

    Its left edge is before its right edge, and neither at nor below the acknowledgment; blocks neither overlap
    nor touch. Only the first may be a D-SACK, which repeats what came twice: below the ACK, or inside another
    block. A firewall that changes sequence numbers and forgets the blocks makes them point nowhere, for which
    the end is not to blame: a warning. A tap may have missed what they report.

    Fires (backwards):
        > S 0:0(0) win 65535 <mss 1460,nop,nop,sackOK>
        < S. 0:0(0) ack 1 win 65535 <mss 1460,nop,nop,sackOK>
        > . 1:1(0) ack 1 win 65535
        > P. 101:201(100) ack 1 win 65535
        < . 1:1(0) ack 1 win 65535 <nop,nop,sack 201:101>
    Fires (from the ACK on):
        > S 0:0(0) win 65535 <mss 1460,nop,nop,sackOK>
        < S. 0:0(0) ack 1 win 65535 <mss 1460,nop,nop,sackOK>
        > P. 1:101(100) ack 1 win 65535
        < . 1:1(0) ack 1 win 65535 <nop,nop,sack 1:101>
    Fires (numbers of before the firewall):
        > S 0:0(0) win 65535 <mss 1460,nop,nop,sackOK>
        < S. 0:0(0) ack 1 win 65535 <mss 1460,nop,nop,sackOK>
        > . 1:1(0) ack 1 win 65535
        > P. 101:201(100) ack 1 win 65535
        < . 1:1(0) ack 1 win 65535 <nop,nop,sack 2000000101:2000000201>
    Fires (at the client, never sent):
        > S 0:0(0) win 65535 <mss 1460,nop,nop,sackOK>
        < S. 0:0(0) ack 1 win 65535 <mss 1460,nop,nop,sackOK>
        > . 1:1(0) ack 1 win 65535
        > P. 1:101(100) ack 1 win 65535 [lost]
        > P. 101:201(100) ack 1 win 65535
        < . 1:1(0) ack 1 win 65535 <nop,nop,sack 101:202>
    Fires (they touch):
        > S 0:0(0) win 65535 <mss 1460,nop,nop,sackOK>
        < S. 0:0(0) ack 1 win 65535 <mss 1460,nop,nop,sackOK>
        > P. 101:201(100) ack 1 win 65535
        < . 1:1(0) ack 1 win 65535 <nop,nop,sack 101:201>
        > P. 201:301(100) ack 1 win 65535
        < . 1:1(0) ack 1 win 65535 <nop,nop,sack 201:301 101:201>
    Quiet:
        > S 0:0(0) win 65535 <mss 1460,nop,nop,sackOK>
        < S. 0:0(0) ack 1 win 65535 <mss 1460,nop,nop,sackOK>
        > . 1:1(0) ack 1 win 65535
        > P. 101:201(100) ack 1 win 65535
        < . 1:1(0) ack 1 win 65535 <nop,nop,sack 101:201>
        > P. 101:201(100) ack 1 win 65535
        < . 1:1(0) ack 1 win 65535 <nop,nop,sack 101:201 101:201>
    """
    segment, peer = step.segment, step.peer_was
    if not segment.options or segment.syn or segment.rst or not segment.has_ack:
        return None
    if peer.iss is None or peer.nxt is None or peer.renumbered or segment.option(Kind.SACK) is None:
        return None
    if peer.expected in (State.SYN_SENT, State.LISTEN):
        return None  # of another connection
    blocks = segment.sack
    for block in blocks:
        outcome = _misplaced(step, block, first=block is blocks[0])
        if outcome is not None:
            return outcome
    whole = blocks[1:] if _is_dsack(blocks, segment.ack) else blocks
    for at, one in enumerate(whole):
        for other in whole[:at]:
            outcome = _not_apart(one, other)
            if outcome is not None:
                return outcome
    return held("sack", f"{len(blocks)} blocks of what was sent")


def _misplaced(step: Step, block: Block, *, first: bool) -> Outcome | None:
    left, right = block
    ack, peer, was = step.segment.ack, step.peer_was, step.was
    assert peer.iss is not None
    assert peer.nxt is not None
    written = f"block {left} to {right}"
    if not left < right:
        return broken(
            "sack", f"{written}: its end is not after its start", expected=f"after {left}", actual=right
        )
    if left < peer.iss and peer.offered is not None:
        sentence = f"{written} starts before ISN {peer.iss}"
        return broken("sack", sentence, expected=f"at least {peer.iss}", actual=left)
    if right > peer.nxt:
        edge = was.edge if was.edge is not None else ack
        far = right - edge > _LARGEST_WINDOW
        if certain(step) or far:
            sentence = f"{written} ends {right - peer.nxt} after SND.NXT {peer.nxt}: that was never sent"
            verdict = None
            if far:
                sentence += "; a firewall that renumbers and forgets SACK does so"
                verdict = Verdict.WARN
            return broken("sack", sentence, expected=f"at most {peer.nxt}", actual=right, verdict=verdict)
        return undecidable("sack", "it reports what was not seen: a gap in the capture?")
    if left <= ack and not (first and right <= ack):
        sentence = f"{written} starts {ack - left} before ack {ack}: what follows an ACK has not come"
        if left == ack:
            sentence = f"{written} starts at ack {ack}: what follows an ACK has not come"
        verdict = None
        if peer.fin is not None and ack == peer.fin + 1:
            sentence = f"{written} was all acknowledged, up to the FIN: Linux clears its list later"
            verdict = Verdict.NOTE
        return broken("sack", sentence, expected=f"more than {ack}", actual=left, verdict=verdict)
    return None


def _not_apart(one: Block, other: Block) -> Outcome | None:
    (left, right), (start, end) = sorted((one, other), key=lambda block: block[0] - one[0])
    if right < start:
        return None
    expected = f"more than {right}"
    if right == start:
        sentence = f"blocks {left} to {right} and {start} to {end} touch: they are one"
        return broken("sack", sentence, expected=expected, actual=start, verdict=Verdict.WARN)
    sentence = f"blocks {left} to {right} and {start} to {end} overlap"
    return broken("sack", sentence, expected=expected, actual=start)


def _is_dsack(blocks: Sequence[Block], ack: Seq) -> bool:
    """Whether the first block reports what came twice (RFC 2883 section 4)."""
    if not blocks:
        return False
    left, right = blocks[0]
    return right <= ack or any(start <= left and right <= end for start, end in blocks[1:])


@rule("sack-sent-on-gap", "RFC 2018 4", Level.SHOULD, scope=Scope.EXCHANGE)
def sack_sent_on_gap(steps: Sequence[Step]) -> Iterator[Outcome]:
    """Where SACK is used, every ACK that is sent while data waits above a gap reports that data.

    Without, the sender has to guess what was lost, one segment in a round trip. An ACK that says nothing new
    was drawn by something; where all that passed lately lies above its number, it holds data that it does not
    report. It may have dropped it, for want of room: who reports gaps at other times is not blamed. lwIP sends
    no blocks unless told to, but then it does not permit SACK either.

    Fires:
        > S 0:0(0) win 65535 <mss 1460,nop,nop,sackOK>
        < S. 0:0(0) ack 1 win 65535 <mss 1460,nop,nop,sackOK>
        > . 1:1(0) ack 1 win 65535
        > P. 101:201(100) ack 1 win 65535
        < . 1:1(0) ack 1 win 65535
    Quiet:
        > S 0:0(0) win 65535 <mss 1460,nop,nop,sackOK>
        < S. 0:0(0) ack 1 win 65535 <mss 1460,nop,nop,sackOK>
        > . 1:1(0) ack 1 win 65535
        > P. 101:201(100) ack 1 win 65535
        < . 1:1(0) ack 1 win 65535 <nop,nop,sack 101:201>
    """
    for end in End:
        able = any(step.sender is end and step.segment.options and step.segment.sack for step in steps)
        for step, drawn in _drawn(end, steps):
            ack, number = step.segment.ack, step.number
            above = [one for one in drawn if one.segment.seq > ack]
            if not above or len(above) < len(drawn):
                continue
            gap = above[-1].segment.seq - ack
            if step.segment.sack:
                yield held("sack", f"SACK, with a gap of {gap} octets", end=end, step=number)
                continue
            if able:
                yield undecidable("sack", "it may have dropped what lay above the gap", end=end, step=number)
                continue
            sentence = f"no SACK, though what came last lies {gap} octets above ack {ack}"
            yield broken("sack", sentence, expected="SACK", actual="none", end=end, step=number)


@rule("dsack-reported", "RFC 2883 4", Level.MAY, scope=Scope.EXCHANGE)
def dsack_reported(steps: Sequence[Step]) -> Iterator[Outcome]:
    """What came twice is reported once, as the first SACK block.

    From it a sender learns that it sent again for nothing. It is an extension: Linux and newer FreeBSD have it,
    others do not, which is a note.

    Fires:
        > S 0:0(0) win 65535 <mss 1460,nop,nop,sackOK>
        < S. 0:0(0) ack 1 win 65535 <mss 1460,nop,nop,sackOK>
        > . 1:1(0) ack 1 win 65535
        > P. 1:101(100) ack 1 win 65535
        < . 1:1(0) ack 101 win 65535
        +1 > P. 1:101(100) ack 1 win 65535
        < . 1:1(0) ack 101 win 65535
    Quiet:
        > S 0:0(0) win 65535 <mss 1460,nop,nop,sackOK>
        < S. 0:0(0) ack 1 win 65535 <mss 1460,nop,nop,sackOK>
        > . 1:1(0) ack 1 win 65535
        > P. 1:101(100) ack 1 win 65535
        < . 1:1(0) ack 101 win 65535
        +1 > P. 1:101(100) ack 1 win 65535
        < . 1:1(0) ack 101 win 65535 <nop,nop,sack 1:101>
    """
    for end in End:
        mine = [step.segment for step in steps if step.sender is end and step.segment.options]
        able = any(_is_dsack(segment.sack, segment.ack) for segment in mine)
        for step, drawn in _drawn(end, steps):
            if not all(map(_came_twice, drawn)):
                continue
            ack, number, again = step.segment.ack, step.number, drawn[-1].segment
            written = f"{again.seq} to {again.end} came twice"
            if _is_dsack(step.segment.sack, ack):
                yield held("sack", f"{written}, and is reported", end=end, step=number)
            elif not able:
                said, verdict = f"{written}, and no D-SACK says so: it is an extension", Verdict.NOTE
                yield broken(
                    "sack", said, expected="D-SACK", actual="none", verdict=verdict, end=end, step=number
                )


def _came_twice(step: Step) -> bool:
    """Whether it was acknowledged before it passed; a single octet is a keep-alive."""
    acked = step.peer_was.acked
    return step.again and step.segment.payload_length > 1 and acked is not None and step.segment.end <= acked


def _drawn(end: End, steps: Sequence[Step]) -> Iterator[tuple[Step, list[Step]]]:
    """The ACKs of ``end`` that say nothing new, each with what may have drawn it, where that is all of one kind."""
    recent: deque[Step] = deque()
    for step in steps:
        segment = step.segment
        if not sound(step) or step.fate is Fate.LOST:
            continue
        if step.sender is not end:
            if segment.length or step.standing is not Standing.NEW:
                recent.append(step)
            continue
        if not (step.was.sack_permitted and step.peer_was.sack_permitted) or step.was.expected in _GONE:
            continue
        if segment.rst or segment.syn or not duplicate_ack(step):
            continue
        while recent and step.time - recent[0].time > _RECENT:
            recent.popleft()
        drawn = [one for one in recent if not _settled(one, segment.ack)]
        # Nothing less will be acknowledged.
        recent = deque(drawn) if segment.ack == step.was.acked else recent
        if drawn and all(_may_be_held(one) for one in drawn):
            yield step, drawn


def _settled(step: Step, ack: Seq) -> bool:
    """Whether it drew the ACK before: new data that is acknowledged."""
    return not step.again and step.standing is Standing.NEW and step.segment.end <= ack


def _may_be_held(step: Step) -> bool:
    segment = step.segment
    if segment.syn or segment.rst or not segment.has_ack or not segment.payload_length:
        return False
    return step.standing is Standing.NEW or (step.standing is Standing.OLD and step.again)


@rule("sack-block-order", "RFC 2018 4", Level.MUST, scope=Scope.EXCHANGE)
def sack_block_order(steps: Sequence[Step]) -> Iterator[Outcome]:
    """The first SACK block holds the segment that drew the ACK; the others are older.

    ACKs get lost; so that each report arrives some time, the newest stands first, unless that is a D-SACK, and
    what was reported before follows in the order of its age. Where a copy passed lately it may have drawn the
    ACK. An ACK that a tap missed may have reported the first block: a warning.

    Fires (at the client):
        > S 0:0(0) win 65535 <mss 1460,nop,nop,sackOK>
        < S. 0:0(0) ack 1 win 65535 <mss 1460,nop,nop,sackOK>
        > . 1:1(0) ack 1 win 65535
        > P. 1:101(100) ack 1 win 65535 [lost]
        > P. 101:201(100) ack 1 win 65535
        < . 1:1(0) ack 1 win 65535 <nop,nop,sack 101:201>
        > P. 201:301(100) ack 1 win 65535 [lost]
        > P. 301:401(100) ack 1 win 65535
        < . 1:1(0) ack 1 win 65535 <nop,nop,sack 101:201 301:401>
    Fires (the others):
        > S 0:0(0) win 65535 <mss 1460,nop,nop,sackOK>
        < S. 0:0(0) ack 1 win 65535 <mss 1460,nop,nop,sackOK>
        > . 1:1(0) ack 1 win 65535
        > P. 101:201(100) ack 1 win 65535
        < . 1:1(0) ack 1 win 65535 <nop,nop,sack 101:201>
        > P. 301:401(100) ack 1 win 65535
        < . 1:1(0) ack 1 win 65535 <nop,nop,sack 301:401 101:201>
        > P. 501:601(100) ack 1 win 65535
        < . 1:1(0) ack 1 win 65535 <nop,nop,sack 501:601 101:201 301:401>
    Quiet:
        > S 0:0(0) win 65535 <mss 1460,nop,nop,sackOK>
        < S. 0:0(0) ack 1 win 65535 <mss 1460,nop,nop,sackOK>
        > . 1:1(0) ack 1 win 65535
        > P. 101:201(100) ack 1 win 65535
        < . 1:1(0) ack 1 win 65535 <nop,nop,sack 101:201>
        > P. 301:401(100) ack 1 win 65535
        < . 1:1(0) ack 1 win 65535 <nop,nop,sack 301:401 101:201>
        > P. 201:301(100) ack 1 win 65535
        < . 1:1(0) ack 1 win 65535 <nop,nop,sack 101:401>
    """
    for end in End:
        yield from _ordered(end, steps)


def _ordered(end: End, steps: Sequence[Step]) -> Iterator[Outcome]:
    reported: list[Block] = []
    before: tuple[Block, ...] = ()
    clock: int | None = None  # the latest TSval
    copied: int | None = None  # when the peer last sent something again
    for step in steps:
        segment = step.segment
        if not sound(step):
            continue
        if step.sender is not end:
            if step.again or step.standing is Standing.OLD:
                copied = step.time
            continue
        if segment.syn or segment.rst or not segment.has_ack:
            continue
        if not segment.options or not (blocks := segment.sack):
            before = ()
            continue
        ack = segment.ack
        dsack = _is_dsack(blocks, ack)
        whole = blocks[1:] if dsack else blocks
        fresh = [block for block in whole if not any(_inside(block, old) for old in reported)]
        lately = copied is not None and step.time - copied <= _RECENT
        stamps = segment.timestamps
        overtaken = stamps is not None and clock is not None and 0 < (clock - stamps[0]) % SPACE < HALF
        current = not overtaken and ack == step.was.acked
        if current and fresh and not dsack and ack == step.was.last_ack:
            yield _first_block(step, blocks[0], fresh, lately=lately)
        if current and not lately and (outcome := _by_age(step, whole, before)) is not None:
            yield outcome
        if current:
            before = whole
            clock = None if stamps is None else stamps[0]
        reported = [block for block in reported if block[1] > ack]
        for block in fresh:
            _add(reported, block)


def _first_block(step: Step, first: Block, fresh: list[Block], *, lately: bool) -> Outcome:
    end, number = step.sender, step.number
    if first in fresh:
        return held("sack", f"block {first[0]} to {first[1]} is new and first", end=end, step=number)
    if lately:
        return undecidable("sack", "a copy may have drawn the ACK", end=end, step=number)
    left, right = fresh[0]
    sentence = f"block {left} to {right} is new, but block {first[0]} to {first[1]} stands first"
    verdict = None if certain(step) else Verdict.WARN
    return broken("sack", sentence, expected=left, actual=first[0], end=end, step=number, verdict=verdict)


def _by_age(step: Step, blocks: Sequence[Block], before: Sequence[Block]) -> Outcome | None:
    kept = [before.index(block) for block in blocks[1:] if block in before]
    for newer, older in pairwise(kept):
        if newer > older:
            one, two = before[newer], before[older]
            sentence = (
                f"block {one[0]} to {one[1]} stands before {two[0]} to {two[1]}, which was reported later"
            )
            return broken(
                "sack",
                sentence,
                expected=two[0],
                actual=one[0],
                verdict=Verdict.WARN,
                end=step.sender,
                step=step.number,
            )
    return None


def _inside(block: Block, other: Block) -> bool:
    return other[0] <= block[0] and block[1] <= other[1]


def _add(blocks: list[Block], block: Block) -> None:
    """Put ``block`` among ``blocks``, made one with those that it meets."""
    left, right = block
    for other in [one for one in blocks if one[0] <= right and left <= one[1]]:
        blocks.remove(other)
        left = min(left, other[0])
        right = max(right, other[1])
    blocks.append((left, right))
