"""Text that is safe and fits: what a peer wrote made harmless, lines wrapped, times written out."""

from __future__ import annotations

import unicodedata
from typing import Final

_MICROSECOND: Final = 1_000
_MILLISECOND: Final = 1_000_000
_SECOND: Final = 1_000_000_000

#: What rules and renderers write beyond ASCII, and how to say it without.
_IN_ASCII: Final = str.maketrans({
    "→": "->", "←": "<-", "≤": "<=", "≥": ">=", "≠": "!=", "×": "x", "·": ";", "µ": "u", "–": "-", "—": "-",
    "…": "...", "‘": "'", "’": "'", "“": '"', "”": '"',
})  # fmt: skip
#: A space at which ``wrap`` does not break; ``safe`` leaves none in what others wrote.
GLUE: Final = "\xa0"
_SHORT_ESCAPES: Final = {0x09: "\\t", 0x0A: "\\n", 0x0D: "\\r", 0x22: '\\"', 0x5C: "\\\\"}


def safe(text: str, *, ascii_only: bool = False) -> str:
    r"""Make text of any origin harmless to a terminal: one line of visible signs and spaces.

    Controls, line ends, bidirectional overrides, invisible signs and lone surrogates become ``\x1b`` or
    ``\u202e``; with ``ascii_only`` so does everything else beyond ASCII that has no likeness there.
    """
    if text.isascii() and text.isprintable():
        return text
    if ascii_only:
        text = text.translate(_IN_ASCII)
    return "".join(c if c == " " or _visible(c, ascii_only) else _escaped(c) for c in text)


def _visible(character: str, ascii_only: bool) -> bool:
    if character < "\x7f":
        return character > " "
    # A mark that combines would pile up on its neighbours; what Python calls printable may still be one.
    return not ascii_only and character.isprintable() and not unicodedata.category(character).startswith("M")


def _escaped(character: str) -> str:
    code = ord(character)
    if code < 0x80 and code in _SHORT_ESCAPES:
        return _SHORT_ESCAPES[code]
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def columns(text: str) -> int:
    """How many columns a terminal takes for text that ``safe`` has seen."""
    if text.isascii():
        return len(text)
    return sum(2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)


def fit(text: str, width: int) -> str:
    """Safe text cut to ``width`` columns (5 or more), with ``...`` where something is missing."""
    if columns(text) <= width:
        return text
    head, _ = _split(text, width - 3)
    return head + "..."


def wrap(text: str, width: int, *, indent: int = 0) -> list[str]:
    """Break safe text between words into lines of at most ``width`` columns; words longer than that are cut.

    Where ``GLUE`` stands for a space, no line ends. All lines but the first begin with ``indent`` spaces.
    There is at least one line; ``width`` must exceed ``indent`` by 2 or more.
    """
    lines: list[str] = []
    line, used, room = "", 0, width
    for word in filter(None, text.split(" ")):
        size = columns(word)
        if line and used + 1 + size <= room:
            line, used = f"{line} {word}", used + 1 + size
            continue
        if line:
            lines.append(line)
            room = width - indent
        while size > room:
            head, word = _split(word, room)
            lines.append(head)
            size = columns(word)
            room = width - indent
        line, used = word, size
    if line or not lines:
        lines.append(line)
    return [" " * (indent if at else 0) + line.replace(GLUE, " ") for at, line in enumerate(lines)]


def _split(text: str, width: int) -> tuple[str, str]:
    """The longest beginning that takes at most ``width`` columns, at least one character; and the rest."""
    if text.isascii():
        return text[:width], text[width:]
    used = 0
    for at, character in enumerate(text):
        used += columns(character)
        if used > width and at:
            return text[:at], text[at:]
    return text, ""


def preview(octets: bytes, width: int, *, total: int | None = None) -> str:
    r"""The first octets, quoted, in at most ``width`` columns (12 or more): ``"GET / HTTP/1.0\r\n"...``.

    Dots follow where ``total`` octets, or all of them, are more than are shown.
    """
    total = len(octets) if total is None else total
    # An octet takes at least one column: more than ``width`` of them need not be looked at.
    signs = [_sign(octet) for octet in octets[: width + 1]]
    if len(octets) == total and sum(map(len, signs)) + 2 <= width:
        return f'"{"".join(signs)}"'
    room = width - 5
    text = ""
    for sign in signs:
        if len(text) + len(sign) > room:
            break
        text += sign
    return f'"{text}"...'


def _sign(octet: int) -> str:
    if octet in _SHORT_ESCAPES:
        return _SHORT_ESCAPES[octet]
    return chr(octet) if 0x20 <= octet < 0x7F else f"\\x{octet:02x}"


def duration(nanoseconds: int, *, ascii_only: bool = False) -> str:
    """A length of time in the unit that suits it: ``870 ns``, ``42.1 µs``, ``3.07 ms``, ``4 min 5 s``."""
    if nanoseconds < 0:
        return "-" + duration(-nanoseconds, ascii_only=ascii_only)
    if nanoseconds < _MICROSECOND:
        return f"{nanoseconds} ns"
    for unit, name in ((_MICROSECOND, "us" if ascii_only else "µs"), (_MILLISECOND, "ms"), (_SECOND, "s")):
        rounded = _three_digits(nanoseconds, unit)
        # 999.7 of a unit would be rounded to 1000 of it, which is 1 of the next.
        limit = 60 if name == "s" else 1000
        if float(rounded) < limit:
            return f"{rounded} {name}"
    seconds = round(nanoseconds / _SECOND)
    minutes, seconds = divmod(seconds, 60)
    if minutes < 60:
        return f"{minutes} min {seconds} s"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min"


def _three_digits(nanoseconds: int, unit: int) -> str:
    value = nanoseconds / unit
    decimals = 2 if value < 9.995 else 1 if value < 99.95 else 0
    text = f"{value:.{decimals}f}"
    return text.rstrip("0").rstrip(".") if decimals else text


def moment(nanoseconds: int) -> str:
    """A time since the start, for a column of them: ``0.042 ms`` up to a second, then ``1.000042 s``.

    To the microsecond as long as 10 columns can show that; no more than 10 columns for anything up to a day.
    """
    if abs(nanoseconds) < _SECOND - 500:
        return f"{nanoseconds / _MILLISECOND:.3f} ms"
    written = (f"{nanoseconds / _SECOND:.{decimals}f} s" for decimals in (6, 5, 4, 3))
    return next((text for text in written if len(text) <= 10), f"{nanoseconds / _SECOND:.2f} s")


def plural(count: int, word: str) -> str:
    """``1 segment``, ``2 segments``."""
    return f"{count} {word}" if count == 1 else f"{count} {word}s"
