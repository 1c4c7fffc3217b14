"""What a drawing is made of: spans of text with a colour each, and the signs for lines and arrow heads."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, NamedTuple

from rawshake.render.text import columns
from rawshake.rules.model import Verdict

#: Parameters of SGR, the escape sequence that sets colours (ECMA-48 section 8.3.117).
PLAIN: Final = ""
BOLD: Final = "1"
DIM: Final = "2"
GREEN: Final = "32"
YELLOW: Final = "33"
MAGENTA: Final = "35"
CYAN: Final = "36"
BOLD_RED: Final = "1;31"
BOLD_GREEN: Final = "1;32"
BOLD_YELLOW: Final = "1;33"

OF_VERDICT: Final = {
    Verdict.PASS: GREEN,
    Verdict.FAIL: BOLD_RED,
    Verdict.WARN: BOLD_YELLOW,
    Verdict.NOTE: CYAN,
    Verdict.KNOWN: CYAN,
    Verdict.INCONCLUSIVE: DIM,
    Verdict.SKIPPED: DIM,
    Verdict.ERROR: BOLD_RED,
}


class Span(NamedTuple):
    """Text that is drawn in one style; it is safe for a terminal already."""

    text: str
    style: str = PLAIN


def paint(spans: Iterable[Span], *, colour: bool) -> str:
    """The spans as one piece of text, without spaces at its end; styles only with ``colour``."""
    kept = list(spans)
    while kept and not kept[-1].text.rstrip(" "):
        kept.pop()
    if kept:
        kept[-1] = kept[-1]._replace(text=kept[-1].text.rstrip(" "))
    return "".join(
        f"\x1b[{span.style}m{span.text}\x1b[0m" if colour and span.style and span.text else span.text
        for span in kept
    )


def extent(spans: Iterable[Span]) -> int:
    """How many columns the spans take."""
    return sum(columns(span.text) for span in spans)


@dataclass(frozen=True, slots=True)
class Signs:
    """The characters that lines are drawn with, one column each."""

    rail: str
    from_left: str
    from_right: str
    line: str
    to_right: str
    to_left: str
    lost: str
    dot: str


#: All of them are in the font of the Linux console too.
UNICODE: Final = Signs("│", "├", "┤", "─", "►", "◄", "×", "·")
ASCII: Final = Signs("|", "|", "|", "-", ">", "<", "x", "-")
