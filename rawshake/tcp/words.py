"""The words of the notation: numbers, flags, options and quoted text, each printed and each parsed."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from rawshake.tcp import option
from rawshake.tcp.option import Kind, Option
from rawshake.tcp.segment import FLAG_LETTERS, Flags
from rawshake.tcp.seq import SPACE, Seq

#: Numbers this little before the ISN, the largest window (RFC 7323 section 2.3), are printed as negative.
_BEFORE: Final = 1 << 30


class NotationError(ValueError):
    """A text is not notation: ``problem`` is one sentence that quotes it, ``line`` counts from 1."""

    def __init__(self, problem: str, line: int | None = None) -> None:
        super().__init__(problem if line is None else f"line {line}: {problem}")
        self.problem = problem
        self.line = line


def distance(number: Seq, base: Seq) -> int:
    """How far ``number`` is past ``base``: -2**30 to 3 * 2**30 - 1, for a stream may be longer than 2**31."""
    return (number.value - base.value + _BEFORE) % SPACE - _BEFORE


def relative(number: Seq, isn: Seq, letter: str) -> str:
    """Name a number after the ISN that it is counted from: ``a``, ``a+1``, ``b-7``."""
    offset = distance(number, isn)
    return f"{letter}{offset:+d}" if offset else letter


def number_text(number: Seq, base: Seq | None) -> str:
    """Print a number relative to ``base``, or ``=`` and the number itself without one."""
    return f"={number}" if base is None else str(distance(number, base))


def parse_number(text: str, base: Seq | None, context: str) -> Seq:
    """Read a number relative to ``base``, or an absolute one after ``=``."""
    value = parse_count(text.removeprefix("="), context, SPACE - 1, least=1 - SPACE)
    if text.startswith("="):
        return Seq(value)
    if base is None:
        raise NotationError(
            f'"{context}" is relative to an ISN that is not known; make it absolute, as in =7.'
        )
    return base + value


def parse_count(text: str, context: str, most: int, *, least: int = 0) -> int:
    """Read a decimal number of ``least`` to ``most``; ``context`` is what a complaint quotes."""
    if re.fullmatch(r"-?[0-9]{1,10}", text) is None or not least <= int(text) <= most:
        raise NotationError(f'"{text}" in "{context}" is not a number of {least} to {most}.')
    return int(text)


def parse_hex(text: str) -> bytes:
    """Read octets, two digits each."""
    if re.fullmatch(r"(?:[0-9a-fA-F]{2})*", text) is None:
        raise NotationError(f'"{text}" is not hexadecimal, two digits an octet.')
    return bytes.fromhex(text)


_QUOTABLE: Final = bytes(range(0x20, 0x7F)) + b"\t\n\r"


def content_text(payload: bytes) -> str:
    """Print octets as ``"text"`` where that can be read, else as ``hex 00ff``."""
    if payload.translate(None, _QUOTABLE):
        return f"hex {payload.hex()}"
    return f'"{escape(payload.decode("ascii"), closing=chr(34))}"'


def parse_content(quoted: str) -> bytes:
    """Read what stands between the quotes of a ``"text"``."""
    try:
        return unescape(quoted).encode("latin-1")
    except UnicodeEncodeError:
        raise NotationError(
            f'"{quoted}" has letters that are more than an octet; write them as hex.'
        ) from None


def escape(text: str, *, closing: str) -> str:
    """Make text fit on a line and before the character ``closing``."""
    return text.encode("unicode_escape").decode("ascii").replace(closing, "\\" + closing)


_ESCAPE: Final = re.compile(r"\\(x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|U000[0-9a-fA-F]{5}|U0010[0-9a-fA-F]{4}|.)")
_ESCAPED: Final = {"n": "\n", "r": "\r", "t": "\t", "0": "\0", "\\": "\\", '"': '"', "]": "]"}


def unescape(text: str) -> str:
    """Undo ``escape``."""

    def character(found: re.Match[str]) -> str:
        code = found[1]
        if len(code) > 1:
            return chr(int(code[1:], 16))
        if code not in _ESCAPED:
            raise NotationError(f'"\\{code}" in "{text}" is not an escape; write \\\\ for a backslash.')
        return _ESCAPED[code]

    return _ESCAPE.sub(character, text)


def parse_flags(text: str) -> Flags:
    """Read flags: ``S.``, or ``-`` for none. Raises ``NotationError``."""
    if not text:
        raise NotationError('"" names no flag; write - for none.')
    value = 0
    for letter in "" if text == "-" else text:
        flag = FLAG_LETTERS.get(letter)
        if flag is None:
            known = " ".join(FLAG_LETTERS)
            raise NotationError(
                f'"{letter}" in "{text}" is not a flag; the flags are {known}, or - for none.'
            )
        if value & flag:
            raise NotationError(f'"{text}" has the flag {letter} twice.')
        value |= flag
    return Flags(value)


def options_text(options: Iterable[Option], *, peer_isn: Seq | None = None) -> str:
    """Print options, SACK blocks relative to ``peer_isn``: ``<mss 1460,nop,wscale 7>``."""
    return f"<{','.join(_option_text(found, peer_isn) for found in options)}>"


def _option_text(found: Option, peer_isn: Seq | None) -> str:
    data = found.data
    if not found.known:
        return f"raw {found.wire.hex()}"
    match found.kind:
        case Kind.EOL:
            return ",".join(["eol"] * (1 + len(data)))
        case Kind.NOP:
            return "nop"
        case Kind.MSS:
            return f"mss {int.from_bytes(data, 'big')}"
        case Kind.WSCALE:
            return f"wscale {data[0]}"
        case Kind.SACK_PERMITTED:
            return "sackOK"
        case Kind.SACK:
            edges = [Seq(int.from_bytes(data[i : i + 4], "big")) for i in range(0, len(data), 4)]
            blocks = zip(edges[::2], edges[1::2], strict=True)
            return "sack " + " ".join(
                f"{number_text(left, peer_isn)}:{number_text(right, peer_isn).lstrip('=')}"
                for left, right in blocks
            )
        case Kind.TIMESTAMPS:
            return f"TS val {int.from_bytes(data[:4], 'big')} ecr {int.from_bytes(data[4:], 'big')}"
        case Kind.FAST_OPEN:
            return f"FO {data.hex()}".rstrip()
        case _:
            return f"kind {found.kind} hex {data.hex()}" if data else f"kind {found.kind}"


def parse_options(text: str, *, peer_isn: Seq | None = None) -> tuple[Option, ...]:
    """Read ``<mss 1460,nop,wscale 7>``, with or without the brackets; SACK blocks relative to ``peer_isn``.

    Without ``peer_isn`` SACK blocks are absolute. The options are those that a receiver finds in the octets
    that the text says. Raises ``NotationError``, also where they are more than the 40 that a header can hold.
    """
    inner = text.strip()
    if inner.startswith("<") and inner.endswith(">"):
        inner = inner[1:-1]
    if not inner.strip():
        return ()
    octets = b"".join(_option_octets(item.strip(), peer_isn or Seq(0)) for item in inner.split(","))
    if len(octets) > 40:
        raise NotationError(f'"{text}" takes {len(octets)} octets, and a header has room for 40.')
    return option.parse(octets)


def _option_octets(item: str, base: Seq) -> bytes:
    match item.lower().split():
        case ["nop"]:
            return option.NOP.wire
        case ["eol"]:
            return option.EOL.wire
        case ["sackok"]:
            return option.SACK_PERMITTED.wire
        case ["mss", size]:
            return option.mss(parse_count(size, item, 65535)).wire
        case ["wscale", shift]:
            return option.wscale(parse_count(shift, item, 255)).wire
        case ["ts", "val", value, "ecr", echo]:
            limit = SPACE - 1
            return option.timestamps(parse_count(value, item, limit), parse_count(echo, item, limit)).wire
        case ["sack", *blocks] if blocks:
            return _made(Kind.SACK, option.sack(*(_block(block, base) for block in blocks[:5])).data, item)
        case ["fo", *cookie] if len(cookie) <= 1:
            return _made(Kind.FAST_OPEN, parse_hex("".join(cookie)), item)
        case ["kind", kind]:
            return _made(parse_count(kind, item, 255), b"", item)
        case ["kind", kind, "hex", data]:
            return _made(parse_count(kind, item, 255), parse_hex(data), item)
        case ["raw", data]:
            return parse_hex(data)
        case _:
            raise NotationError(
                f'"{item}" is not an option; write mss N, nop, eol, sackOK, sack A:B, TS val N ecr N, '
                "wscale N, FO HEX, kind N hex HEX, or raw HEX."
            )


def _made(kind: int, data: bytes, item: str) -> bytes:
    if data and kind in (Kind.EOL, Kind.NOP):
        raise NotationError(f'"{item}" cannot be: kind {kind} has neither length nor value.')
    if len(data) > 38:
        raise NotationError(f'"{item}" takes more than the 40 octets for which a header has room.')
    return option.make(kind, data).wire


_BLOCK: Final = re.compile(r"(=?)(-?[0-9]{1,10}):(-?[0-9]{1,10})")


def _block(text: str, base: Seq) -> tuple[Seq, Seq]:
    found = _BLOCK.fullmatch(text)
    if found is None:
        raise NotationError(f'"{text}" is not a SACK block, as in 1:6.')
    return parse_number(found[1] + found[2], base, text), parse_number(found[1] + found[3], base, text)
