"""Plain words in a terminal: the sentence for a segment, and what is said at the end, in lines of a given width."""

from __future__ import annotations

import re
from typing import Final

from rawshake.plain.language import Language, phrase
from rawshake.render import style
from rawshake.render.options import Options
from rawshake.render.style import Span
from rawshake.render.text import GLUE, safe, wrap
from rawshake.report import Exchange
from rawshake.tcp.view import Step

_HEAD: Final = phrase("What the states mean:")
_NAMED: Final = re.compile(r"\b([ab](?:[+-][0-9]+)?) = (?=[0-9])")


def sentence_text(step: Step, options: Options) -> str:
    """What the segment says; empty where nobody asked for that."""
    if options.words is None:
        return ""
    from rawshake.plain.sentences import sentence  # most never explain

    return safe(sentence(step, options.words), ascii_only=options.ascii)


def held_together(text: str) -> str:
    """The sentence for ``wrap``, which is not to break between a number and its name."""
    return _NAMED.sub(rf"\1{GLUE}={GLUE}", text)


def closing_lines(exchange: Exchange, width: int, options: Options) -> list[list[Span]]:
    """What the states mean and why TIME-WAIT is there; none where nobody asked for that, or nothing passed."""
    words = options.words
    if words is None:
        return []
    from rawshake.plain.closing import closing

    told = closing(exchange, words)
    if not told.states:
        return []
    margin = max(len(str(state)) for state, _ in told.states) + 4
    lines = [[Span(line, style.BOLD)] for line in wrap(_safe(words.say(_HEAD), options), width)]
    for state, text in told.states:
        first, *rest = wrap(_safe(text, options), width - margin)
        lines.append([Span(f"  {state!s:<{margin - 2}}", style.BOLD), Span(first)])
        lines += [[Span(" " * margin + line)] for line in rest]
    for text in told.paragraphs:
        lines += [[], *([Span(line)] for line in wrap(_safe(text, options), width))]
    return lines


def translated(text: str, words: Language | None) -> str:
    """A remark of ours in that language, where its catalogue has it."""
    return text if words is None else words.translate(text)


def _safe(text: str, options: Options) -> str:
    return safe(text, ascii_only=options.ascii)
