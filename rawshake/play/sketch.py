"""A segment with holes, in packetdrill's notation: filled in where it is to be sent, compared where it is awaited."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, NamedTuple

from rawshake.tcp import option
from rawshake.tcp.notation import NotationError, options_text, parse_items, parse_options, pattern
from rawshake.tcp.option import Kind, Option
from rawshake.tcp.segment import Checksum, Flags, Segment
from rawshake.tcp.seq import SPACE, Seq
from rawshake.tcp.words import (
    content_text,
    distance,
    number_text,
    parse_content,
    parse_count,
    parse_flags,
    parse_hex,
    parse_number,
)

#: FLAGS, or FLAGS START:, or FLAGS START:END(OCTETS), or FLAGS (OCTETS).
_HEAD: Final = re.compile(
    r"(?P<flags>\S+)(?:\s+(?:(?P<seq>=?-?[0-9]{1,10}):(?:(?P<end>-?[0-9]{1,10})\((?P<octets>[0-9]{1,10})\))?"
    r"|\((?P<length>[0-9]{1,10})\)))?(?!\S)"
)
_LIKE_NUMBER: Final = re.compile(r"[=(-]?[0-9]|:")
_FLAG: Final = re.compile(r"(.)(\??)")
_KINDS: Final = {
    "mss": Kind.MSS,
    "wscale": Kind.WSCALE,
    "sackok": Kind.SACK_PERMITTED,
    "sack": Kind.SACK,
    "ts": Kind.TIMESTAMPS,
    "fo": Kind.FAST_OPEN,
}
_PADDING: Final = (Kind.NOP, Kind.EOL)
_OTHERS: Final = "..."
#: Octets of a payload that a difference shows.
_SHOWN: Final = 24


@dataclass(frozen=True, slots=True)
class Difference:
    """One field that is not what was awaited, in the words of the notation."""

    field: str
    expected: str
    actual: str

    def __str__(self) -> str:
        return f"{self.field}: expected {self.expected}, got {self.actual}"


class Isns(NamedTuple):
    """What the numbers of a segment are relative to: its sender's ISN, and the other end's; None if not seen."""

    sender: Seq | None
    receiver: Seq | None


@dataclass(frozen=True, slots=True)
class Number:
    """A number as it is written: relative to an ISN, or absolute."""

    value: int
    absolute: bool

    def at(self, isn: Seq | None) -> Seq | None:
        """Which number that is; None if it is relative to an ISN that nobody has seen."""
        if self.absolute:
            return Seq(self.value)
        return None if isn is None else isn + self.value

    def __str__(self) -> str:
        return f"={self.value}" if self.absolute else str(self.value)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sketch:
    """What a text says of a segment; None for what it does not say. ``maybe`` are flags that may be set or not."""

    text: str
    flags: Flags
    maybe: Flags = Flags(0)
    seq: Number | None = None
    octets: int | None = None
    ack: Number | None = None
    window: int | None = None
    urgent: int | None = None
    #: the words between < and >, one for each option
    options: tuple[str, ...] | None = None
    payload: bytes | None = None
    checksum: Checksum | None = None
    ttl: int | None = None
    ecn: int | None = None

    def differences(self, segment: Segment, isns: Isns) -> tuple[Difference, ...]:
        """Every field in which ``segment`` is not what was sketched; none if it is."""
        found = [] if segment.flags & ~self.maybe == self.flags & ~self.maybe else [self._flags(segment)]
        wrong = segment.checksum is Checksum.WRONG
        if wrong is not (self.checksum is Checksum.WRONG):
            found.append(Difference("checksum", "right" if wrong else "wrong", "wrong" if wrong else "right"))
        if self.seq is not None and segment.seq != self.seq.at(isns.sender):
            found.append(Difference("seq", str(self.seq), number_text(segment.seq, isns.sender)))
        told = segment.has_ack or Flags.ACK not in self.maybe
        if self.ack is not None and told and segment.ack != self.ack.at(isns.receiver):
            none = Flags.ACK in self.flags and not segment.has_ack
            shown = "none" if none else number_text(segment.ack, isns.receiver)
            found.append(Difference("ack", str(self.ack), shown))
        for name, wanted, actual in (
            ("octets", self.octets, segment.payload_length),
            ("window", self.window, segment.window),
            ("urgent", self.urgent, segment.urgent),
            ("ttl", self.ttl, segment.ttl),
            ("ecn", self.ecn, segment.ecn),
        ):
            if wanted is not None and wanted != actual:
                found.append(Difference(name, str(wanted), str(actual)))
        if self.payload is not None and self.payload != segment.payload:
            found.append(_content_differs(self.payload, segment.payload))
        if self.options is not None and not _fit(self.options, segment.options, isns.receiver):
            listed = options_text(segment.options, peer_isn=isns.receiver)
            found.append(Difference("options", f"<{','.join(self.options)}>", listed))
        return tuple(found)

    def _flags(self, segment: Segment) -> Difference:
        return Difference("flags", self.text.split()[0], str(segment.flags))

    def fill(self, usual: Segment, isns: Isns, *, data: bytes | None, options: bytes | None) -> Segment:
        """The segment to send: what is not said is as in ``usual``, which has no flags and no payload.

        A SYN begins at the sender's ISN. ``data`` and ``options`` are octets, and win over the text's; options are
        padded to a multiple of 4. Raises ``NotationError`` for what can only be awaited.
        """
        if self.maybe & ~Flags.PSH or _OTHERS in (self.options or ()):
            raise NotationError(
                f'"{self.text}" leaves open what to send: "?" and "..." are for what is awaited.'
            )
        syn, acks = Flags.SYN in self.flags, Flags.ACK in self.flags
        seq = isns.sender if syn and self.seq is None else usual.seq
        if self.seq is not None:
            seq = self.seq.at(isns.sender)
        ack = usual.ack if acks else Seq(0)
        if self.ack is not None:
            known = self.ack.at(isns.receiver)
            if known is None:
                raise NotationError(
                    f'"ack {self.ack}" is relative to an ISN that was not seen; make it absolute, as in =7.'
                )
            ack = known
        assert seq is not None  # our own ISN is known
        payload = data if data is not None else self.payload
        if payload is None:
            first = seq + 1 if syn else seq
            payload = pattern(distance(first, isns.sender or Seq(0)), self.octets or 0)
        elif self.octets not in (None, len(payload)):
            raise NotationError(f'"{self.text}" has {self.octets} octets, and the payload {len(payload)}.')
        return Segment(
            src=usual.src,
            dst=usual.dst,
            sport=usual.sport,
            dport=usual.dport,
            seq=seq,
            ack=ack,
            flags=self.flags,
            window=usual.window if self.window is None else self.window,
            urgent=self.urgent or 0,
            options=self._options(usual, isns, options),
            payload=payload,
            checksum=self.checksum or Checksum.CORRECT,
            ttl=usual.ttl if self.ttl is None else self.ttl,
            ecn=self.ecn or 0,
        )

    def _options(self, usual: Segment, isns: Isns, octets: bytes | None) -> tuple[Option, ...]:
        if octets is None:
            if self.options is None:
                return () if Flags.SYN in self.flags else usual.options
            octets = b"".join(
                one.wire for one in parse_options(",".join(self.options), peer_isn=isns.receiver)
            )
        return option.parse(octets + bytes(-len(octets) % 4))


def _content_differs(expected: bytes, actual: bytes) -> Difference:
    """Payloads that are long are shown from a little before where they part."""
    parts = next((at for at, (a, b) in enumerate(zip(expected, actual, strict=False)) if a != b), 0)
    begin = max(0, parts - _SHOWN // 4) if max(len(expected), len(actual)) > _SHOWN else 0
    shown = [
        f"{f'from octet {begin} ' if begin else ''}{content_text(octets[begin : begin + _SHOWN])}"
        f"{f' and so on, {len(octets)} octets' if len(octets) > begin + _SHOWN else ''}"
        for octets in (expected, actual)
    ]
    return Difference("payload", *shown)


def _fit(words: tuple[str, ...], options: tuple[Option, ...], isn: Seq | None) -> bool:
    """Whether these are the options, in any order and whatever the padding."""
    left = [found for found in options if found.kind not in _PADDING]
    for word in words:
        if word == _OTHERS:
            continue
        kind = _any_of_kind(word)
        wanted = parse_options(word, peer_isn=isn) if kind is None else ()
        fits = [one for one in left if one.kind == kind or one in wanted]
        if fits:
            left.remove(fits[0])
        elif any(one.kind not in _PADDING for one in wanted) or kind is not None:
            return False
    return not left or _OTHERS in words


def _any_of_kind(word: str) -> int | None:
    """The kind in ``mss *`` or ``kind 99 *``, of which any value will do."""
    match word.lower().split():
        case ["kind", kind, "*"]:
            return parse_count(kind, word, 255)
        case [name, "*"] if name in _KINDS:
            return _KINDS[name]
    return None


@lru_cache(maxsize=4096)
def parse(text: str) -> Sketch:
    """Read a text that says as much of a segment as it likes. Raises ``NotationError``.

    ``FLAGS [START: | START:END(OCTETS) | (OCTETS)]`` and then any of what notation has: ``ack N``, ``win N``,
    ``urg N``, ``<options>``, ``"payload"`` or ``hex 00ff``, ``[ttl N]``, ``[ecn N]``, ``[bad checksum]``.
    """
    text = text.strip()
    head = _HEAD.match(text)
    if head is None:
        raise NotationError('"" is no segment; write flags at least, as in S.')
    rest = text[head.end() :].split()
    if rest and _LIKE_NUMBER.match(rest[0]):
        raise NotationError(f'"{rest[0]}" after "{head[0]}" is not 1:, 1:6(5) or (5).')
    flags, maybe = _flags(head["flags"])
    items, marks, defects = parse_items(text, head.end())
    if defects or marks.keys() & {"checksum unverifiable", "lost", "captured"}:
        raise NotationError(
            f'"{text}" has a mark of what was seen; to be said are [bad checksum], [ttl N], [ecn N].'
        )
    octets = head["octets"] or head["length"]
    if head["end"] is not None:
        start = int(head["seq"].removeprefix("="))
        if (int(head["end"]) - start - int(octets)) % SPACE:
            raise NotationError(f'"{head[0]}" does not add up: {start} + {octets} is not {head["end"]}.')
    if "ack" in items and Flags.ACK not in flags | maybe:
        raise NotationError(
            f'"ack {items["ack"]}" needs the flag . in "{head["flags"]}"; without it write (ack N).'
        )
    ack = items.get("ack", items.get("bare_ack"))
    words_of_options = None
    if "options" in items:
        words_of_options = tuple(word.strip() for word in items["options"].split(",") if word.strip())
        for word in words_of_options:
            if word != _OTHERS and _any_of_kind(word) is None:
                parse_options(word, peer_isn=Seq(0))
    payload = None
    if "text" in items or "hex" in items:
        payload = parse_content(items["text"]) if "text" in items else parse_hex(items["hex"])
        if octets is not None and len(payload) != int(octets):
            raise NotationError(f'"{text}" has {octets} octets, and the payload {len(payload)}.')
    return Sketch(
        text=text,
        flags=flags,
        maybe=maybe,
        seq=None if head["seq"] is None else _number(head["seq"], head[0]),
        octets=None if octets is None else parse_count(octets, head[0], 0xFFFF),
        ack=None if ack is None else _number(ack, f"ack {ack}"),
        window=_count(items, "win", 0xFFFF),
        urgent=_count(items, "urg", 0xFFFF),
        options=words_of_options,
        payload=payload,
        checksum=Checksum.WRONG if "bad checksum" in marks else None,
        ttl=_count(marks, "ttl", 255),
        ecn=_count(marks, "ecn", 3),
    )


def _flags(text: str) -> tuple[Flags, Flags]:
    """Flags that are set, and flags that may be: those before a ``?``, and PSH where it is not written."""
    maybe = Flags(0)
    letters = ""
    for letter, question in _FLAG.findall(text):
        if question:
            maybe |= parse_flags(letter)
        else:
            letters += letter
    if not letters and maybe:
        letters = "-"
    flags = parse_flags(letters)
    if flags & maybe:
        raise NotationError(f'"{text}" has a flag both with and without "?".')
    return flags, maybe | (Flags.PSH & ~flags)


def _number(text: str, context: str) -> Number:
    if text.startswith("="):
        return Number(parse_number(text, None, context).value, absolute=True)
    return Number(parse_count(text, context, SPACE - 1, least=1 - SPACE), absolute=False)


def _count(found: dict[str, str], name: str, most: int) -> int | None:
    return parse_count(found[name], f"{name} {found[name]}", most) if name in found else None
