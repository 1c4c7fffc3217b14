"""packetdrill's notation for segments: one printer, one parser, and between them nothing gets lost.

    +0.010 < S. 0:0(0) ack 1 win 65160 <mss 1460,nop,wscale 7> [ttl 63]

``>`` goes from client to server. ``start:end(octets)`` counts from the sender's ISN, ``ack`` and SACK
blocks from the other end's; ``=`` before a number makes it absolute. An acknowledgment number without the
ACK flag is ``(ack 1)``; a window that is not written is 65535. Payload other than ``pattern`` is ``"text"``
or ``hex 00ff``. What packetdrill has no word for stands in brackets: ``[bad checksum]``,
``[checksum unverifiable]``, ``[ttl 63]``, ``[ecn 1]``, ``[captured 40]`` for the octets of payload that a
capture kept, ``[defect: text]``, and in an exchange ``[lost]`` for a segment that never arrived.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Final, NamedTuple

from rawshake.tcp.decode import address_text
from rawshake.tcp.segment import Checksum, Flags, Segment
from rawshake.tcp.seq import SPACE, Seq
from rawshake.tcp.words import (
    NotationError,
    content_text,
    distance,
    escape,
    number_text,
    options_text,
    parse_content,
    parse_count,
    parse_flags,
    parse_hex,
    parse_number,
    parse_options,
    unescape,
)

__all__ = [
    "Line",
    "NotationError",
    "exchange_text",
    "one_line",
    "options_text",
    "parse_exchange",
    "parse_flags",
    "parse_items",
    "parse_options",
    "parse_segment",
    "pattern",
]

CLIENT: Final = "192.0.2.1:40000"
SERVER: Final = "192.0.2.2:80"
#: Next to the wrap, so that every example crosses it.
CLIENT_ISN: Final = 0xFFFFFFFF
SERVER_ISN: Final = 2915269997
#: Nanoseconds from one line to the next where none are written.
STEP: Final = 1_000_000

_WINDOW: Final = 65535
_TTL: Final = 64
#: More octets than this are not made up for a segment; IP carries 65535, offload a few times that.
_LONGEST: Final = 1 << 20


@dataclass(frozen=True, slots=True)
class Line:
    """One segment of an exchange: ``time`` in nanoseconds; ``lost`` if it was sent and never arrived."""

    segment: Segment
    time: int
    from_client: bool
    lost: bool = False


def pattern(position: int, octets: int) -> bytes:
    """The payload that need not be written: at each position of the stream always the same letter.

    ``position`` is relative to the sender's ISN, so that a stream's first octet, at 1, is ``b``.
    """
    first = position % 26
    return (b"abcdefghijklmnopqrstuvwxyz" * (octets // 26 + 2))[first : first + octets]


def one_line(
    segment: Segment,
    *,
    isn: Seq | None = None,
    peer_isn: Seq | None = None,
    from_client: bool | None = None,
    content: bool = True,
) -> str:
    """Print a segment, relative to the ISN of its sender and to that of the other end.

    Without ``isn`` a SYN is relative to itself and all else absolute. ``from_client`` puts an arrow in front.
    ``content=False`` leaves out the payload's octets.
    """
    base = segment.seq if isn is None and segment.syn else isn
    first = number_text(segment.seq, base)
    octets = segment.payload_length
    end = int(segment.seq + octets) if base is None else int(first) + octets
    words = [] if from_client is None else [">" if from_client else "<"]
    words += [str(segment.flags), f"{first}:{end}({octets})"]
    if segment.has_ack:
        words.append(f"ack {number_text(segment.ack, peer_isn)}")
    elif segment.ack != Seq(0):
        words.append(f"(ack {number_text(segment.ack, peer_isn)})")
    words.append(f"win {segment.window}")
    if segment.urgent:
        words.append(f"urg {segment.urgent}")
    if segment.options:
        words.append(options_text(segment.options, peer_isn=peer_isn))
    payload = segment.payload
    if content and payload != pattern(distance(segment.data_seq, base or Seq(0)), len(payload)):
        words.append(content_text(payload))
    return " ".join(words + _marks(segment))


def _marks(segment: Segment) -> list[str]:
    marks = []
    if len(segment.payload) != segment.payload_length:
        marks.append(f"[captured {len(segment.payload)}]")
    if segment.checksum is Checksum.WRONG:
        marks.append("[bad checksum]")
    elif segment.checksum is Checksum.UNVERIFIABLE:
        marks.append("[checksum unverifiable]")
    if segment.ttl != _TTL:
        marks.append(f"[ttl {segment.ttl}]")
    if segment.ecn:
        marks.append(f"[ecn {segment.ecn}]")
    marks += [f"[defect: {escape(defect, closing=']')}]" for defect in segment.defects]
    return marks


def exchange_text(
    lines: Iterable[Line],
    *,
    client_isn: int = CLIENT_ISN,
    server_isn: int = SERVER_ISN,
    start: int = 0,
) -> str:
    """Print an exchange so that ``parse_exchange`` reads it back, one line for each segment."""
    texts = []
    usual = start
    before = start
    for line in lines:
        isns = (client_isn, server_isn) if line.from_client else (server_isn, client_isn)
        isn, peer_isn = map(Seq, isns)
        text = one_line(line.segment, isn=isn, peer_isn=peer_isn, from_client=line.from_client)
        if line.time != usual:
            text = f"{_delay_text(line.time - before)} {text}"
        texts.append(text + " [lost]" * line.lost)
        before = line.time
        usual = before + STEP
    return "\n".join(texts)


def _delay_text(nanoseconds: int) -> str:
    seconds, rest = divmod(abs(nanoseconds), 1_000_000_000)
    digits = f"{rest:09d}".rstrip("0").ljust(3, "0")
    return f"{'-' if nanoseconds < 0 else '+'}{seconds}.{digits}"


class _Sender(NamedTuple):
    src: str
    sport: int
    dst: str
    dport: int
    isn: Seq | None
    peer_isn: Seq | None


def parse_segment(
    text: str,
    *,
    src: tuple[str, int],
    dst: tuple[str, int],
    isn: Seq | None = None,
    peer_isn: Seq | None = None,
) -> Segment:
    """Read a segment without time and arrow, sent from address and port ``src`` to ``dst``.

    Where an ISN is None, numbers relative to it are errors. Raises ``NotationError``.
    """
    segment, lost = _read(text.strip(), _Sender(*src, *dst, isn, peer_isn))
    if lost:
        raise NotationError('"[lost]" belongs to a line of an exchange.')
    return segment


def _address(text: str) -> tuple[str, int]:
    from ipaddress import ip_address  # takes milliseconds to load

    host, _, port = text.rpartition(":")
    try:
        packed = ip_address(host.removeprefix("[").removesuffix("]")).packed
    except ValueError:
        raise NotationError(f'"{text}" is not address:port, or [address]:port for IPv6.') from None
    return address_text(packed), parse_count(port, text, 65535)


_LINE: Final = re.compile(r"(?:([+-]?)([0-9]{1,12})(?:\.([0-9]{1,9}))?\s+)?([<>])\s*(.*)")


def parse_exchange(
    text: str,
    *,
    client: str = CLIENT,
    server: str = SERVER,
    client_isn: int = CLIENT_ISN,
    server_isn: int = SERVER_ISN,
    start: int = 0,
) -> list[Line]:
    """Read an exchange, one segment a line; empty lines and what follows a ``#`` are skipped.

    ``client`` and ``server`` are ``address:port``, or ``[address]:port`` for IPv6. The first line's time is
    ``start`` (nanoseconds), each later one's that of the line before plus ``STEP``; a line that begins with
    seconds, such as ``+0.25``, comes that long after the line before, or after ``start``; without a sign, as
    ``0.25``, that long after ``start``.
    Raises ``NotationError`` with the number of the line.
    """
    here, there = _address(client), _address(server)
    ours = _Sender(*here, *there, Seq(client_isn), Seq(server_isn))
    theirs = _Sender(*there, *here, Seq(server_isn), Seq(client_isn))
    lines: list[Line] = []
    before, step = start, 0
    for count, written in enumerate(text.splitlines(), 1):
        stripped = written.strip()
        if not stripped or stripped.startswith("#"):
            continue
        try:
            found = _LINE.fullmatch(stripped)
            if found is None:
                word = stripped.split()[0]
                raise NotationError(
                    f'"{word}" does not begin a line; write >, <, or seconds such as +0.25 before.'
                )
            sign, whole, fraction, arrow, rest = found.groups()
            if whole is not None:
                seconds = int(whole) * 1_000_000_000 + int((fraction or "").ljust(9, "0"))
                step = int(f"{sign}1") * seconds if sign else start + seconds - before
            segment, lost = _read(rest, ours if arrow == ">" else theirs)
        except NotationError as error:
            raise NotationError(error.problem, count) from None
        before += step
        step = STEP
        lines.append(Line(segment, before, arrow == ">", lost))
    return lines


_HEAD: Final = re.compile(r"(\S+)\s+(=?)(-?[0-9]{1,10}):(-?[0-9]{1,10})\(([0-9]{1,10})\)(?!\S)")
_ITEM: Final = re.compile(
    r"""  \(\s*ack\s+(?P<bare_ack>[^\s()]+)\s*\)
        | ack\s+(?P<ack>\S+)
        | win\s+(?P<win>\S+)
        | urg\s+(?P<urg>\S+)
        | <(?P<options>[^<>]*)>
        | "(?P<text>(?:[^"\\]|\\.)*)"
        | hex\s+(?P<hex>\S+)
        | \[(?P<mark>(?:[^]\\]|\\.)*)]
        | (?P<comment>\#.*)""",
    re.VERBOSE,
)
_MARK: Final = re.compile(
    r"(bad checksum|checksum unverifiable|lost)|(ttl|ecn|captured) (\S+)|(defect): (.*)"
)
_MARKS: Final = (
    "[bad checksum], [checksum unverifiable], [ttl N], [ecn N], [captured N], [defect: text] and [lost]"
)


