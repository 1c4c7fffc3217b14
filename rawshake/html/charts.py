"""Small charts: counts as bars of a table, times as a histogram; each with all its numbers as text beside it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from html import escape
from typing import Final

from rawshake.many.times import Times
from rawshake.render.text import duration

#: At most so many columns.
_BINS: Final = 24
_WIDTH, _HEIGHT = 360, 120
#: Room below the columns for what stands at the axis, and above the highest.
_AXIS, _ABOVE = 18, 4
#: Which shares of all times are told, and what they are called.
_SHARES: Final = (("median", 0.5), ("90 %", 0.9), ("99 %", 0.99))


@dataclass(frozen=True, slots=True)
class Bar:
    """One count of several: ``value`` is what a filter knows it by, ``share`` its part of all, 0 to 1."""

    value: str
    words: str
    count: int
    share: float

    @property
    def percent(self) -> str:
        """``99.7 %``; neither all nor nothing where it is only nearly so."""
        if 0 < self.share < 0.001:
            return "< 0.1 %"
        if 0.999 < self.share < 1:
            return "> 99.9 %"
        return f"{self.share * 100:.1f}".removesuffix(".0") + " %"

    @property
    def svg(self) -> str:
        """The bar itself, which says nothing that the numbers beside it do not."""
        width = max(self.share * 100, 1.0 if self.count else 0.0)
        return (
            '<svg class="bar" viewBox="0 0 100 8" preserveAspectRatio="none" aria-hidden="true">'
            f'<rect class="track" width="100" height="8"/><rect width="{width:.2f}" height="8"/></svg>'
        )


def bars(counts: Iterable[tuple[str, str, int]]) -> tuple[Bar, ...]:
    """Bars of counts, given as value, words and number; none for what did not occur."""
    some = [one for one in counts if one[2]]
    total = sum(count for _, _, count in some)
    return tuple(Bar(value, words, count, count / total) for value, words, count in some)


@dataclass(frozen=True, slots=True)
class Spread:
    """How times are distributed: what is said of them, and columns of (from, to, how many)."""

    count: int
    told: tuple[tuple[str, str], ...]
    columns: tuple[tuple[str, str, int], ...]
    svg: str


def spread(times: Times, what: str) -> Spread | None:
    """What a chart of these times shows and says; None where there is none."""
    if not times.count:
        return None
    told = [("least", times.least)]
    told += [(word, times.percentile(share)) for word, share in _SHARES]
    told.append(("most", times.most))
    columns = tuple((duration(begin), duration(end), count) for begin, end, count in times.histogram(_BINS))
    words = tuple((word, duration(time)) for word, time in told)
    sentence = f"{what}: {', '.join(f'{word} {time}' for word, time in words)}"
    return Spread(times.count, words, columns, _histogram(columns, sentence))


def _histogram(columns: tuple[tuple[str, str, int], ...], sentence: str) -> str:
    highest = max(count for _, _, count in columns)
    step = _WIDTH / max(len(columns), 8)
    room = _HEIGHT - _AXIS - _ABOVE
    parts = []
    for at, (begin, end, count) in enumerate(columns):
        height = max(count / highest * room, 1.5 if count else 0)
        parts.append(
            f'<rect x="{at * step + 0.5:.1f}" y="{_HEIGHT - _AXIS - height:.1f}" width="{step - 1:.1f}" '
            f'height="{height:.1f}"><title>{escape(f"{begin} to {end}: {count}")}</title></rect>'
        )
    right = len(columns) * step
    parts.append(f'<path class="axis" d="M0 {_HEIGHT - _AXIS + 0.5}H{_WIDTH}"/>')
    labels = [(0.0, "start", columns[0][0])]
    if len(columns) > 2:
        middle = len(columns) // 2
        labels.append((middle * step, "middle", columns[middle][0]))
    labels.append((right, "end" if right > _WIDTH / 4 else "start", columns[-1][1]))
    if len(columns) < 3:
        labels = [(0.0, "start", f"{columns[0][0]} to {columns[-1][1]}")]
    parts += [
        f'<text x="{x:.1f}" y="{_HEIGHT - 4}" text-anchor="{anchor}">{escape(text)}</text>'
        for x, anchor, text in labels
    ]
    return (
        f'<svg class="histogram" viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" aria-label="{escape(sentence)}">'
        f"{''.join(parts)}</svg>"
    )
