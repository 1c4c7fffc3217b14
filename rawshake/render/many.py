"""What many exchanges with one server came to: times, kinds, findings, and the first of each unusual kind."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Final

from rawshake.render import compact, ladder, style
from rawshake.render.findings import LOUD, cite_text, glued
from rawshake.render.options import Options
from rawshake.render.style import Span, paint
from rawshake.render.text import duration, plural, safe, wrap
from rawshake.render.words import endpoint_text, who
from rawshake.rules.model import Verdict

if TYPE_CHECKING:  # numpy comes with them
    from rawshake.many.tally import OfFinding, OfKind, Ran
    from rawshake.many.times import Times

#: Rows of a histogram.
ROWS: Final = 12
#: So many unusual kinds are drawn; of the others only the number is told.
DRAWN: Final = 6
_SHARES: Final = {"50 %": 0.5, "90 %": 0.9, "99 %": 0.99, "99.9 %": 0.999}
_BLOCKS: Final = " ▏▎▍▌▋▊▉█"
_TITLES: Final = {
    "handshake": "our SYN to their SYN,ACK",
    "teardown": "our FIN to the later of their FIN and its acknowledgment",
}

Lines = Iterator[list[Span]]


def draw(ran: Ran, options: Options, *, small: bool = False) -> str:
    """All of it, with its line ends; with ``small`` the transcripts have one line a segment."""
    tally = ran.tally
    pieces = [_join(_head(ran, options), options)]
    both = {"handshake": tally.handshake, "teardown": tally.teardown}
    timed = {name: times for name, times in both.items() if times.count}
    if timed:
        pieces.append(_join(_percentiles(timed, options), options))
        pieces += [_join(_histogram(name, times, options), options) for name, times in timed.items()]
    pieces.append(_join(_kinds(ran, options), options))
    pieces += _unusual(ran, options, small=small)
    found = _join(_findings(ran, options), options)
    return "\n".join([*pieces, *([found] if found else []), verdict_line(ran, options) + "\n"])


def verdict_line(ran: Ran, options: Options) -> str:
    """The run in one line: ``10000 exchanges: 9990 closed, 10 refused; 17 rules held, 0 broken``."""
    tally = ran.tally
    text = plural(tally.count, "exchange")
    if tally.outcomes:
        text += (
            f": {', '.join(f'{count} {outcome.value}' for outcome, count in tally.outcomes.most_common())}"
        )
    if tally.count < ran.wanted:
        text += f", of {ran.wanted} asked for"
    found = list(tally.findings.values())
    broken = {one.ruling.rule for one in found if one.ruling.verdict in (Verdict.FAIL, Verdict.WARN)}
    text += f"; {plural(len(tally.held - broken), 'rule')} held, {len(broken)} broken"
    if tally.broken:
        text += f" (by the server in {plural(tally.broken, 'exchange')})"
    colour = style.BOLD_RED if tally.broken else style.BOLD_YELLOW if broken else style.BOLD_GREEN
    return paint([Span(safe(text, ascii_only=options.ascii), colour)], colour=options.colour)


def _head(ran: Ran, options: Options) -> Lines:
    tally = ran.tally
    many = plural(tally.count, "exchange")
    took = duration(ran.took, ascii_only=options.ascii)
    rate = f": {tally.count * 1e9 / ran.took:.0f} a second" if ran.took else ""
    yield from _wrapped(
        f"{many} with {endpoint_text(ran.server)}, {ran.jobs} at a time, in {took}{rate}", options
    )
    if ran.lost:
        lost = f"The capture lost {plural(ran.lost, 'packet')}: fewer at a time (--jobs) may lose none."
        yield from _wrapped(lost, options, style.YELLOW)


def _percentiles(timed: dict[str, Times], options: Options) -> Lines:
    def text(time: int) -> str:
        return duration(time, ascii_only=options.ascii)

    yield [Span(f"{'':9}{'least':>10}{''.join(f'{name:>10}' for name in _SHARES)}{'most':>10}", style.DIM)]
    for name, times in timed.items():
        shares = [text(times.percentile(share)) for share in _SHARES.values()]
        cells = [text(times.least), *shares, text(times.most)]
        yield [Span(f"{name:9}{''.join(f'{cell:>10}' for cell in cells)}")]


def _histogram(name: str, times: Times, options: Options) -> Lines:
    yield from _wrapped(f"{name}: {_TITLES[name]}", options, style.BOLD)
    rows = times.histogram(ROWS)
    largest = max(count for _, _, count in rows)
    counts = max(len(str(largest)), 5)
    room = options.columns - 12 - 2 - counts
    for begin, _, count in rows:
        bar = _bar(count * room / largest, ascii_only=options.ascii)
        if count and not bar:
            bar = "." if options.ascii else _BLOCKS[1]
        label = f"{duration(begin, ascii_only=options.ascii):>10}  "
        yield [Span(label), Span(f"{bar:<{room}}", style.CYAN), Span(f"  {count:>{counts}}")]


def _bar(length: float, *, ascii_only: bool) -> str:
    if ascii_only:
        return "#" * round(length)
    whole, rest = divmod(round(length * 8), 8)
    return "█" * whole + (_BLOCKS[rest] if rest else "")


def _sorted(ran: Ran) -> list[OfKind]:
    return sorted(ran.tally.kinds.values(), key=lambda one: (-one.count, one.first))


def _kinds(ran: Ran, options: Options) -> Lines:
    kinds = _sorted(ran)
    width = max([len(str(one.count)) for one in kinds] or [1])
    for one in kinds:
        text = safe(str(one.kind), ascii_only=options.ascii)
        for at, line in enumerate(wrap(text, options.columns - width - 4, indent=2)):
            yield [Span(f"  {one.count if not at else '':>{width}}  {line}")]
    for outcome, count in ran.tally.untold.most_common():
        yield from _wrapped(f"  {count:>{width}}  {outcome.value}, of still other kinds", options)


def _unusual(ran: Ran, options: Options, *, small: bool) -> Iterator[str]:
    unusual = _sorted(ran)[1:] if len(ran.tally.kinds) > 1 else []
    if ran.tally.usual is not None and (ran.tally.broken or not unusual):
        # What all have in common is worth a look if it is all there is, or if something is wrong with it.
        unusual = [ran.tally.usual, *unusual]
    for one in unusual[:DRAWN]:
        of = f", the first of {one.count} of its kind" if one.count > 1 else ""
        title = paint([Span(f"Exchange {one.first}{of}:", style.BOLD)], colour=options.colour)
        exchange = one.result.exchange
        yield title + "\n" + (compact.compact if small else ladder.draw)(exchange, options)
    if len(unusual) > DRAWN:
        yield f"{plural(len(unusual) - DRAWN, 'more kind')} not drawn; --json has them all.\n"


def _findings(ran: Ran, options: Options) -> Lines:
    found = sorted(ran.tally.findings.values(), key=lambda one: (_gravity(one), one.ruling.rule))
    for one in found:
        ruling = one.ruling
        if ruling.verdict not in LOUD and not options.verbose:
            continue
        cite = f" ({cite_text(ruling.cite)})" if ruling.cite else ""
        times = "once" if one.count == 1 else f"{one.count} times"
        said = f"{ruling.verdict} {ruling.rule}{cite}, broken by {who(ruling)} {times}, first in exchange {one.first}:"
        yield from _wrapped(said, options, style.OF_VERDICT[ruling.verdict])
        for line in wrap(safe(ruling.sentence, ascii_only=options.ascii), options.columns - 5):
            yield [Span(f"     {line}")]
    quiet = [one for one in found if one.ruling.verdict not in LOUD]
    if quiet and not options.verbose:
        yield from _wrapped(f"{plural(len(quiet), 'note')}; -v tells.", options, style.DIM)
    if options.verbose and ran.tally.held:
        rules = ", ".join(map(glued, sorted(ran.tally.held)))
        yield from _wrapped(f"{plural(len(ran.tally.held), 'rule')} held: {rules}", options, style.DIM)


def _gravity(found: OfFinding) -> int:
    order = (Verdict.FAIL, Verdict.WARN, Verdict.NOTE)
    return order.index(found.ruling.verdict) if found.ruling.verdict in order else len(order)


def _wrapped(text: str, options: Options, sgr: str = style.PLAIN) -> Lines:
    for line in wrap(safe(text, ascii_only=options.ascii), options.columns, indent=2):
        yield [Span(line, sgr)]


def _join(lines: Iterable[list[Span]], options: Options) -> str:
    return "".join(paint(line, colour=options.colour) + "\n" for line in lines)