#: Of what says the same in two ways, a segment has one.
_SAME: Final = {"bare_ack": "ack", "hex": "text", "checksum unverifiable": "bad checksum"}


def _read(text: str, sender: _Sender) -> tuple[Segment, bool]:
    """A segment, and whether it was marked as lost."""
    head = _HEAD.match(text)
    if head is None:
        words = [*text.split(), "", ""]
        parse_flags(words[0])
        raise NotationError(f'"{words[1]}" is not start:end(octets), as in 1:6(5).')
    flags = parse_flags(head[1])
    seq = parse_number(head[2] + head[3], sender.isn, head[0])
    octets = int(head[5])
    if (int(head[4]) - int(head[3]) - octets) % SPACE:
        raise NotationError(f'"{head[0]}" does not add up: {head[3]} + {octets} is not {head[4]}.')
    items, marks, defects = parse_items(text, head.end())
    segment = Segment(
        src=sender.src,
        dst=sender.dst,
        sport=sender.sport,
        dport=sender.dport,
        seq=seq,
        ack=_ack(items, flags, sender.peer_isn),
        flags=flags,
        window=_count(items, "win", _WINDOW, 65535),
        urgent=_count(items, "urg", 0, 65535),
        options=parse_options(items.get("options", ""), peer_isn=sender.peer_isn),
        payload_length=octets,
        checksum=_checksum(marks),
        ttl=_count(marks, "ttl", _TTL, 255),
        ecn=_count(marks, "ecn", 0, 3),
        defects=tuple(defects),
    )
    captured = parse_count(marks.get("captured", head[5]), head[0], _LONGEST)
    payload = pattern(distance(segment.data_seq, sender.isn or Seq(0)), captured)
    if "text" in items or "hex" in items:
        payload = parse_content(items["text"]) if "text" in items else parse_hex(items["hex"])
        if len(payload) != captured:
            raise NotationError(f'"{head[0]}" is followed by {len(payload)} octets in place of {captured}.')
    return replace(segment, payload=payload), "lost" in marks


