"""One exchange as SVG: two lifelines with the states of both ends, an arrow for each segment, what was found on it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from html import escape
from typing import Final

from rawshake.html.shell import asset
from rawshake.render.options import Options
from rawshake.render.text import moment, safe
from rawshake.render.words import endpoint_text, flags_text, states_before, states_of
from rawshake.report import Exchange, Judged, Remark
from rawshake.tcp.view import End, Fate

WIDTH: Final = 560
_LEFT: Final = 96
_RIGHT: Final = WIDTH - 24
_TOP: Final = 56
_ROW: Final = 64

_COLOUR: Final = re.compile(r"--([\w-]+): light-dark\((#\w+), (#\w+)\);")


def draw(exchange: Exchange, options: Options, *, alone: bool = False, title: str = "") -> str:
    """The picture: ``alone`` a document of its own, otherwise for a page that has ``ladder.css``."""
    start = exchange.entries[0].time if exchange.entries and isinstance(exchange.entries[0], Remark) else None
    if start is None and exchange.steps:
        start = exchange.steps[0].time
    height = _TOP + _ROW * len(exchange.entries) + 24
    title = title or f"{endpoint_text(exchange.client)} and {endpoint_text(exchange.server)}"
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" class="rawshake-ladder" viewBox="0 0 {WIDTH} {height}" '
        f'width="{WIDTH}" height="{height}" role="img">',
        f"<title>{_text(title)}</title>",
        f"<style>{alone_style()}</style>" if alone else "",
        f'<rect class="paper" width="{WIDTH}" height="{height}" rx="8"/>',
        _head(exchange, options),
        *_rows(exchange, start or 0),
        "</svg>",
    ]
    return "\n".join(part for part in parts if part) + "\n"


def _head(exchange: Exchange, options: Options) -> str:
    texts = []
    for end, x, anchor in ((End.CLIENT, _LEFT, "start"), (End.SERVER, _RIGHT, "end")):
        address = exchange.client if end is End.CLIENT else exchange.server
        name = "rawshake" if options.ours is end else options.name(end)
        texts.append(
            f'<text class="end {end}" x="{x}" y="24" text-anchor="{anchor}">{_text(f"{end} {name}".strip())}</text>'
            f'<text x="{x}" y="42" text-anchor="{anchor}">{_text(endpoint_text(address))}</text>'
        )
    return "".join(texts)


def _rows(exchange: Exchange, start: int) -> Iterator[str]:
    states: tuple[str, str] | None = None
    y = _TOP
    for entry in exchange.entries:
        if isinstance(entry, Remark):
            yield f'<text class="remark" x="{_LEFT + 20}" y="{y + 20}">{_text(entry.text)}</text>'
        else:
            if states is None:
                states = states_before(entry.step)
                yield _states(states, y)
            yield _arrow(entry, y, start)
            states = states_of(entry.step.after)
            yield _states(states, y + _ROW)
        y += _ROW


def _states(states: tuple[str, str], y: int) -> str:
    client, server = states
    return (
        f'<text class="client" x="{_LEFT + 8}" y="{y}">{client}</text>'
        f'<text class="server" x="{_RIGHT - 8}" y="{y}" text-anchor="end">{server}</text>'
    )


def _arrow(entry: Judged, y: int, start: int) -> str:
    step, segment = entry.step, entry.step.segment
    x1, x2 = (_LEFT, _RIGHT) if step.sender is End.CLIENT else (_RIGHT, _LEFT)
    ack = f"  ack {segment.ack}" if segment.has_ack else ""
    label = f"{flags_text(segment.flags)}  seq {segment.seq}{ack}  len {segment.payload_length}"
    lost = " lost" if step.fate is Fate.LOST else ""
    return (
        f'<g class="segment {step.sender}{lost}" data-number="{step.number}">'
        f'<text x="4" y="{y + 34}">{entry.frame or step.number} {_text(moment(step.time - start))}</text>'
        f'<text x="{(_LEFT + _RIGHT) / 2}" y="{y + 26}" text-anchor="middle">{_text(label)}</text>'
        f'<path d="M{x1} {y + 34}H{x2}"/></g>'
    )


def alone_style() -> str:
    """The ladder's style sheet with its colours written out, for readers that know no custom properties."""
    light, dark = palette()
    css = asset("ladder.css")
    return f"{_painted(css, light)}\n@media (prefers-color-scheme: dark) {{\n{_painted(css, dark)}\n}}"


@cache
def palette() -> tuple[dict[str, str], dict[str, str]]:
    """The colours of ``base.css`` by name, for a light page and for a dark one."""
    found = _COLOUR.findall(asset("base.css"))
    return {name: light for name, light, _ in found}, {name: dark for name, _, dark in found}


def _painted(css: str, colours: dict[str, str]) -> str:
    return re.sub(r"var\(--([\w-]+)\)", lambda match: colours[match[1]], css)


def _text(text: str) -> str:
    return escape(safe(text))
