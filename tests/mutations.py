"""One field of one segment of a clean exchange is changed: what the rules make of each such change.

``python -m tests.mutations`` writes the findings into tests/captures/mutations.txt anew; the reasons there, why
nothing is found, are written by hand.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Final

from rawshake.connection import Connection
from rawshake.follow import Follower
from rawshake.judge import Judge, Ruling
from rawshake.link import Frame
from rawshake.rules import book
from rawshake.tcp import option
from rawshake.tcp.decode import decode
from rawshake.tcp.notation import Line, parse_exchange, pattern
from rawshake.tcp.option import Kind, Option
from rawshake.tcp.segment import Checksum, Flags, Segment
from rawshake.tcp.tracker import Tracker
from rawshake.tcp.view import End, Fate
from tests.memory import START, packed

TABLE: Final = Path(__file__).parent / "captures" / "mutations.txt"
#: The clean exchange: a handshake with every option, data both ways, and a close by the client.
CLEAN: Final = """
    > S 0:0(0) win 64240 <mss 1460,sackOK,TS val 1000 ecr 0,nop,wscale 7>
    < S. 0:0(0) ack 1 win 65160 <mss 1460,sackOK,TS val 5000 ecr 1000,nop,wscale 7>
    > . 1:1(0) ack 1 win 502 <nop,nop,TS val 1001 ecr 5000>
    > P. 1:101(100) ack 1 win 502 <nop,nop,TS val 1002 ecr 5000>
    < . 1:1(0) ack 101 win 509 <nop,nop,TS val 5003 ecr 1002>
    < P. 1:301(300) ack 101 win 509 <nop,nop,TS val 5004 ecr 1002>
    > . 101:101(0) ack 301 win 501 <nop,nop,TS val 1005 ecr 5004>
    > F. 101:101(0) ack 301 win 501 <nop,nop,TS val 1006 ecr 5004>
    < F. 301:301(0) ack 102 win 509 <nop,nop,TS val 5007 ecr 1006>
    > . 102:102(0) ack 302 win 501 <nop,nop,TS val 1008 ecr 5007>