def _count(found: dict[str, str], name: str, usual: int, most: int) -> int:
    return parse_count(found[name], f"{name} {found[name]}", most) if name in found else usual


def _ack(items: dict[str, str], flags: Flags, peer_isn: Seq | None) -> Seq:
    if Flags.ACK in flags:
        if "ack" not in items:
            raise NotationError(f'"{flags}" has the flag . and no "ack N" follows.')
        return parse_number(items["ack"], peer_isn, f"ack {items['ack']}")
    if "ack" in items:
        raise NotationError(f'"ack {items["ack"]}" needs the flag . in "{flags}"; without it write (ack N).')
    return parse_number(items.get("bare_ack", "=0"), peer_isn, f"(ack {items.get('bare_ack')})")


def _checksum(marks: dict[str, str]) -> Checksum:
    if "bad checksum" in marks:
        return Checksum.WRONG
    return Checksum.UNVERIFIABLE if "checksum unverifiable" in marks else Checksum.CORRECT


def parse_items(text: str, at: int) -> tuple[dict[str, str], dict[str, str], list[str]]:
    """All that follows the sequence numbers from ``at`` on: items by name, marks by name, defects; all as text.

    Items are ack, bare_ack, win, urg, options, text and hex. Raises ``NotationError``.
    """
    items: dict[str, str] = {}
    marks: dict[str, str] = {}
    defects: list[str] = []
    seen = set()
    while rest := text[at:].lstrip():
        found = _ITEM.match(rest)
        if found is None or found.lastgroup is None:
            raise NotationError(
                f'"{rest.split()[0]}" is not understood; after start:end(octets) may come '
                'ack N, win N, urg N, <options>, "payload" or hex, and [marks].'
            )
        at = len(text) - len(rest) + found.end()
        name, value = found.lastgroup, found[found.lastgroup]
        if name == "comment":
            break
        known = items
        if name == "mark":
            mark = _MARK.fullmatch(value)
            if mark is None:
                raise NotationError(f'"[{value}]" is not a mark; the marks are {_MARKS}.')
            name, value = mark[1] or mark[2] or mark[4], mark[3] or mark[5] or ""
            if name == "defect":
                defects.append(unescape(value))
                continue
            known = marks
        sort = _SAME.get(name, name)
        if sort in seen:
            raise NotationError(f'"{found[0]}" is the second of its kind.')
        seen.add(sort)
        known[name] = value
    return items, marks, defects