"""
ISNS: Final = (3_000_000_000, 1_000_000_000)

_NAMES: Final = {
    Kind.MSS: "mss",
    Kind.SACK_PERMITTED: "sackOK",
    Kind.TIMESTAMPS: "TS",
    Kind.WSCALE: "wscale",
}


def exchange() -> list[Line]:
    return parse_exchange(CLEAN, client_isn=ISNS[0], server_isn=ISNS[1], start=START)


def changes(segment: Segment) -> Iterator[tuple[str, Segment]]:
    """Each change of one field, by its name; none repairs what another field says."""
    for delta in (1, -1):
        yield f"seq{delta:+}", replace(segment, seq=segment.seq + delta)
        yield f"ack{delta:+}", replace(segment, ack=segment.ack + delta)
    yield "seq+far", replace(segment, seq=segment.seq + (1 << 30))
    yield "ack+far", replace(segment, ack=segment.ack + (1 << 30))
    for flag in Flags:
        yield f"flag-{flag.name}", replace(segment, flags=segment.flags ^ flag)
    yield "window=0", replace(segment, window=0)
    yield "window+1", replace(segment, window=segment.window + 1)
    yield "window-1", replace(segment, window=segment.window - 1)
    yield "urgent=1", replace(segment, urgent=1)
    yield "checksum", replace(segment, checksum=Checksum.WRONG)
    for mark in (1, 2, 3):
        yield f"ecn={mark}", replace(segment, ecn=mark)
    yield "length+1", _with_payload(segment, len(segment.payload) + 1)
    if segment.payload:
        yield "length-1", _with_payload(segment, len(segment.payload) - 1)
        yield "length=0", _with_payload(segment, 0)
        yield "content", replace(segment, payload=b"x" + segment.payload[1:])
    yield from _options(segment)


def _with_payload(segment: Segment, octets: int) -> Segment:
    payload = (segment.payload + pattern(0, 1))[:octets]
    return replace(segment, payload=payload, payload_length=octets)


def _options(segment: Segment) -> Iterator[tuple[str, Segment]]:
    def put(at: int, *new: Option) -> Segment:
        return replace(segment, options=(*segment.options[:at], *new, *segment.options[at + 1 :]))

    for at, one in enumerate(segment.options):
        if one.kind not in _NAMES:
            continue
        name = _NAMES[Kind(one.kind)]
        yield f"{name} left out", put(at)
        yield f"{name} twice", put(at, one, one)
        yield f"{name} too short", put(at, replace(one, length=1))
        yield f"{name} too long", put(at, replace(one, length=41))
    stamps = segment.timestamps
    if stamps is not None:
        at = [one.kind for one in segment.options].index(Kind.TIMESTAMPS)
        value, echo = stamps
        for delta in (1, -1, 100, -100, 1 << 30):
            yield f"TSval{delta:+}", put(at, option.timestamps((value + delta) % (1 << 32), echo))
            yield f"TSecr{delta:+}", put(at, option.timestamps(value, (echo + delta) % (1 << 32)))
    if segment.syn:
        kinds = [one.kind for one in segment.options]
        yield "mss=0", put(kinds.index(Kind.MSS), option.mss(0))
        yield "mss=65535", put(kinds.index(Kind.MSS), option.mss(65535))
        yield "wscale=15", put(kinds.index(Kind.WSCALE), option.wscale(15))
        yield "wscale=0", put(kinds.index(Kind.WSCALE), option.wscale(0))
    elif len(segment.options) < 4:
        for name, extra in (("mss", option.mss(1460)), ("wscale", option.wscale(7))):
            yield f"{name} added", replace(segment, options=(*segment.options, extra))
        yield "sackOK added", replace(segment, options=(*segment.options, option.SACK_PERMITTED))
        block = (segment.ack + 10, segment.ack + 20)
        yield "SACK added", replace(segment, options=(*segment.options, option.sack(block)))
        yield "unknown added", replace(segment, options=(*segment.options, option.make(254, b"ab")))


def mutants() -> Iterator[tuple[str, list[Line]]]:
    """Every exchange with one change, called by the number of its segment and the change."""
    clean = exchange()
    for at, line in enumerate(clean):
        for name, changed in changes(line.segment):
            yield f"{at + 1} {name}", [*clean[:at], replace(line, segment=changed), *clean[at + 1 :]]


def at_tap(lines: list[Line]) -> list[str]:
    """The findings of a capture of these segments."""
    found: list[str] = []

    def done(connection: Connection) -> None:
        for one in connection.findings:
            ruling = one.ruling
            found.append(f"{ruling.rule} {ruling.verdict} {ruling.end} {one.frame}")

    follower = Follower(book(), done)
    for number, line in enumerate(lines, 1):
        follower.frame(Frame(line.time, packed(line.segment), number=number))
    follower.finish()
    return found


def at_client(lines: list[Line]) -> list[str]:
    """The findings of rawshake as the client: of what it sees nothing is missed."""
    first = lines[0].segment
    rulings: list[Ruling] = []
    tracker = Tracker((first.src, first.sport), (first.dst, first.dport))
    judge = Judge(book(), ours=End.CLIENT)
    steps = []
    for line in lines:
        fate = Fate.PASSED if line.from_client else Fate.DELIVERED
        seen = decode(packed(line.segment))
        assert isinstance(seen, Segment)
        steps.append(tracker.apply(seen, line.time, fate=fate, ours=line.from_client))
        rulings += judge.step(steps[-1])
    rulings += judge.exchange(steps)
    return [f"{one.rule} {one.verdict} {one.end} {one.step}" for one in rulings if one.is_finding]


def table() -> tuple[dict[str, str], dict[str, str]]:
    """What the file says: what is found in each mutant, and the reasons why nothing is found, by pattern."""
    found, _, reasons = TABLE.read_text().partition("\n= Why nothing is found\n")
    return _entries(found), _entries(reasons)


def _entries(text: str) -> dict[str, str]:
    found = {}
    for line in text.splitlines():
        name, _, words = line.partition(": ")
        if re.match(r"[\d*]", name):
            found[name] = words
    return found


def computed() -> dict[str, str]:
    """What is found in each mutant: of a tap, and after a bar of the client where that is something else."""
    found = {}
    for name, lines in mutants():
        tap, client = ", ".join(at_tap(lines)) or "-", ", ".join(at_client(lines)) or "-"
        found[name] = tap if tap == client else f"{tap} | {client}"
    return found


def reason(name: str, reasons: dict[str, str]) -> list[str]:
    """The patterns that say why nothing is found; a pattern is numbers of segments and a change."""
    number, change = name.split(" ", 1)
    found = []
    for one in reasons:
        numbers, wanted = one.split(" ", 1)
        if (numbers == "*" or number in numbers.split(",")) and fnmatchcase(change, wanted):
            found.append(one)
    return found


def main() -> None:
    """Write what is found into the table, and leave its reasons as they are."""
    head, _, rest = TABLE.read_text().partition("\n= What is found\n")
    _, _, reasons = rest.partition("\n= Why nothing is found\n")
    lines = "".join(f"{name}: {found}\n" for name, found in computed().items())
    TABLE.write_text(f"{head}\n= What is found\n{lines}\n= Why nothing is found\n{reasons}")


if __name__ == "__main__":
    main()
